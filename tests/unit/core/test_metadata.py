"""What updates of metadata add up to, which are allowed, and whose they are."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell.core.identity import RunId, StepId
from stepwell.core.journal import Entry, StepAttemptFailed, StepName, StepPlanned, StepResolved
from stepwell.core.metadata import (
    KIND_CHARS_MAX,
    LAST_ATTEMPT,
    METADATA_BYTES_MAX,
    SCORE_NAME_BYTES_MAX,
    UPDATE_BYTES_MAX,
    Metadata,
    MetadataOp,
    MetadataOwner,
    MetadataScope,
    MetadataUpdate,
    is_kind,
    is_score,
    metadata_of,
    size_of,
)

RUN = MetadataOwner(MetadataScope.RUN)
STEP = MetadataOwner(MetadataScope.STEP, StepId("s"))
SPAN = MetadataOwner(MetadataScope.EXTENDED_TRACE, span_id="00f067aa0ba902b7")


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def update(
    op: str,
    values: dict[str, Any],
    *,
    owner: MetadataOwner = RUN,
    kind: str = "userland.k",
    number: int = 1,
    at_ms: int = 10,
) -> MetadataUpdate:
    body = msgspec.json.encode(values)
    return MetadataUpdate(RunId("r"), number, owner, kind, MetadataOp(op), body, len(body), at_ms)


def resolved(
    metadata: object, *, at_ms: int = 10, attempt: int = 0, name: StepName | None = None
) -> StepResolved:
    sent = raw(metadata)
    return StepResolved(at_ms, StepId("s"), raw(1), name=name, attempt=attempt, metadata=sent)


def sent(kind: str, values: object, *, op: str = "set", scope: str = "step") -> dict[str, Any]:
    return {"kind": kind, "scope": scope, "op": op, "values": values}


def values_of(folded: dict[MetadataOwner, list[Metadata]]) -> dict[MetadataOwner, dict[str, Any]]:
    return {
        owner: {one.kind: msgspec.json.decode(one.values) for one in of_owner}
        for owner, of_owner in folded.items()
    }


@pytest.mark.parametrize(
    ("updates", "expected"),
    [
        ([("merge", {"a": 1}), ("merge", {"b": 2, "a": 3})], {"a": 3, "b": 2}),
        ([("merge", {"a": 1}), ("set", {"b": 2})], {"b": 2}),
        ([("set", {"a": 1, "b": 2}), ("delete", {"a": None, "c": 0})], {"b": 2}),
        ([("add", {"n": 1}), ("add", {"n": 2}), ("add", {"m": 5})], {"n": 3, "m": 5}),
        ([("set", {"n": 1.5}), ("add", {"n": 2})], {"n": 3.5}),
        ([("set", {"n": "text"}), ("add", {"n": 2})], {"n": 2}),
        ([("set", {"n": True}), ("add", {"n": 2})], {"n": 2}),
        ([("set", {"n": 2}), ("add", {"n": "text"})], {"n": "text"}),
        ([("merge", {"deep": {"a": 1}}), ("merge", {"deep": {"b": 1}})], {"deep": {"b": 1}}),
    ],
)
def test_updates_count_in_their_order(
    updates: list[tuple[str, dict[str, Any]]], expected: dict[str, Any]
) -> None:
    rows = [update(op, values, number=n) for n, (op, values) in enumerate(updates, 1)]

    assert values_of(metadata_of([], rows)) == {RUN: {"userland.k": expected}}


def test_a_kind_without_values_is_not_shown() -> None:
    rows = [update("set", {"a": 1}), update("delete", {"a": 1}, number=2)]

    assert metadata_of([], rows) == {}


def test_metadata_is_ordered_by_scope_and_kind_and_says_when_it_was_updated() -> None:
    rows = [
        update("set", {"a": 1}, owner=SPAN, kind="z", at_ms=1),
        update("set", {"a": 1}, owner=STEP, kind="b", number=2, at_ms=2),
        update("set", {"a": 1}, owner=STEP, kind="a", number=3, at_ms=3),
        update("set", {"a": 1}, kind="c", number=4, at_ms=4),
        update("merge", {"b": 1}, owner=STEP, kind="b", number=5, at_ms=5),
    ]

    folded = metadata_of([], rows)

    assert [(owner, one.kind, one.updated_ms) for owner in folded for one in folded[owner]] == [
        (RUN, "c", 4),
        (STEP, "a", 3),
        (STEP, "b", 5),
        (SPAN, "z", 1),
    ]


class TestOwners:
    def test_what_an_attempt_that_is_repeated_brought_stays_with_it(self) -> None:
        failed = StepAttemptFailed(
            5,
            StepId("s"),
            StepName("s", "StepError"),
            0,
            9,
            raw({}),
            metadata=raw([sent("userland.k", {"try": 0})]),
        )
        done = resolved([sent("userland.k", {"try": 1})], attempt=1)

        assert values_of(metadata_of([failed, done], [])) == {
            STEP: {"userland.k": {"try": 1}},
            MetadataOwner(MetadataScope.STEP, StepId("s"), 0): {"userland.k": {"try": 0}},
        }

    def test_the_attempt_that_was_the_last_is_the_step_itself(self) -> None:
        """An app that addresses its own attempt and one that addresses the step mean the same."""
        attempt = MetadataOwner(MetadataScope.STEP, StepId("s"), 1)
        rows = [
            update("merge", {"a": 1}, owner=attempt),
            update("merge", {"b": 1}, owner=STEP, number=2),
        ]

        folded = metadata_of([resolved([], attempt=1)], rows)

        assert values_of(folded) == {STEP: {"userland.k": {"a": 1, "b": 1}}}

    def test_opcodes_and_requests_add_up_in_the_order_in_which_they_came(self) -> None:
        entries: list[Entry] = [resolved([sent("userland.k", {"a": "op", "b": "op"})], at_ms=10)]
        rows = [
            update("set", {"a": "before"}, owner=STEP, at_ms=9),
            update("merge", {"b": "after"}, owner=STEP, number=2, at_ms=11),
        ]

        assert values_of(metadata_of(entries, rows)) == {
            STEP: {"userland.k": {"a": "op", "b": "after"}}
        }

    @pytest.mark.parametrize(
        ("scope", "owner"),
        [
            ("run", RUN),
            ("step", STEP),
            ("step_attempt", MetadataOwner(MetadataScope.STEP_ATTEMPT, StepId("s"))),
        ],
    )
    def test_opcodes_address_the_run_or_their_step(self, scope: str, owner: MetadataOwner) -> None:
        folded = metadata_of([resolved([sent("userland.k", {"a": 1}, scope=scope)])], [])

        assert list(folded) == [owner]
        assert owner.attempt == LAST_ATTEMPT


class TestOpcodes:
    @pytest.mark.parametrize(
        "metadata",
        [
            "text",
            7,
            {"kind": "userland.k"},
            [None, 1, "x", {}],
            [sent("inngest.timing", {"a": 1})],
            [sent("", {"a": 1})],
            [sent("userland.k", [1])],
            [sent("userland.k", {"a": 1}, op="increment")],
            [sent("userland.k", {"a": 1}, scope="extended_trace")],
            [sent("userland.k", {"a": "x" * UPDATE_BYTES_MAX})],
            [sent("inngest.score", {"a": 1})],
        ],
    )
    def test_what_breaks_the_rules_is_left_out_and_the_rest_is_kept(self, metadata: object) -> None:
        more = metadata if isinstance(metadata, list) else []
        kept = sent("userland.kept", {"a": 1})

        assert metadata_of([resolved(metadata)], []) == {}
        assert values_of(metadata_of([resolved([*more, kept])], [])) == {
            STEP: {"userland.kept": {"a": 1}}
        }

    def test_what_opcodes_bring_is_bounded_by_run(self) -> None:
        half = "x" * (UPDATE_BYTES_MAX - 1)
        fits = METADATA_BYTES_MAX // UPDATE_BYTES_MAX
        items = [sent(f"userland.{n:02}", {"k": half[:-2]}) for n in range(fits + 2)]

        (folded,) = metadata_of([resolved(items)], []).values()

        assert len(folded) == fits

    def test_the_variant_of_an_experiment_is_metadata_of_its_steps(self) -> None:
        options = {
            "experimentStepID": "e",
            "experimentName": "checkout",
            "variant": "blue",
            "selectionStrategy": "weighted",
            "input": [1, 2],
        }
        planned = StepPlanned(5, StepId("s"), StepName("s", "StepPlanned", opts=raw(options)))

        assert values_of(metadata_of([planned], [])) == {
            STEP: {
                "inngest.experiment": {
                    "name": "checkout",
                    "variant": "blue",
                    "selection_strategy": "weighted",
                }
            }
        }

    @pytest.mark.parametrize("options", [{"experimentName": 7}, ["experimentName"], "x"])
    def test_options_that_only_look_like_an_experiment_are_none(self, options: object) -> None:
        name = StepName("s", "StepRun", opts=raw(options))

        assert metadata_of([resolved([], name=name)], []) == {}


class TestRules:
    @pytest.mark.parametrize(
        ("kind", "expected"),
        [
            ("userland.anything", True),
            ("free", True),
            ("inngest.score", True),
            ("inngest.ai", True),
            ("inngest.http.timing", True),
            ("inngest.timing", False),
            ("inngest.", False),
            ("inngest", True),
            ("", False),
            ("k" * KIND_CHARS_MAX, True),
            ("k" * (KIND_CHARS_MAX + 1), False),
        ],
    )
    def test_kinds(self, kind: str, expected: bool) -> None:
        assert is_kind(kind) is expected

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ({}, True),
            ({"accuracy": {"value": 0.5}}, True),
            ({"ok": {"value": True}, "n": {"value": -3}}, True),
            ({'"quoted"': {"value": 1}}, True),
            ({"a'b": {"value": 1}}, False),
            ({"a\nb": {"value": 1}}, False),
            ({"a\x7f": {"value": 1}}, False),
            ({"": {"value": 1}}, False),
            ({"a": 1}, False),
            ({"a": {"value": "high"}}, False),
            ({"a": {"value": None}}, False),
            ({"a": {}}, False),
            ({"é" * (SCORE_NAME_BYTES_MAX // 2): {"value": 1}}, True),
            ({"é" * (SCORE_NAME_BYTES_MAX // 2) + "x": {"value": 1}}, False),
        ],
    )
    def test_scores(self, values: dict[str, Any], expected: bool) -> None:
        decoded = msgspec.json.decode(msgspec.json.encode(values), type=dict[str, msgspec.Raw])

        assert is_score(decoded) is expected

    def test_a_size_is_that_of_keys_and_values(self) -> None:
        decoded = msgspec.json.decode(b'{"\xc3\xa9": "ab", "n": 12}', type=dict[str, msgspec.Raw])

        assert size_of(decoded) == 2 + 4 + 1 + 2


OPS = st.sampled_from(["merge", "set", "delete", "add"])
VALUES = st.dictionaries(st.sampled_from("abc"), st.integers(-5, 5) | st.text(max_size=3))


@settings(deadline=None)
@given(st.lists(st.tuples(OPS, VALUES), max_size=12))
def test_folding_is_doing_one_update_after_the_other(
    updates: list[tuple[str, dict[str, Any]]],
) -> None:
    expected: dict[str, Any] = {}
    for op, values in updates:
        if op == "set":
            expected = dict(values)
        elif op == "merge":
            expected |= values
        elif op == "delete":
            expected = {k: v for k, v in expected.items() if k not in values}
        else:
            for key, value in values.items():
                current = expected.get(key)
                is_sum = isinstance(current, int) and isinstance(value, int)
                expected[key] = current + value if is_sum else value
    rows = [update(op, values, number=n) for n, (op, values) in enumerate(updates, 1)]

    folded = values_of(metadata_of([], rows))

    assert folded == ({RUN: {"userland.k": expected}} if expected else {})
