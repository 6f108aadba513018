"""What key expressions give for events nobody thought of. Source: flow control, 1.5."""

import time
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell.core.function import Function
from stepwell.core.keys import (
    PRIORITY_S_MAX,
    condition_holds,
    event_value,
    optional_key,
    priority_ms,
    shared_key,
)
from stepwell.core.lanes import LaneKey, lane_keys
from stepwell.core.scheduling import place
from stepwell.wire.config import (
    Batch,
    ConcurrencyLimit,
    ConcurrencyScope,
    Debounce,
    RateLimit,
    RunConcurrency,
    Singleton,
    Throttle,
)
from stepwell.wire.events import expression_value
from tests.unit.core.admission_world import AdmissionWorld, limited
from tests.unit.core.core_world import START_MS

KEY = "event.data.k"
MISSING = object()


def event(value: object = MISSING) -> Mapping[str, Any]:
    data = {} if value is MISSING else {"k": value}
    stored = {"data": data, "id": "1", "name": "t/go", "ts": START_MS, "user": {}}
    return expression_value(msgspec.json.encode(stored))


def shared(value: object = MISSING, source: str = KEY) -> str:
    return shared_key(source, lambda: event(value), now_ms=START_MS)


def optional(value: object = MISSING, source: str = KEY) -> str | None:
    return optional_key(source, lambda: event(value), now_ms=START_MS)


def priority(value: object = MISSING, source: str = KEY) -> int:
    return priority_ms(source, lambda: event(value), now_ms=START_MS)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        ("", ""),
        ("a\0b", "a\0b"),
        ("false", "false"),
        (7, "7"),
        (7.5, "7.5"),
        (1_000_000, "1e+06"),
        (10**30, "1e+30"),
        (True, "true"),
        (None, "<nil>"),
        ([], "[]"),
        ([1, "a", None], "[1 a <nil>]"),
        ({"b": 1, "a": [2]}, "map[a:[2] b:1]"),
    ],
)
def test_what_is_no_text_counts_as_its_text(value: object, text: str) -> None:
    assert shared(value) == text
    assert optional(value) == text


@pytest.mark.parametrize("value", [MISSING, False])
def test_without_the_attribute_an_event_shares_a_key_or_is_not_limited(value: object) -> None:
    assert shared(value) == "false"
    assert optional(value) is None


@pytest.mark.parametrize("source", ["1/0", "event.data.k + {}", "event.data.k(", "nowhere.x"])
def test_an_expression_that_fails_shares_a_key_or_does_not_limit(source: str) -> None:
    assert shared("a", source) == "<invalid>"
    assert optional("a", source) is None


def test_without_an_expression_all_events_have_one_key() -> None:
    assert shared_key(None, event, now_ms=START_MS) == ""
    assert optional_key(None, event, now_ms=START_MS) == ""


def test_a_huge_text_is_a_short_key_of_its_own() -> None:
    """No key is longer than 64 characters, and different texts have different ones."""
    huge, other = "x" * 3_000_000, "x" * 2_999_999 + "y"
    assert len(shared(huge)) <= 65
    assert shared(huge) != shared(other)
    assert optional(huge) == shared(huge)
    assert len(shared("🎉" * 65).encode()) < 300


def test_a_value_of_countless_elements_is_an_error_like_any_other() -> None:
    elements = [0] * 200_000
    assert shared(elements) == "<invalid>"
    assert optional(elements) is None


def test_a_value_nested_as_deeply_as_events_may_be_is_a_key() -> None:
    nested: object = "a"
    for _ in range(250):
        nested = [nested]
    assert shared(nested).startswith("[[[")


def test_a_text_in_a_text_cannot_smuggle_in_half_a_character() -> None:
    """Halves of surrogate pairs cannot be stored."""
    source = "json_parse(event.data.k).x"
    assert shared('{"x":"\\ud800"}', source) == "<invalid>"
    assert shared('{"x":"\\ud83c\\udf89"}', source) == "🎉"


@pytest.mark.parametrize(
    "source",
    [
        "event.data.k.map(a, event.data.k.map(b, event.data.k.map(c, a + b + c)))",
        "event.data.k.exists(a, event.data.k.exists(b, a + b == 'no'))",
        "event.data.k + event.data.k",
        " + ".join(["event.data.t"] * 30),
        "event.data.t.matches('(a*)*b')",
        "event == event",
        "[event, event, event]",
    ],
)
def test_no_key_takes_long(source: str) -> None:
    """The bound is far above what it takes, and far below what an unbounded one would take."""
    value = event([str(n) for n in range(2_000)])
    value["data"]["t"] = "a" * 1_000_000
    began_s = time.process_time()
    shared_key(source, lambda: value, now_ms=START_MS)
    assert time.process_time() - began_s < 2


