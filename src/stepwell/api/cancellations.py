"""`/v1/cancellations`: cancel many runs of a function at once.

Source: HTTP APIs, 7.7. What the answers say about progress is ours.
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
    refused,
)
from stepwell.api.responses import send_data
from stepwell.api.services import ApiServices, RouteTable
from stepwell.core.function import Function, FunctionIndex
from stepwell.core.identity import ACCOUNT_ID, OperationId
from stepwell.core.operation import Operation, OperationKind

__all__ = ["DECLARATIONS", "CancellationObject", "CancellationsApi", "requested_cancellation"]

#: The cause of a run's end when the API asked for it.
_BULK: Final = "bulk"
#: By how much a client's clock may be ahead.
_AHEAD_MS: Final = 5_000


class CancellationObject(msgspec.Struct, frozen=True, kw_only=True):
    """A bulk cancellation, as clients read it."""

    id: Ulid
    created_at: Timestamp
    name: str
    account_id: Uuid
    environment_id: Uuid
    app_id: str
    function_internal_id: Uuid
    function_id: str
    started_after: Timestamp | None
    started_before: Timestamp
    condition: str | msgspec.UnsetType = msgspec.field(name="if", default=msgspec.UNSET)
    kind: str
    cause: str
    queue_name: None
    status: ProgressWord
    runs_seen: int
    runs_cancelled: int
    runs_failed: int
    ended_at: Timestamp | None


class CancellationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs are to be cancelled.

    Attributes:
        app_id: The app's own id.
        function_id: The function's, with or without the app's before it.
        started_before: At most 5 s from now; runs that were queued before.
        started_after: And after.
        condition: Expression over `event`.
        name: For people.
    """

    app_id: Annotated[str, Meta(min_length=1)]
    function_id: Annotated[str, Meta(min_length=1)]
    started_before: Timestamp
    started_after: Timestamp | None = None
    condition: str | None = msgspec.field(name="if", default=None)
    name: str | None = None


DECLARATIONS: Final[DeclarationTable] = {
    "/v1/cancellations": {
        "GET": Declaration(
            "listCancellations",
            "List bulk cancellations",
            Tag.BULK,
            text="Newest first.",
            answers=(data(list[CancellationObject]),),
        ),
        "POST": Declaration(
            "createCancellation",
            "Cancel many runs of a function",
            Tag.BULK,
            text="Answers when it is certain that it will be done.",
            body=Body(CancellationRequest),
            answers=(
                data(CancellationObject),
                refused(400, "All that is wrong with the request, a line each"),
                refused(404, "function not found"),
                refused(409, TOO_MANY),
            ),
            links=(Link("deleteCancellation", "cancellation_id", "/data/id"),),
        ),
    },
    "/v1/cancellations/{cancellation_id}": {
        "DELETE": Declaration(
            "deleteCancellation",
            "Forget a bulk cancellation",
            Tag.BULK,
            text="If it has not ended, no more runs are cancelled.",
            answers=(
                data(Deleted),
                refused(400, "Invalid cancellation ID"),
                refused(404, "cancellation not found"),
            ),
        )
    },
}


