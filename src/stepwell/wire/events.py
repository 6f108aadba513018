"""Events: what apps send, what the server makes, and how both are stored and shown to functions.

The sender's `data` is never interpreted on the way: its bytes are kept and spliced into whatever
is written, unless something must be taken out of it.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from stepwell.wire.json_shape import array_prefix, is_deeper_than
from stepwell.wire.sessions import SessionsInvalid, resolved_meta
from stepwell.wire.unicode_repair import with_unicode_repaired

__all__ = [
    "EVENTS_MAX",
    "EVENT_BYTES_MAX",
    "EVENT_LEVELS_MAX",
    "INVOKED_EVENT",
    "TS_MAX_MS",
    "TS_MIN_MS",
    "AcceptedEvent",
    "Event",
    "EventInvalid",
    "ParsedEvents",
    "data_with_metadata",
    "expression_value",
    "internal_event",
    "invocation_event",
    "parse_events",
]

EVENT_BYTES_MAX = 3 * 1024 * 1024
EVENTS_MAX = 5000
# Everything that reads events later (expressions, SDKs, our own code) recurses over them. Half of
# what CPython's default stack allows leaves each of them enough of it.
EVENT_LEVELS_MAX = 256

INVOKED_EVENT = "inngest/function.invoked"

# What else senders call a time is a mistake about the unit.
TS_MIN_MS = int(datetime(1980, 1, 1, tzinfo=UTC).timestamp() * 1000)
TS_MAX_MS = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp() * 1000)

_TOO_DEEP = f"Event is nested deeper than {EVENT_LEVELS_MAX} levels"
_RESERVED_PREFIX = "inngest/"
_NULL = msgspec.Raw(b"null")
_EMPTY_OBJECT = msgspec.Raw(b"{}")
_WHITE_SPACE = b" \t\r\n"


class EventInvalid(ValueError):
    """An event breaks a rule; the message says which, for the sender."""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event as functions see it. Values are valid: they were checked where they came in.

    Attributes:
        data: The JSON text of an object, or `null`.
        id: The sender's deduplication id, or the internal id if the sender gave none.
        meta: `{"sessions": {...}}` or None.
        name: Such as `order/paid`.
        ts: When it happened, in ms since 1970 UTC.
        user: The JSON text of an object; deprecated in the protocol, but always sent.
        v: The sender's version of the event's schema.

    Source: execution semantics, 1.1.
    """

    # The order of the fields is the order of the keys in the payload: sorted.
    data: msgspec.Raw
    id: str
    meta: msgspec.Raw | None = None
    name: str
    ts: int
    user: msgspec.Raw
    v: str | None = None

    def payload(self) -> bytes:
        """The JSON object that is stored and sent to functions, with sorted keys."""
        return _ENCODER.encode(self)

    @classmethod
    def from_payload(cls, raw: bytes) -> "Event":
        """The event whose `payload` was `raw`; its fields refer to `raw` instead of copying it."""
        stored = _STORED_DECODER.decode(raw)
        return cls(
            data=stored.data,
            id=stored.id,
            meta=None if stored.meta is _NULL else stored.meta,
            name=stored.name,
            ts=stored.ts,
            user=stored.user,
            v=stored.v,
        )


class AcceptedEvent(msgspec.Struct, frozen=True):
    """An event that passed all checks, with the id and time the server gave it."""

    internal_id: str
    received_ms: int
    event: Event
    payload: bytes


class ParsedEvents(msgspec.Struct, frozen=True):
    """The events of a request up to the first bad one, and what was wrong with that one."""

    accepted: list[AcceptedEvent]
    error: str | None


class _StoredEvent(msgspec.Struct, frozen=True):
    """A payload. msgspec writes `Raw | None` but does not read it, hence a type of its own."""

    data: msgspec.Raw
    id: str
    name: str
    ts: int
    user: msgspec.Raw
    meta: msgspec.Raw = _NULL
    v: str | None = None


class _SentEvent(msgspec.Struct, frozen=True):
    """An event as it is sent; other keys are dropped."""

    name: str | None = None
    data: msgspec.Raw = _NULL
    id: str | None = None
    ts: int | None = None
    user: msgspec.Raw = _NULL
    v: str | None = None
    meta: msgspec.Raw = _NULL