@pytest.mark.parametrize("value", [MISSING, False, None, 1, "true", [], {}])
def test_only_true_joins_a_batch(value: object) -> None:
    assert not condition_holds(KEY, lambda: event(value), now_ms=START_MS)
    assert condition_holds(KEY, lambda: event(True), now_ms=START_MS)
    assert condition_holds(None, event, now_ms=START_MS)
    assert not condition_holds("1/0 == 1", lambda: event(value), now_ms=START_MS)


class TestPriority:
    @pytest.mark.parametrize(
        ("value", "s"),
        [
            (0, 0),
            (120, 120),
            (-120, -120),
            (120.0, 120),
            (43_200, 43_200),
            (43_201, 43_200),
            (-43_201, -43_200),
            (10**30, PRIORITY_S_MAX),
            (-1e300, -PRIORITY_S_MAX),
        ],
    )
    def test_it_is_a_number_of_seconds_up_to_twelve_hours(self, value: object, s: int) -> None:
        assert priority(value) == s * 1_000

    @pytest.mark.parametrize(
        "value", [MISSING, None, True, False, 1.5, 0.1, "120", "", [], [120], {}, {"a": 1}]
    )
    def test_anything_else_is_none(self, value: object) -> None:
        assert priority(value) == 0

    @pytest.mark.parametrize(
        "source", ["0.0/0.0", "1.0/0.0", "-1.0/0.0", "1/0", "event", "'5'", "event.data.", "now()"]
    )
    def test_what_is_no_whole_number_is_none(self, source: str) -> None:
        assert priority(1, source) == 0

    @pytest.mark.parametrize("source", ["9223372036854775807", "18446744073709551615u", "1e308"])
    def test_a_literal_is_bounded_too(self, source: str) -> None:
        assert priority(1, source) == PRIORITY_S_MAX * 1_000


_EXPRESSIONS = st.sampled_from(
    [
        *(
            "event.data.a",
            "event.data",
            "event",
            "event.data.a + event.data.b",
            "event.data.a * 1.0",
        ),
        *("event.data.a / 0.0", "int(event.data.a)", "uint(event.data.a)", "double(event.data.a)"),
        *("string(event.data.a)", "type(event.data.a)", "size(event.data.a)", "event.data.a[0]"),
        *("event.data.a[event.data.b]", "event.data.a.map(x, x)", "json_parse(event.data.a)"),
        *("b64decode(event.data.a)", "event.data.a.matches(event.data.b)", "date(event.data.a)"),
        *("now_plus(event.data.a)", "event.data.a > event.data.b", "event.data.a == event.data.b"),
        *("event.data.a.exists(x, x == event.data.b)", "{'a': event.data}", "b'\\xff'", "null"),
        *("uppercase(event.data.a)", "duration('1h')", "event.user", "event.ts", "'\\u0000'"),
    ]
)
_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.sampled_from(["x" * 65, "🎉" * 50, "a\0", '{"a":1}', "eyJh", "2030-01-01", "NaN", "1e400"]),
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def _functions(key: str) -> list[Function]:
    """The expression in each place of a configuration."""
    held_up = {
        "concurrency": (
            ConcurrencyLimit(limit=1, key=key),
            ConcurrencyLimit(limit=1, key=key, scope=ConcurrencyScope.ACCOUNT),
        ),
        "run_concurrency": RunConcurrency(limit=1, key=key),
        "throttle": Throttle(limit=1, period="1s", key=key),
        "priority": key,
        "singleton": Singleton(key=key),
    }
    return [
        limited(**held_up, debounce=Debounce(period="1s", key=key)),
        limited(**held_up, rate_limit=RateLimit(limit=1, period="1s", key=key)),
        limited(**held_up, idempotency=key),
        limited(batch=Batch(size_max=2, timeout="1s", key=key, condition=key)),
    ]


@settings(max_examples=60, deadline=None)
@given(_EXPRESSIONS, st.dictionaries(st.sampled_from(["a", "b"]), _VALUES))
def test_any_event_has_an_outcome_whatever_its_keys_are(key: str, data: dict[str, Any]) -> None:
    """Nothing that an expression gives for an event fails the event, or cannot be stored."""
    for function in _functions(key):
        world = AdmissionWorld(function)
        world.arrive(data)
        world.arrive(data)
        world.pass_ms(5_000)
        world.check_each_event_once()
        for _, text in world.limits:
            assert len(text.encode()) < 300
        for ref in world.buffers:
            assert len(ref.key.encode()) < 300
        for sent in world.events:
            placement = place(function, event_value(sent.payload), now_ms=world.now_ms)
            lane = placement.start_lane
            assert len(lane.encode()) < 2_000
            assert all(isinstance(lane_key, LaneKey) for lane_key in lane_keys(lane))
            assert abs(placement.score - world.now_ms) <= PRIORITY_S_MAX * 1_000
