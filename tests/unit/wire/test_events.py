"""Events are read leniently in form and strictly in content."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell.wire.events import (
    EVENT_BYTES_MAX,
    EVENT_LEVELS_MAX,
    EVENTS_MAX,
    AcceptedEvent,
    Event,
    EventInvalid,
    ParsedEvents,
    data_with_metadata,
    expression_value,
    internal_event,
    invocation_event,
    parse_events,
)

NOW_MS = 1_762_160_000_000
DATA = Path(__file__).parent / "data"


def parsed(body: bytes, content_type: str = "application/json") -> ParsedEvents:
    return parse_events(
        body, content_type=content_type, received_ms=NOW_MS, internal_ids="ID{}".format
    )


def only(body: bytes) -> AcceptedEvent:
    result = parsed(body)
    assert result.error is None
    (event,) = result.accepted
    return event


def payload(**fields: Any) -> Any:
    return json.loads(only(msgspec.json.encode({"name": "shop/paid", **fields})).payload)


def error(**fields: Any) -> str | None:
    result = parsed(msgspec.json.encode({"name": "shop/paid", **fields}))
    assert (result.error is None) == bool(result.accepted)
    return result.error


class TestOneEvent:
    def test_a_minimal_event_is_completed(self) -> None:
        accepted = only(b'{"name":"shop/paid"}')
        assert accepted.internal_id == "ID1"
        assert accepted.received_ms == NOW_MS
        assert accepted.payload == (
            b'{"data":null,"id":"ID1","name":"shop/paid","ts":1762160000000,"user":{}}'
        )

    def test_everything_sent_is_kept_and_keys_are_sorted(self) -> None:
        body = (
            b'{"v":"2","user":{"u":1},"ts":1762160000001,"name":"shop/paid","id":"mine",'
            b'"data":{"b":1,"a":[1, 2]},"meta":{"sessions":{"s":5}},"surplus":true}'
        )
        accepted = only(body)
        assert accepted.internal_id == "ID1"
        assert accepted.payload == (
            b'{"data":{"b":1,"a":[1, 2]},"id":"mine","meta":{"sessions":{"s":"5"}},'
            b'"name":"shop/paid","ts":1762160000001,"user":{"u":1},"v":"2"}'
        )

    def test_null_counts_as_absent(self) -> None:
        fields = dict.fromkeys(("data", "id", "ts", "user", "v", "meta"))
        assert payload(**fields) == payload()

    def test_empty_id_version_and_zero_time_count_as_absent(self) -> None:
        assert payload(id="", v="", ts=0) == payload()

    def test_the_last_of_two_equal_keys_counts(self) -> None:
        accepted = only(b'{"name":"a","data":{"x":1},"name":"b","data":{"x":2}}')
        assert accepted.event.name == "b"
        assert bytes(accepted.event.data) == b'{"x":2}'

    def test_white_space_around_the_event_is_ignored(self) -> None:
        assert only(b' \r\n\t{"name":"a"}\n ').event.name == "a"

    def test_keys_of_events_are_case_sensitive(self) -> None:
        assert parsed(b'{"Name":"a"}').error == "event name is empty"

    @pytest.mark.parametrize("name", ["", None])
    def test_a_name_is_required(self, name: str | None) -> None:
        assert error(name=name) == "event name is empty"

    @pytest.mark.parametrize("name", ["inngest/x", "Inngest/function.finished", "INNGEST/"])
    def test_reserved_names_are_refused_in_any_case(self, name: str) -> None:
        assert error(name=name) == f"event name is reserved for internal use: {name}"

    def test_names_that_only_resemble_reserved_ones_are_fine(self) -> None:
        assert error(name="inngest") is None
        assert error(name="app/inngest/x") is None

    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("name", 5, "event name must be a string"),
            ("id", 5, "event id must be a string"),
            ("v", 1, "event v must be a string"),
            ("ts", 1.5, "event ts must be an integer: Unix time in milliseconds"),
            ("ts", "1762160000000", "event ts must be an integer: Unix time in milliseconds"),
            ("ts", True, "event ts must be an integer: Unix time in milliseconds"),
            ("data", "text", "event data must be an object"),
            ("data", [], "event data must be an object"),
            ("data", 0, "event data must be an object"),
            ("data", False, "event data must be an object"),
            ("user", [], "event user must be an object"),
            ("meta", "x", "event meta must be an object"),
            ("meta", {"sessions": {"s": True}}, 'session "s" must be a string or number'),
        ],
    )
    def test_wrong_types_are_named(self, field: str, value: Any, message: str) -> None:
        assert error(**{field: value}) == message

    @pytest.mark.parametrize("ts", [315_532_800_000, 4_102_444_800_000])
    def test_the_first_and_last_allowed_time(self, ts: int) -> None:
        assert payload(ts=ts)["ts"] == ts

    @pytest.mark.parametrize(
        ("ts", "message"),
        [
            (315_532_799_999, "timestamp is before Jan 1, 1980"),
            (1_762_160_000, "timestamp is before Jan 1, 1980"),
            (-1, "timestamp is before Jan 1, 1980"),
            (4_102_444_800_001, "timestamp is after Jan 1, 2100"),
            (10**30, "timestamp is after Jan 1, 2100"),
        ],
    )
    def test_times_outside_of_the_range_are_refused(self, ts: int, message: str) -> None:
        assert error(ts=ts) == message


class TestReservedData:
    @pytest.mark.parametrize(
        "key", [b"_inngest", rb"\u005finngest", rb"_inn\u0067est", rb"\u005F\u0069nngest"]
    )
    def test_metadata_of_the_server_cannot_be_forged(self, key: bytes) -> None:
        """However a client spells the key, it does not arrive."""
        body = b'{"name":"a","data":{"x":1,"' + key + b'":{"fn_id":"other"},"y": [2]}}'
        assert bytes(only(body).event.data) == b'{"x":1,"y":[2]}'

    def test_it_is_removed_even_if_it_occurs_twice_or_is_null(self) -> None:
        assert (
            bytes(only(b'{"name":"a","data":{"_inngest":1,"_inngest":null}}').event.data) == b"{}"
        )

    @pytest.mark.parametrize(
        "data", [b'{"a": "_inngest"}', b'{"a": {"_inngest": 1}}', rb'{"a": "\u00e9"}']
    )
    def test_other_uses_of_the_word_leave_the_data_untouched(self, data: bytes) -> None:
        assert bytes(only(b'{"name":"a","data":' + data + b"}").event.data) == data


class TestBodies:
    @pytest.mark.parametrize("body", [b"", b"  \n", b"[]", b" [ ] "])
    def test_nothing_sent_is_no_error(self, body: bytes) -> None:
        assert parsed(body) == ParsedEvents([], None)

    def test_an_array_keeps_its_order_and_positions(self) -> None:
        result = parsed(b'[{"name":"a"}, {"name":"b","id":"mine"}]')
        assert result.error is None
        assert [(e.internal_id, e.event.id, e.event.name) for e in result.accepted] == [
            ("ID1", "ID1", "a"),
            ("ID2", "mine", "b"),
        ]

    @pytest.mark.parametrize(
        ("tail", "message"),
        [
            (b'{"name":""},{"name":"c"}]', "event name is empty"),
            (b'5,{"name":"c"}]', "must contain an event object or an array of event objects"),
            (b'[{"name":"c"}]]', "must contain an event object or an array of event objects"),
            (b'null,{"name":"c"}]', "must contain an event object or an array of event objects"),
            (b'{"name":"c"', "not valid JSON: no valid value at character 14"),
            (b'{"name":"c",}]', "not valid JSON: no valid value at character 14"),
            (b'{"name":"\x01"}]', "not valid JSON: no valid value at character 14"),
            (b'{"name":"c","data":{"x":NaN}}]', "not valid JSON: JSON is malformed"),
            (b"", "not valid JSON: no valid value at character 14"),
            (b"[" * 100_000, "not valid JSON: nested too deeply"),
        ],
    )
    def test_events_before_a_bad_one_are_accepted(self, tail: bytes, message: str) -> None:
        result = parsed(b'[{"name":"a"},' + tail)
        assert [event.event.name for event in result.accepted] == ["a"]
        assert result.error is not None
        assert message in result.error

    @pytest.mark.parametrize("trailing", [b"{", b' {"name":"b"}', b"]", b",", b"\n\nx"])
    def test_bytes_after_a_single_event_are_refused(self, trailing: bytes) -> None:
        character = trailing.strip()[:1].decode()
        assert parsed(b'{"name":"a"}' + trailing) == ParsedEvents(
            [], f"invalid character '{character}' after top-level value"
        )

    def test_bytes_after_an_array_are_an_error_that_keeps_the_events(self) -> None:
        result = parsed(b'[{"name":"a"}] x')
        assert len(result.accepted) == 1
        assert result.error is not None
        assert result.error.endswith("invalid character 'x' after top-level value")

    @pytest.mark.parametrize(
        "body", [b"text", b"5", b'"x"', b"null", b"a=1&b=2", b"\xef\xbb\xbf{}"]
    )
    def test_other_bodies_are_refused(self, body: bytes) -> None:
        assert parsed(body, "text/plain") == ParsedEvents(
            [], "Request body must contain an event object or an array of event objects"
        )

    @pytest.mark.parametrize(
        "content_type",
        [
            "multipart/form-data; boundary=x",
            "application/x-www-form-urlencoded",
            "Multipart/Form-Data",
        ],
    )
    def test_forms_are_refused(self, content_type: str) -> None:
        result = parsed(b"name=a", content_type)
        assert result.accepted == []
        assert result.error is not None
        assert result.error.startswith("Request body must be JSON, not a form")

    def test_json_with_the_content_type_of_a_form_is_read(self) -> None:
        """`curl -d` says so unless told otherwise."""
        form = "application/x-www-form-urlencoded"
        assert len(parsed(b'{"name":"a"}', form).accepted) == 1

    def test_text_that_strict_readers_refuse_is_repaired(self) -> None:
        accepted = only(b'{"name":"a\xff","data":{"cut":"\\ud83d"}}')
        assert accepted.event.name == "a\ufffd"
        assert expression_value(accepted.payload)["data"] == {"cut": "\ufffd"}

    @pytest.mark.parametrize("fixture", ["events_python.json", "events_typescript.json"])
    def test_what_official_sdks_send_is_accepted(self, fixture: str) -> None:
        result = parsed((DATA / fixture).read_bytes())
        assert result.error is None
        assert [event.event.name for event in result.accepted] == ["a/b", "a/c"]
        assert json.loads(bytes(result.accepted[0].event.data)) == {"x": 1}


class TestLimits:
    @staticmethod
    def event_of(size: int) -> bytes:
        head = b'{"name":"a","data":{"x":"'
        return head + b"x" * (size - len(head) - 3) + b'"}}'

    def test_the_largest_event(self) -> None:
        assert parsed(self.event_of(EVENT_BYTES_MAX)).error is None

    def test_a_larger_event_is_refused_with_both_sizes(self) -> None:
        result = parsed(self.event_of(EVENT_BYTES_MAX + 1))
        assert result.accepted == []
        assert result.error == (
            "Event is over the max size: 3145729 bytes, at most 3145728 are allowed"
        )

    def test_the_limit_holds_for_each_event_of_an_array(self) -> None:
        body = b",".join([self.event_of(EVENT_BYTES_MAX), self.event_of(EVENT_BYTES_MAX + 1)])
        result = parsed(b"[" + body + b"]")
        assert len(result.accepted) == 1
        assert result.error is not None
        assert result.error.startswith("Event is over the max size")

    def test_as_many_events_as_allowed(self) -> None:
        result = parsed(b"[" + b",".join([b'{"name":"a"}'] * EVENTS_MAX) + b"]")
        assert (len(result.accepted), result.error) == (EVENTS_MAX, None)

    @pytest.mark.parametrize("end", [b"]", b""])
    def test_one_event_more_is_refused_after_the_others_were_accepted(self, end: bytes) -> None:
        result = parsed(b"[" + b",".join([b'{"name":"a"}'] * (EVENTS_MAX + 1)) + end)
        assert len(result.accepted) == EVENTS_MAX
        assert result.error == "Cannot have more than 5000 events in a batch"

    def test_depth_is_bounded(self) -> None:
        def nested(levels: int) -> bytes:
            inner = levels - 1
            return b'{"name":"a","data":' + b'{"d":' * inner + b"1" + b"}" * inner + b"}"

        deepest = only(nested(EVENT_LEVELS_MAX))
        assert expression_value(deepest.payload)["data"]["d"]
        for levels in (EVENT_LEVELS_MAX + 1, 100_000):
            assert parsed(nested(levels)).error == "Event is nested deeper than 256 levels"


class TestEvent:
    def test_a_payload_is_read_back(self) -> None:
        event = only(
            b'{"name":"a","id":"i","v":"1","data":{"x":1},"user":{"u":2},'
            b'"meta":{"sessions":{"s":"1"}}}'
        ).event
        assert Event.from_payload(event.payload()) == event

    def test_internal_events_may_use_reserved_names_and_data(self) -> None:
        event = internal_event(
            name="inngest/function.finished",
            data=b'{"_inngest":{"status":"Completed"}}',
            event_id="01ID",
            ts=NOW_MS,
            meta=b'{"sessions":{"s":"1"}}',
        )
        assert event.payload() == (
            b'{"data":{"_inngest":{"status":"Completed"}},"id":"01ID",'
            b'"meta":{"sessions":{"s":"1"}},"name":"inngest/function.finished",'
            b'"ts":1762160000000,"user":{}}'
        )

    @pytest.mark.parametrize(
        ("data", "result"),
        [
            (None, b'{"_inngest":{"a":1}}'),
            (b"null", b'{"_inngest":{"a":1}}'),
            (b"{}", b'{"_inngest":{"a":1}}'),
            (b'{"x": [1]}', b'{"x":[1],"_inngest":{"a":1}}'),
            (rb'{"\u005finngest":{"forged":1},"x":2}', b'{"_inngest":{"a":1},"x":2}'),
        ],
    )
    def test_metadata_replaces_what_was_there(self, data: bytes | None, result: bytes) -> None:
        raw = None if data is None else msgspec.Raw(data)
        assert bytes(data_with_metadata(raw, b'{"a":1}')) == result


class TestExpressionValue:
    def test_every_number_is_a_double(self) -> None:
        value = expression_value(
            only(
                b'{"name":"a","id":"i","data":{"n":1,"l":[2,[3,{"d":4}],true,null,"5"],"f":0.5},'
                b'"user":{"age":30}}'
            ).payload
        )
        assert value == {
            "name": "a",
            "data": {"n": 1, "l": [2, [3, {"d": 4}], True, None, "5"], "f": 0.5},
            "user": {"age": 30},
            "id": "i",
            "ts": NOW_MS,
        }
        numbers = [
            value["ts"],
            value["user"]["age"],
            value["data"]["n"],
            value["data"]["l"][0],
            value["data"]["l"][1][0],
            value["data"]["l"][1][1]["d"],
        ]
        assert {type(number) for number in numbers} == {float}
        assert value["data"]["l"][2] is True

    def test_absent_data_is_an_empty_object(self) -> None:
        assert expression_value(only(b'{"name":"a"}').payload)["data"] == {}

    def test_version_and_sessions_appear_only_if_set(self) -> None:
        value = expression_value(only(b'{"name":"a","v":"3","meta":{"sessions":{"s":1}}}').payload)
        assert value["v"] == "3"
        assert value["meta"] == {"sessions": {"s": "1"}}

    @pytest.mark.parametrize("digits", ["1e999", "1" + "0" * 400, "9" * 5000])
    def test_numbers_beyond_a_double_are_infinite(self, digits: str) -> None:
        body = f'{{"name":"a","data":{{"x":{digits},"y":-{digits},"z":1}}}}'
        data = expression_value(only(body.encode()).payload)["data"]
        assert data == {"x": float("inf"), "y": float("-inf"), "z": 1.0}
        assert type(data["z"]) is float


class TestInvocation:
    @staticmethod
    def invoked(body: bytes) -> Event:
        return invocation_event(
            body, function_slug="shop-charge", received_ms=NOW_MS, internal_id="ID0"
        )

    def test_the_event_names_the_function(self) -> None:
        assert self.invoked(b'{"name":5,"data":{"x":1},"user":{"u":1}}').payload() == (
            b'{"data":{"x":1,"_inngest":{"fn_id":"shop-charge","source_app_id":"",'
            b'"source_fn_id":"","source_fn_v":0,"expire":0,"gid":"","name":""}},'
            b'"id":"ID0","name":"inngest/function.invoked","ts":1762160000000,"user":{"u":1}}'
        )

    def test_data_may_be_absent(self) -> None:
        data = json.loads(bytes(self.invoked(b"{}").data))
        assert data["_inngest"]["fn_id"] == "shop-charge"

    def test_id_time_and_sessions_are_kept(self) -> None:
        event = self.invoked(
            b'{"id":"mine","ts":1762160000001,"v":"2","meta":{"sessions":{"s":1}}}'
        )
        assert (event.id, event.ts, event.v) == ("mine", 1_762_160_000_001, "2")
        assert event.meta is not None
        assert bytes(event.meta) == b'{"sessions":{"s":"1"}}'

    @pytest.mark.parametrize("body", [b"", b"[]", b"{", b"5", b"[" * 100_000, b'{"id":5}'])
    def test_an_unreadable_body_is_refused(self, body: bytes) -> None:
        with pytest.raises(EventInvalid) as refused:
            self.invoked(body)
        assert str(refused.value) == "Unable to read post data request"

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b'{"data":[]}', "event data must be an object"),
            (b'{"ts":1}', "timestamp is before Jan 1, 1980"),
            (b'{"data":{"x":"' + b"x" * EVENT_BYTES_MAX + b'"}}', "Event is over the max size"),
            (b'{"data":' + b'{"d":' * 300 + b"1" + b"}" * 301, "Event is nested deeper"),
        ],
    )
    def test_a_bad_event_is_refused(self, body: bytes, reason: str) -> None:
        with pytest.raises(EventInvalid) as refused:
            self.invoked(body)
        assert str(refused.value).startswith(f"Invalid invocation event: {reason}")


# Halves of surrogate pairs included, as JavaScript sends them.
TEXTS = st.text(st.characters(), max_size=5)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(TEXTS, SCALARS, max_size=2)
OBJECTS = st.dictionaries(TEXTS | st.just("_inngest"), VALUES, max_size=3)
METADATA = st.fixed_dictionaries(
    {}, optional={"sessions": OBJECTS | st.none(), "propagated_sessions": OBJECTS}
)
EVENTS = st.fixed_dictionaries(
    {"name": TEXTS},
    optional={"data": OBJECTS, "id": TEXTS, "user": OBJECTS, "v": TEXTS, "meta": METADATA | VALUES},
)


class TestAnyInput:
    @given(st.binary() | st.binary().map(lambda tail: b'[{"name":"a"},{' + tail))
    @settings(max_examples=50, deadline=None)
    def test_no_body_is_too_strange_to_be_answered(self, body: bytes) -> None:
        result = parsed(body)
        assert result.accepted or result.error or not body.strip(b" \t\r\n[]")

    @given(st.lists(EVENTS, max_size=3), st.integers(min_value=0, max_value=200))
    @settings(max_examples=50, deadline=None)
    def test_what_is_accepted_can_be_used(self, events: list[Any], cut: int) -> None:
        """Whole or cut off anywhere: every payload is read back and has an expression value."""
        body = json.dumps(events).encode()
        for text in (body, body[:cut]):
            for accepted in parsed(text).accepted:
                assert Event.from_payload(accepted.payload) == accepted.event
                value = expression_value(accepted.payload)
                assert "_inngest" not in value["data"]
                assert value["name"] == accepted.event.name