class _InvocationInput(msgspec.Struct, frozen=True):
    """What `POST /invoke/{slug}` reads; the name, if any, is not even looked at."""

    data: msgspec.Raw = _NULL
    id: str | None = None
    ts: int | None = None
    user: msgspec.Raw = _NULL
    v: str | None = None
    meta: msgspec.Raw = _NULL


class _ExpressionEvent(msgspec.Struct, frozen=True):
    data: Any
    id: str
    name: str
    ts: float
    user: Any
    meta: Any = None
    v: str | None = None


class _InvocationMetadata(msgspec.Struct, frozen=True):
    """`data._inngest` of an invocation that no run waits for."""

    fn_id: str
    source_app_id: str = ""
    source_fn_id: str = ""
    source_fn_v: int = 0
    expire: int = 0
    gid: str = ""
    name: str = ""


_ENCODER = msgspec.json.Encoder()
_STORED_DECODER = msgspec.json.Decoder(_StoredEvent)
_SENT_DECODER = msgspec.json.Decoder(_SentEvent)
_INVOCATION_DECODER = msgspec.json.Decoder(_InvocationInput)
_EXPRESSION_DECODER = msgspec.json.Decoder(_ExpressionEvent)
_ARRAY_DECODER = msgspec.json.Decoder(list[msgspec.Raw])
_MEMBERS_DECODER = msgspec.json.Decoder(dict[str, msgspec.Raw])


def parse_events(
    body: bytes,
    *,
    content_type: str,
    received_ms: int,
    internal_ids: Callable[[int], str],
) -> ParsedEvents:
    """Read the body of `POST /e/{key}`: one event, or an array of them.

    Reading stops at the first bad event or broken syntax; the events before it are accepted, as
    SDKs expect. An empty body and an empty array hold no events and are no error.

    Bytes that are not UTF-8 and halves of surrogate pairs become U+FFFD; `data._inngest` is
    removed, since only the server may set it.

    Args:
        body: As received.
        content_type: Only used to explain a body that is not JSON.
        received_ms: The event's time if it has none.
        internal_ids: Gives the internal id (ULID) of the event at a 1-based position.

    Source: HTTP APIs, 3.1 to 3.3; execution semantics, 1.1 to 1.3.
    """
    text = with_unicode_repaired(body).lstrip(_WHITE_SPACE)
    first = text[:1]
    if first == b"{":
        elements, error = [text], None
    elif first == b"[":
        elements, error = _array_elements(text)
    else:
        return ParsedEvents([], _why_not_json(content_type) if first else None)

    accepted: list[AcceptedEvent] = []
    for index, element in enumerate(elements, start=1):
        if index > EVENTS_MAX:
            return ParsedEvents(accepted, f"Cannot have more than {EVENTS_MAX} events in a batch")
        try:
            sent = _sent_event(element)
            internal_id = internal_ids(index)
            event = _event(sent, _name(sent), received_ms=received_ms, internal_id=internal_id)
        except EventInvalid as invalid:
            return ParsedEvents(accepted, str(invalid))
        accepted.append(AcceptedEvent(internal_id, received_ms, event, event.payload()))
    return ParsedEvents(accepted, error)


def internal_event(
    *, name: str, data: bytes, event_id: str, ts: int, meta: bytes | None = None
) -> Event:
    """An event made by the server, such as `inngest/function.finished`.

    Args:
        name: May be a reserved name.
        data: The JSON text of an object. Kept as it is, with `_inngest`.
        event_id: Both its internal id and the id functions see.
        ts: In ms since 1970 UTC.
        meta: The JSON text of already resolved metadata.
    """
    return Event(
        data=msgspec.Raw(data),
        id=event_id,
        meta=None if meta is None else msgspec.Raw(meta),
        name=name,
        ts=ts,
        user=_EMPTY_OBJECT,
    )


