"""`/v1/functions/{slug}/replays`: run many runs of a function again.

Source: execution semantics, 8.3; the endpoints are ours.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta
from starlette.types import Receive, Scope, Send

from stepwell.api.bulk_operations import (
    TOO_MANY,
    BulkOperations,
    Deleted,
    Fields,
    ProgressWord,
    find_function,
    known_operation,
    progress_status,
    read_fields,
)
from stepwell.api.dates import date_text
from stepwell.api.errors import send_error
from stepwell.api.openapi import (
    Body,
    Declaration,
    DeclarationTable,
    Link,
    Tag,
    Timestamp,
    Ulid,
    Uuid,
    data,
    one_of,
    refused,
)
from stepwell.api.responses import send_data
from stepwell.api.services import ApiServices, RouteTable
from stepwell.core.function import Function
from stepwell.core.identity import OperationId
from stepwell.core.operation import Operation, OperationKind
from stepwell.core.rerun import RerunRefused
from stepwell.core.status import RunStatus

__all__ = ["DECLARATIONS", "ReplayObject", "ReplaysApi", "requested_replay"]

#: Runs a second; more than that need no bound.
RATE_PER_S_MAX: Final = 10_000
_STATUSES: Final = {status.wire_name: status for status in RunStatus if status.is_ended}

EndedStatusWord = Annotated[str, one_of(*_STATUSES)]


class ReplayObject(msgspec.Struct, frozen=True, kw_only=True):
    """A replay, as clients read it."""

    id: Ulid
    created_at: Timestamp
    name: str
    environment_id: Uuid
    app_id: str
    function_internal_id: Uuid
    function_id: str
    queued_from: Timestamp = msgspec.field(name="from")
    queued_until: Timestamp = msgspec.field(name="until")
    statuses: list[EndedStatusWord]
    condition: str | msgspec.UnsetType = msgspec.field(name="if", default=msgspec.UNSET)
    rate_per_second: int | None
    status: ProgressWord
    runs_seen: int
    runs_replayed: int
    runs_failed: int
    ended_at: Timestamp | None


class ReplayRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs are to be run again, and how fast.

    Attributes:
        queued_from: Runs that were queued then or later.
        queued_until: And before.
        statuses: How they ended; any way by default.
        condition: Expression over `event`.
        name: For people.
        rate_per_second: As fast as it goes by default.
    """

    queued_from: Timestamp = msgspec.field(name="from")
    queued_until: Timestamp = msgspec.field(name="until")
    statuses: Annotated[list[EndedStatusWord], Meta(min_length=1)] | None = None
    condition: str | None = msgspec.field(name="if", default=None)
    name: str | None = None
    rate_per_second: Annotated[int, Meta(ge=1, le=RATE_PER_S_MAX)] | None = None


_NO_REPLAY_ID: Final = refused(400, "Invalid replay ID")
_NO_REPLAY: Final = refused(404, "replay not found")
_NO_FUNCTION: Final = refused(404, "function not found")

DECLARATIONS: Final[DeclarationTable] = {
    "/v1/functions/{slug:path}/replays": {
        "GET": Declaration(
            "listReplays",
            "List the replays of a function",
            Tag.BULK,
            text="Newest first.",
            answers=(data(list[ReplayObject]), _NO_FUNCTION),
        ),
        "POST": Declaration(
            "createReplay",
            "Run many runs of a function again",
            Tag.BULK,
            text="Answers when it is certain that it will be done.",
            body=Body(ReplayRequest),
            answers=(
                data(ReplayObject),
                refused(400, "All that is wrong with the request, a line each"),
                _NO_FUNCTION,
                refused(409, RerunRefused.FUNCTION_GONE, RerunRefused.ENDPOINT, TOO_MANY),
            ),
            links=(
                Link("getReplay", "replay_id", "/data/id"),
                Link("deleteReplay", "replay_id", "/data/id"),
            ),
        ),
    },
    "/v1/replays/{replay_id}": {
        "GET": Declaration(
            "getReplay",
            "Read how far a replay is",
            Tag.BULK,
            answers=(data(ReplayObject), _NO_REPLAY_ID, _NO_REPLAY),
        ),
        "DELETE": Declaration(
            "deleteReplay",
            "Forget a replay",
            Tag.BULK,
            text="If it has not ended, no more runs are started.",
            answers=(data(Deleted), _NO_REPLAY_ID, _NO_REPLAY),
        ),
    },
}