class CancellationsApi:
    """Creates, lists and deletes bulk cancellations."""

    def __init__(self, services: ApiServices, bulk: BulkOperations) -> None:
        self._catalogue = services.catalogue
        self._ids = services.ids
        self._clock = services.clock
        self._bulk = bulk

    def routes(self) -> RouteTable:
        """Where it is mounted."""
        return {
            "/v1/cancellations": {"GET": self.all, "POST": self.create},
            "/v1/cancellations/{cancellation_id}": {"DELETE": self.delete},
        }

    async def create(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Begin to cancel; answers when it is certain that it will be done."""
        fields = await read_fields(scope, receive, send)
        if fields is None:
            return
        now_ms = self._clock.now_ms()
        app_name = fields.required_text("app_id")
        function_name = fields.required_text("function_id")
        asked = requested_cancellation(fields, now_ms=now_ms)
        if fields.problems:
            await send_error(send, 400, "\n".join(fields.problems))
            return
        function = _function_of_app(self._catalogue.functions, app_name, function_name)
        if function is None:
            await send_error(send, 404, "function not found")
            return
        operation = asked.of(function, self._ids.ulid(now_ms), now_ms=now_ms)
        if await self._bulk.create_operation(operation):
            await send_data(send, self._object(operation), now_ms=now_ms)
        else:
            await send_error(send, 409, TOO_MANY)

    async def all(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """All that are remembered, the newest first."""
        shown = [
            self._object(operation)
            for operation in await self._bulk.operations()
            if operation.kind is OperationKind.CANCEL
        ]
        await send_data(send, shown, now_ms=self._clock.now_ms())

    async def delete(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Forget one; if it has not ended, no more runs are cancelled."""
        text: str = scope["path_params"]["cancellation_id"]
        operation = await known_operation(text, send, self._bulk, kind=OperationKind.CANCEL)
        if operation is None:
            return
        await self._bulk.delete_operation(operation.id)
        await send_data(send, Deleted(), now_ms=self._clock.now_ms())

    def _object(self, operation: Operation) -> CancellationObject:
        function = self._catalogue.functions.get(operation.function_id)
        after_ms, ended_ms = operation.started_after_ms, operation.ended_ms
        return CancellationObject(
            id=operation.id,
            created_at=date_text(operation.created_ms),
            name=operation.name,
            account_id=ACCOUNT_ID,
            environment_id=operation.environment_id,
            app_id=function.app_name if function is not None else "",
            function_internal_id=operation.function_id,
            function_id=function.slug if function is not None else "",
            started_after=date_text(after_ms) if after_ms else None,
            started_before=date_text(operation.started_before_ms),
            condition=operation.condition or msgspec.UNSET,
            kind="bulk_run",
            # A function that is paused or removed with its runs was told so by a person.
            cause="API" if operation.cause == _BULK else "Manual",
            queue_name=None,
            status=progress_status(operation),
            runs_seen=operation.seen,
            runs_cancelled=operation.done,
            runs_failed=operation.failed,
            ended_at=date_text(ended_ms) if ended_ms else None,
        )


class AskedCancellation(msgspec.Struct, frozen=True):
    """Which runs of a function are to be cancelled.

    Attributes:
        after_ms: Queued then or later; 0 without a bound.
        before_ms: Queued then or earlier.
    """

    after_ms: int
    before_ms: int
    condition: str
    name: str

    def of(self, function: Function, new_id: str, *, now_ms: int) -> Operation:
        """The operation that cancels them."""
        return Operation(
            OperationId(new_id),
            OperationKind.CANCEL,
            function.environment_id,
            function.app_id,
            function.id,
            created_ms=now_ms,
            started_before_ms=self.before_ms,
            started_after_ms=self.after_ms,
            condition=self.condition,
            name=self.name,
            cause=_BULK,
        )


def requested_cancellation(fields: Fields, *, now_ms: int) -> AskedCancellation:
    """What is to be cancelled; nothing of it counts if the fields have problems."""
    after_ms, before_ms = _time_range(fields, now_ms)
    return AskedCancellation(after_ms, before_ms, fields.condition("if"), fields.text("name"))


def _time_range(fields: Fields, now_ms: int) -> tuple[int, int]:
    """From when, 0 without a bound, and until when runs were queued."""
    before_ms = fields.required_time_ms("started_before")
    after_ms = fields.time_ms("started_after")
    if before_ms is None:
        return after_ms or 0, 0
    if before_ms > now_ms + _AHEAD_MS:
        fields.problems.append("started_before must be in the past")
    if after_ms is not None and after_ms >= before_ms:
        fields.problems.append("started_after must be before started_before")
    return after_ms or 0, before_ms


def _function_of_app(functions: FunctionIndex, app_name: str, name: str) -> Function | None:
    """The app's function, by its id in the code, its slug or its internal id.

    Runs of one that is archived go on, so it is found as well unless another has its slug now.
    """
    names = {name, f"{app_name}-{name}"}
    found = [
        function
        for function in functions
        if function.app_name == app_name and (function.slug in names or function.id == name)
    ]
    return min(found, key=lambda function: function.archived, default=None)
