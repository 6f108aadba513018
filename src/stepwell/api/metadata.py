"""`POST /v1/runs/{run_id}/metadata`: attach facts to a run, a step or a span.

Runs that have ended take metadata as well: scores usually come afterwards.

Source: HTTP APIs, 7.4.
"""

from collections.abc import Sequence
from typing import Annotated, Final, Protocol

import msgspec
from starlette.types import Receive, Scope, Send

from stepwell.api.body import headers_of, read_body
from stepwell.api.errors import send_error
from stepwell.api.openapi import (
    Body,
    Declaration,
    DeclarationTable,
    Tag,
    empty,
    one_of,
    refused,
)
from stepwell.api.responses import EMPTY, JSON, send_answer
from stepwell.api.services import RouteTable
from stepwell.core.identity import RunId
from stepwell.core.metadata import (
    KIND_CHARS_MAX,
    LAST_ATTEMPT,
    METADATA_BYTES_MAX,
    SCORE,
    UPDATE_BYTES_MAX,
    MetadataOp,
    MetadataOwner,
    MetadataScope,
    is_kind,
    is_score,
    size_of,
)
from stepwell.core.user_span import hashed_step
from stepwell.engine.annotations import Attached, NewMetadata
from stepwell.wire.events import EVENT_LEVELS_MAX
from stepwell.wire.json_shape import is_deeper_than
from stepwell.wire.ulid import is_ulid
from stepwell.wire.unicode_repair import with_unicode_repaired

__all__ = ["DECLARATIONS", "MetadataApi", "MetadataIntake"]

#: More than a run may have in all, with room for what stands around it.
_BODY_BYTES_MAX: Final = 2 * METADATA_BYTES_MAX

_INVALID_TARGET: Final = "Invalid metadata target"
_INVALID: Final = "Invalid metadata"
_SWITCHED_OFF: Final = "Metadata is not enabled for this account"
_UPDATE_TOO_LARGE: Final = "Metadata span exceeds maximum size of 64KB"
_TOO_MUCH: Final = "Cumulative metadata size exceeds limit"
_ATTEMPTS_MAX: Final = 1_000_000
_SPAN_ID_CHARS_MAX: Final = 64


class MetadataIntake(Protocol):
    """Where metadata goes."""

    async def add_metadata(self, run_id: RunId, updates: Sequence[NewMetadata]) -> Attached:
        """Append updates to a run's metadata, all or none; returns when they are durable.

        Raises:
            StoreUnavailable: It is not certain whether they were.
        """
        ...


class MetadataTarget(msgspec.Struct, frozen=True):
    """What is described: a run or, with a `step_id`, a step, or with a `span_id` a span.

    Attributes:
        run_id: Does not count; the run is that of the path.
        step_id: The id as its author wrote it.
        step_index: Which repetition of that id in the run, from 0.
        step_attempt: Which attempt, from 0; -1 for the last one.
        span_id: A span that the app made during the step.
    """

    run_id: str | None = None
    step_id: str | None = None
    step_index: int | None = None
    step_attempt: int | None = None
    span_id: str | None = None


class SentMetadata(msgspec.Struct, frozen=True):
    """One update.

    Attributes:
        kind: Free but for `inngest.`, under which only known kinds may be set.
        op: `merge` sets the given keys, `set` replaces all, `delete` removes the given keys, `add`
            adds numbers.
    """

    kind: str
    op: Annotated[str, one_of("merge", "set", "delete", "add")]
    values: dict[str, msgspec.Raw]


class _Body(msgspec.Struct, frozen=True):
    target: msgspec.Raw = msgspec.Raw(b"{}")
    metadata: msgspec.Raw = msgspec.Raw(b"")


class MetadataBody(msgspec.Struct, frozen=True):
    """Updates that are made together or not at all."""

    metadata: list[SentMetadata]
    target: MetadataTarget | None = None