class ReplaysApi:
    """Creates, shows and deletes replays."""

    def __init__(self, services: ApiServices, bulk: BulkOperations) -> None:
        self._catalogue = services.catalogue
        self._ids = services.ids
        self._clock = services.clock
        self._bulk = bulk

    def routes(self) -> RouteTable:
        """Where it is mounted: before routes that take all of the path after `functions`."""
        return {
            "/v1/functions/{slug:path}/replays": {"GET": self.of_function, "POST": self.create},
            "/v1/replays/{replay_id}": {"GET": self.one, "DELETE": self.delete},
        }

    async def create(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Begin to replay; answers when it is certain that it will be done."""
        function = await self._function(scope, send)
        if function is None:
            return
        fields = await read_fields(scope, receive, send)
        if fields is None:
            return
        now_ms = self._clock.now_ms()
        operation = requested_replay(fields, function, self._ids.ulid(now_ms), now_ms=now_ms)
        if fields.problems:
            await send_error(send, 400, "\n".join(fields.problems))
        elif function.archived:
            await send_error(send, 409, RerunRefused.FUNCTION_GONE)
        elif function.endpoint_method:
            await send_error(send, 409, RerunRefused.ENDPOINT)
        elif await self._bulk.create_operation(operation):
            await send_data(send, self._object(operation), now_ms=now_ms)
        else:
            await send_error(send, 409, TOO_MANY)

    async def of_function(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """The function's replays that are remembered, the newest first."""
        function = await self._function(scope, send)
        if function is None:
            return
        shown = [
            self._object(operation)
            for operation in await self._bulk.operations()
            if operation.kind is OperationKind.REPLAY and operation.function_id == function.id
        ]
        await send_data(send, shown, now_ms=self._clock.now_ms())

    async def one(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """A replay and how far it has come."""
        operation = await self._known(scope, send)
        if operation is not None:
            await send_data(send, self._object(operation), now_ms=self._clock.now_ms())

    async def delete(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Forget one; if it has not ended, no more runs are started. Those it started go on."""
        operation = await self._known(scope, send)
        if operation is not None:
            await self._bulk.delete_operation(operation.id)
            await send_data(send, Deleted(), now_ms=self._clock.now_ms())

    async def _function(self, scope: Scope, send: Send) -> Function | None:
        """The function in the path; without one, the answer is sent."""
        function = find_function(self._catalogue.functions, scope["path_params"]["slug"])
        if function is None:
            await send_error(send, 404, "function not found")
        return function

    async def _known(self, scope: Scope, send: Send) -> Operation | None:
        text: str = scope["path_params"]["replay_id"]
        return await known_operation(text, send, self._bulk, kind=OperationKind.REPLAY)

    def _object(self, operation: Operation) -> ReplayObject:
        function = self._catalogue.functions.get(operation.function_id)
        ended_ms = operation.ended_ms
        return ReplayObject(
            id=operation.id,
            created_at=date_text(operation.created_ms),
            name=operation.name,
            environment_id=operation.environment_id,
            app_id=function.app_name if function is not None else "",
            function_internal_id=operation.function_id,
            function_id=function.slug if function is not None else "",
            queued_from=date_text(operation.started_after_ms),
            queued_until=date_text(operation.started_before_ms),
            statuses=[s.wire_name for s in operation.statuses] or list(_STATUSES),
            condition=operation.condition or msgspec.UNSET,
            rate_per_second=operation.rate_per_s or None,
            status=progress_status(operation),
            runs_seen=operation.seen,
            runs_replayed=operation.done,
            runs_failed=operation.failed,
            ended_at=date_text(ended_ms) if ended_ms else None,
        )


def requested_replay(fields: Fields, function: Function, new_id: str, *, now_ms: int) -> Operation:
    """The replay that is asked for; nothing of it counts if the fields have problems."""
    from_ms = fields.required_time_ms("from")
    until_ms = fields.required_time_ms("until")
    if from_ms is not None and until_ms is not None and from_ms >= until_ms:
        fields.problems.append("from must be before until")
    return Operation(
        OperationId(new_id),
        OperationKind.REPLAY,
        function.environment_id,
        function.app_id,
        function.id,
        created_ms=now_ms,
        started_before_ms=until_ms or 0,
        started_after_ms=from_ms or 0,
        statuses=tuple(_STATUSES[word] for word in fields.names("statuses", list(_STATUSES))),
        condition=fields.condition("if"),
        name=fields.text("name"),
        rate_per_s=fields.number("rate_per_second", maximum=RATE_PER_S_MAX),
    )