def invocation_event(
    body: bytes, *, function_slug: str, received_ms: int, internal_id: str
) -> Event:
    """The `inngest/function.invoked` event for a body of `POST /invoke/{slug}`.

    The body is one event object of which the name is ignored; everything else is as for events
    that are sent. Whether the function exists is not checked.

    Args:
        body: As received.
        function_slug: `<app id>-<function id>`, already decoded.
        received_ms: The event's time if it has none.
        internal_id: The event's id if it has none.

    Raises:
        EventInvalid: With the text for a 400 answer.

    Source: HTTP APIs, 4.
    """
    text = with_unicode_repaired(body)
    try:
        sent = _INVOCATION_DECODER.decode(text)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise EventInvalid("Unable to read post data request") from error
    try:
        _check_size(text)
        _check_depth(text)
        event = _event(
            _SentEvent(None, sent.data, sent.id, sent.ts, sent.user, sent.v, sent.meta),
            INVOKED_EVENT,
            received_ms=received_ms,
            internal_id=internal_id,
        )
    except EventInvalid as invalid:
        raise EventInvalid(f"Invalid invocation event: {invalid}") from invalid
    metadata = _ENCODER.encode(_InvocationMetadata(fn_id=function_slug))
    return msgspec.structs.replace(event, data=data_with_metadata(event.data, metadata))


def data_with_metadata(data: msgspec.Raw | None, metadata: bytes) -> msgspec.Raw:
    """The event data with `_inngest` set to `metadata`, replacing what was there.

    Args:
        data: The JSON text of an object; None and `null` count as an empty one.
        metadata: The JSON text of an object.
    """
    members = {} if data is None else _MEMBERS_DECODER.decode(_object_or_empty(data))
    members["_inngest"] = msgspec.Raw(metadata)
    return msgspec.Raw(_ENCODER.encode(members))


def expression_value(payload: bytes) -> dict[str, Any]:
    """The event as expressions see it: every number is a double.

    Args:
        payload: What `Event.payload` gave.

    Returns:
        The keys `name`, `data` (an empty object instead of null), `user`, `id`, `ts`; `v` and
        `meta` (with `sessions`) only if set. Numbers beyond a double's range are infinite.

    Source: execution semantics, 7.1.
    """
    try:
        decoded = _EXPRESSION_DECODER.decode(payload)
        _make_numbers_doubles(decoded.data)
        _make_numbers_doubles(decoded.user)
    except (msgspec.ValidationError, OverflowError):
        # A number no double can hold. It is valid JSON, JavaScript reads it as infinity, msgspec
        # refuses it: rare enough for the slow decoder, which gives doubles right away.
        decoded = msgspec.convert(json.loads(payload, parse_int=float), _ExpressionEvent)
    value: dict[str, Any] = {
        "name": decoded.name,
        "data": {} if decoded.data is None else decoded.data,
        "user": decoded.user,
        "id": decoded.id,
        "ts": decoded.ts,
    }
    if decoded.v is not None:
        value["v"] = decoded.v
    if decoded.meta is not None:
        value["meta"] = decoded.meta
    return value


def _array_elements(text: bytes) -> tuple[list[bytes], str | None]:
    try:
        return [bytes(element) for element in _ARRAY_DECODER.decode(text)], None
    except (msgspec.MsgspecError, RecursionError):
        elements, reason = array_prefix(text, elements_max=EVENTS_MAX + 1)
        return elements, None if reason is None else f"Request body is not valid JSON: {reason}"


def _why_not_json(content_type: str) -> str:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in {"multipart/form-data", "application/x-www-form-urlencoded"}:
        return f"Request body must be JSON, not a form ({media_type})"
    return "Request body must contain an event object or an array of event objects"


def _check_size(raw: bytes) -> None:
    if len(raw) > EVENT_BYTES_MAX:
        raise EventInvalid(
            f"Event is over the max size: {len(raw)} bytes, at most {EVENT_BYTES_MAX} are allowed"
        )


def _check_depth(raw: bytes) -> None:
    if is_deeper_than(EVENT_LEVELS_MAX, raw):
        raise EventInvalid(_TOO_DEEP)