class _Refused(Exception):
    """The request cannot be served; the message is for the client."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


DECLARATIONS: Final[DeclarationTable] = {
    "/v1/runs/{run_id}/metadata": {
        "POST": Declaration(
            "addMetadata",
            "Attach metadata to a run, a step or a span",
            Tag.RUNS,
            answers=(
                empty("It is stored, and is seen from now on.", media_type="application/json"),
                refused(400, "Invalid run ID: …", _INVALID_TARGET, f"{_INVALID}: …"),
                refused(403, _SWITCHED_OFF),
                refused(404, "Unable to load function run: …"),
                refused(413, _UPDATE_TOO_LARGE, _TOO_MUCH),
            ),
            body=Body(MetadataBody),
        ),
    },
}


class MetadataApi:
    """Answers 200 when all updates are durable and everybody sees them.

    Args:
        intake: Where they go.
        is_enabled: Whether the installation takes metadata.
    """

    def __init__(self, intake: MetadataIntake, *, is_enabled: bool) -> None:
        self._intake = intake
        self._is_enabled = is_enabled

    def routes(self) -> RouteTable:
        """Where it is mounted."""
        return {"/v1/runs/{run_id}/metadata": {"POST": self.add}}

    async def add(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Attach metadata."""
        text: str = scope["path_params"]["run_id"]
        if not is_ulid(text):
            await send_error(send, 400, f"Invalid run ID: {text}")
            return
        if not self._is_enabled:
            await send_error(send, 403, _SWITCHED_OFF)
            return
        run_id = RunId(text.upper())
        body = await read_body(headers_of(scope), receive, bytes_max=_BODY_BYTES_MAX)
        try:
            updates = _updates(with_unicode_repaired(body))
        except _Refused as refusal:
            await send_error(send, refusal.status, str(refusal))
            return
        attached = await self._intake.add_metadata(run_id, updates)
        if not attached.is_known_run:
            await send_error(send, 404, f"Unable to load function run: {run_id}")
        elif not attached.has_room:
            await send_error(send, 413, _TOO_MUCH)
        else:
            await send_answer(send, 200, EMPTY, headers=(JSON,))


def _updates(raw: bytes) -> list[NewMetadata]:
    try:
        body = msgspec.json.decode(raw, type=_Body)
        target = msgspec.json.decode(body.target, type=MetadataTarget | None)
    except (msgspec.MsgspecError, RecursionError):
        raise _Refused(400, _INVALID_TARGET) from None
    owner = _owner(target or MetadataTarget())
    try:
        sent = msgspec.json.decode(body.metadata, type=list[SentMetadata])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise _Refused(400, f"{_INVALID}: {error}") from None
    if is_deeper_than(EVENT_LEVELS_MAX, bytes(body.metadata)):
        raise _Refused(400, f"{_INVALID}: nested deeper than {EVENT_LEVELS_MAX} levels")
    return [_update(update, owner) for update in sent]


def _owner(target: MetadataTarget) -> MetadataOwner:
    index, attempt = target.step_index or 0, target.step_attempt
    if attempt is None:
        attempt = LAST_ATTEMPT
    if not target.step_id:
        if target.step_index is not None or target.step_attempt is not None or target.span_id:
            raise _Refused(400, _INVALID_TARGET)
        return MetadataOwner(MetadataScope.RUN)
    is_in_range = 0 <= index <= _ATTEMPTS_MAX and LAST_ATTEMPT <= attempt <= _ATTEMPTS_MAX
    if not is_in_range or len(target.span_id or "") > _SPAN_ID_CHARS_MAX:
        raise _Refused(400, _INVALID_TARGET)
    if target.span_id:
        # Its id says which span it is; the step is known from the span.
        return MetadataOwner(MetadataScope.EXTENDED_TRACE, span_id=target.span_id.lower())
    return MetadataOwner(MetadataScope.STEP, hashed_step(target.step_id, index), attempt)


def _update(sent: SentMetadata, owner: MetadataOwner) -> NewMetadata:
    if not is_kind(sent.kind):
        shown = sent.kind[:KIND_CHARS_MAX]
        raise _Refused(400, f"{_INVALID}: {shown!r} is not a kind that may be set")
    try:
        op = MetadataOp(sent.op)
    except ValueError:
        known = ", ".join(MetadataOp)
        raise _Refused(400, f"{_INVALID}: the op is none of {known}") from None
    if sent.kind == SCORE and op is not MetadataOp.DELETE and not is_score(sent.values):
        message = 'a score is {"name": {"value": number or bool}} with a short name'
        raise _Refused(400, f"{_INVALID}: {message}")
    size = size_of(sent.values)
    if size > UPDATE_BYTES_MAX:
        raise _Refused(413, _UPDATE_TOO_LARGE)
    return NewMetadata(owner, sent.kind, op, msgspec.json.encode(sent.values), size)