def _sent_event(raw: bytes) -> _SentEvent:
    """One event as it was sent; its values are not checked yet."""
    _check_size(raw)
    try:
        sent = _SENT_DECODER.decode(raw)
    except msgspec.MsgspecError as error:
        raise EventInvalid(_decode_error(raw, str(error))) from error
    except RecursionError as error:
        raise EventInvalid(_TOO_DEEP) from error
    _check_depth(raw)
    return sent


_FIELD_TYPES = {
    "name": "a string",
    "id": "a string",
    "ts": "an integer: Unix time in milliseconds",
    "v": "a string",
}
_FIELD_OF_ERROR = re.compile(r" - at `\$\.(\w+)`$")
_TRAILING_BYTE = re.compile(r"trailing characters \(byte (\d+)\)$")


def _decode_error(raw: bytes, message: str) -> str:
    """What a sender can use of msgspec's message."""
    if field := _FIELD_OF_ERROR.search(message):
        return f"event {field[1]} must be {_FIELD_TYPES[field[1]]}"
    if trailing := _TRAILING_BYTE.search(message):
        # msgspec names the position after the byte.
        character = raw[int(trailing[1]) - 1 :].decode("utf-8", "replace")[0]
        return f"invalid character '{character}' after top-level value"
    if message.startswith("Expected `object`"):
        return "Request body must contain an event object or an array of event objects"
    return f"Request body is not valid JSON: {message}"


def _name(sent: _SentEvent) -> str:
    name = sent.name
    if not name:
        raise EventInvalid("event name is empty")
    if name[: len(_RESERVED_PREFIX)].lower() == _RESERVED_PREFIX:
        raise EventInvalid(f"event name is reserved for internal use: {name}")
    return name


def _event(sent: _SentEvent, name: str, *, received_ms: int, internal_id: str) -> Event:
    data, user = sent.data, sent.user
    if data is not _NULL and not _is_object(data, "data"):
        data = _NULL
    if user is _NULL or not _is_object(user, "user"):
        user = _EMPTY_OBJECT
    ts = sent.ts or received_ms
    if ts < TS_MIN_MS:
        raise EventInvalid("timestamp is before Jan 1, 1980")
    if ts > TS_MAX_MS:
        raise EventInvalid("timestamp is after Jan 1, 2100")
    return Event(
        data=_without_metadata(data),
        id=sent.id or internal_id,
        meta=None if sent.meta is _NULL else _meta(sent.meta),
        name=name,
        ts=ts,
        user=user,
        v=sent.v or None,
    )


def _is_object(raw: msgspec.Raw, field: str) -> bool:
    """True for an object, False for null, otherwise an error."""
    first = memoryview(raw)[0]
    if first not in b"{n":
        raise EventInvalid(f"event {field} must be an object")
    return first == ord("{")


def _object_or_empty(raw: msgspec.Raw) -> msgspec.Raw:
    return raw if memoryview(raw)[0] == ord("{") else _EMPTY_OBJECT


def _without_metadata(data: msgspec.Raw) -> msgspec.Raw:
    """The data without `_inngest`, by which a client could pose as the server."""
    text = bytes(data)
    # Any letter of the key may be written as an escape, so every escape is a suspect.
    if b"_inngest" not in text and b"\\u" not in text:
        return data
    members = _MEMBERS_DECODER.decode(_object_or_empty(data))
    if members.pop("_inngest", None) is None:
        return data
    return msgspec.Raw(_ENCODER.encode(members))


def _meta(meta: msgspec.Raw) -> msgspec.Raw | None:
    if not _is_object(meta, "meta"):
        return None
    try:
        return resolved_meta(meta)
    except SessionsInvalid as invalid:
        raise EventInvalid(str(invalid)) from invalid


def _make_numbers_doubles(value: Any) -> None:
    """Turn the integers inside freshly decoded JSON into floats, in place."""
    if isinstance(value, dict):
        for key, member in value.items():
            kind = type(member)
            if kind is int:
                value[key] = float(member)
            elif kind is dict or kind is list:
                _make_numbers_doubles(member)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            kind = type(item)
            if kind is int:
                value[index] = float(item)
            elif kind is dict or kind is list:
                _make_numbers_doubles(item)
