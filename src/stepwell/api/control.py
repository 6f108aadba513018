"""`/v1/functions` and `/v1/apps`: pause, resume, archive and remove functions; drain apps.

The reference has none of these; shapes and errors follow its other v1 routes. A function is named
by its slug or its id, an app by its own id or its internal one. A slug that ends like one of the
routes is only reached by the function's id.
"""

from typing import Any, Final, Protocol, TypeVar

import msgspec
from starlette.types import Receive, Scope, Send

from stepwell.api.body import headers_of, read_body
from stepwell.api.dates import date_text
from stepwell.api.errors import send_error
from stepwell.api.openapi import (
    Body,
    Declaration,
    DeclarationTable,
    Tag,
    Timestamp,
    Ulid,
    Uuid,
    data,
    refused,
)
from stepwell.api.responses import send_data
from stepwell.api.services import RouteTable
from stepwell.core.app import App
from stepwell.core.function import Function
from stepwell.core.pause import NewRuns, Pause, RunningRuns
from stepwell.core.pausing import ControlRefusal
from stepwell.engine.clock import Clock
from stepwell.engine.control import Controlled

__all__ = ["DECLARATIONS", "ControlApi", "FunctionControl"]

_BODY_BYTES_MAX: Final = 64 * 1024

_Mode = TypeVar("_Mode", NewRuns, RunningRuns)


class FunctionControl(Protocol):
    """Who is told. Methods that change something raise `StoreUnavailable` if it may not be."""

    def function(self, reference: str) -> Function | None:
        """The function, archived or not."""
        ...

    async def pause_function(
        self, reference: str, *, new_runs: NewRuns, running: RunningRuns
    ) -> Controlled | ControlRefusal:
        """Let a function stand still, or change how it does."""
        ...

    async def resume_function(self, reference: str) -> Controlled | ControlRefusal:
        """Let a paused function go on."""
        ...

    async def archive_function(self, reference: str) -> Controlled | ControlRefusal:
        """Let no event start the function."""
        ...

    async def remove_function(self, reference: str) -> Controlled | ControlRefusal:
        """Let no event start the function, and cancel its runs."""
        ...

    async def drain_app(self, reference: str) -> App | ControlRefusal:
        """Let no event start a function of the app."""
        ...

    async def resume_app(self, reference: str) -> App | ControlRefusal:
        """End the drain of an app."""
        ...


class _PauseRequest(msgspec.Struct, frozen=True):
    new_runs: Any = None
    running: Any = None


class _ModeInvalid(Exception):
    """The message says which member is wrong and what it may be, for the client."""


class PauseRequest(msgspec.Struct, frozen=True):
    """How a function is to stand still.

    Attributes:
        new_runs: What becomes of new events.
        running: What becomes of runs that have begun.
    """

    new_runs: NewRuns | None = None
    running: RunningRuns | None = None


class PauseObject(msgspec.Struct, frozen=True, kw_only=True):
    """How a function stands still, as clients read it.

    Attributes:
        is_drain: Whether that is because its app is drained.
    """

    since: Timestamp
    new_runs: NewRuns
    running: RunningRuns
    is_drain: bool


class FunctionObject(msgspec.Struct, frozen=True, kw_only=True):
    """A function, as clients read it.

    Attributes:
        app_id: The app's own id.
        cancellation_id: The bulk cancellation of its runs that the request has begun.
    """

    id: Uuid
    slug: str
    name: str
    app_id: str
    version: int
    archived: bool
    pause: PauseObject | None
    cancellation_id: Ulid | None


class DrainedAppObject(msgspec.Struct, frozen=True, kw_only=True):
    """An app, as clients read it when they have drained or resumed it."""

    id: str
    internal_id: Uuid
    archived: bool
    drained_at: Timestamp | None


_FUNCTION: Final = "/v1/functions/{slug:path}"
_APP: Final = "/v1/apps/{app:path}"
_NO_FUNCTION: Final = refused(404, "Function not found: …")
_NO_APP: Final = refused(404, "App not found: …")
_DRAINED: Final = "The function's app is drained; resume the app to let it go on"

DECLARATIONS: Final[DeclarationTable] = {
    f"{_FUNCTION}/pause": {
        "POST": Declaration(
            "pauseFunction",
            "Pause a function",
            Tag.FUNCTIONS,
            body=Body(PauseRequest, is_required=False),
            answers=(data(FunctionObject), refused(400, "… must be …"), _NO_FUNCTION),
        )
    },
    f"{_FUNCTION}/resume": {
        "POST": Declaration(
            "resumeFunction",
            "Let a paused function go on",
            Tag.FUNCTIONS,
            answers=(data(FunctionObject), _NO_FUNCTION, refused(409, _DRAINED)),
        )
    },
    f"{_FUNCTION}/archive": {
        "POST": Declaration(
            "archiveFunction",
            "Let no event start a function; its runs go on",
            Tag.FUNCTIONS,
            answers=(data(FunctionObject), _NO_FUNCTION),
        )
    },
    _FUNCTION: {
        "GET": Declaration(
            "getFunction",
            "Read how a function stands",
            Tag.FUNCTIONS,
            answers=(data(FunctionObject), _NO_FUNCTION),
        ),
        "DELETE": Declaration(
            "removeFunction",
            "Let no event start a function, and cancel its runs",
            Tag.FUNCTIONS,
            answers=(data(FunctionObject), _NO_FUNCTION),
        ),
    },
    f"{_APP}/drain": {
        "POST": Declaration(
            "drainApp",
            "Let no event start functions of an app; runs go on",
            Tag.APPS,
            answers=(data(DrainedAppObject), _NO_APP),
        )
    },
    f"{_APP}/resume": {
        "POST": Declaration(
            "resumeApp",
            "End the drain of an app",
            Tag.APPS,
            answers=(data(DrainedAppObject), _NO_APP),
        )
    },
}


class ControlApi:
    """Management of functions and apps; every answer shows how the thing stands afterwards."""

    def __init__(self, control: FunctionControl, clock: Clock) -> None:
        self._control = control
        self._clock = clock

    def routes(self) -> RouteTable:
        """Where it is mounted. The last route takes any path, so it has to stand last."""
        return {
            f"{_FUNCTION}/pause": {"POST": self.pause},
            f"{_FUNCTION}/resume": {"POST": self.resume},
            f"{_FUNCTION}/archive": {"POST": self.archive},
            f"{_APP}/drain": {"POST": self.drain_app},
            f"{_APP}/resume": {"POST": self.resume_app},
            _FUNCTION: {"GET": self.function, "DELETE": self.remove},
        }

    async def function(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """How a function stands."""
        function = self._control.function(_slug(scope))
        result = ControlRefusal.UNKNOWN if function is None else Controlled(function)
        await self._answer_function(scope, send, result)

    async def pause(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pause a function; `new_runs` and `running` say what becomes of its runs."""
        body = await read_body(headers_of(scope), receive, bytes_max=_BODY_BYTES_MAX)
        try:
            new_runs, running = _modes(body)
        except _ModeInvalid as invalid:
            await send_error(send, 400, str(invalid))
            return
        result = await self._control.pause_function(
            _slug(scope), new_runs=new_runs, running=running
        )
        await self._answer_function(scope, send, result)

    async def resume(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Let a paused function go on; one that is not paused stays as it is."""
        result = await self._control.resume_function(_slug(scope))
        await self._answer_function(scope, send, result)

    async def archive(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Let no event start the function; its runs go on."""
        result = await self._control.archive_function(_slug(scope))
        await self._answer_function(scope, send, result)

    async def remove(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Let no event start the function, and cancel its runs."""
        result = await self._control.remove_function(_slug(scope))
        await self._answer_function(scope, send, result)

    async def drain_app(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Let no event start a function of the app; its runs go on."""
        result = await self._control.drain_app(scope["path_params"]["app"])
        await self._answer_app(scope, send, result)

    async def resume_app(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """End the drain of an app."""
        result = await self._control.resume_app(scope["path_params"]["app"])
        await self._answer_app(scope, send, result)

    async def _answer_function(
        self, scope: Scope, send: Send, result: Controlled | ControlRefusal
    ) -> None:
        match result:
            case ControlRefusal.UNKNOWN:
                await send_error(send, 404, f"Function not found: {_slug(scope)}")
            case ControlRefusal.DRAINED:
                await send_error(send, 409, _DRAINED)
            case Controlled():
                await self._send(send, _function_object(result))

    async def _answer_app(self, scope: Scope, send: Send, result: App | ControlRefusal) -> None:
        if isinstance(result, App):
            await self._send(send, _app_object(result))
        else:
            await send_error(send, 404, f"App not found: {scope['path_params']['app']}")

    async def _send(self, send: Send, shown: FunctionObject | DrainedAppObject) -> None:
        await send_data(send, shown, now_ms=self._clock.now_ms())


def _slug(scope: Scope) -> str:
    slug: str = scope["path_params"]["slug"]
    return slug


def _modes(body: bytes) -> tuple[NewRuns, RunningRuns]:
    """The modes a pause asks for; what is left out or null is the first of the allowed values."""
    try:
        request = msgspec.json.decode(body, type=_PauseRequest) if body else _PauseRequest()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise _ModeInvalid("The body must be a JSON object") from None
    return (
        _mode("new_runs", request.new_runs, NewRuns),
        _mode("running", request.running, RunningRuns),
    )


def _mode(name: str, value: object, modes: type[_Mode]) -> _Mode:
    allowed = list(modes)
    for mode in allowed:
        if value is None or value == mode:
            return mode
    *others, last = (f'"{mode}"' for mode in allowed)
    raise _ModeInvalid(f"{name} must be {', '.join(others)} or {last}")


def _function_object(controlled: Controlled) -> FunctionObject:
    function, operation = controlled.function, controlled.operation
    return FunctionObject(
        id=function.id,
        slug=function.slug,
        name=function.name,
        app_id=function.app_name,
        version=function.version,
        archived=function.archived,
        pause=None if function.pause is None else _pause_object(function.pause),
        cancellation_id=None if operation is None else operation.id,
    )


def _pause_object(pause: Pause) -> PauseObject:
    return PauseObject(
        since=date_text(pause.since_ms),
        new_runs=pause.new_runs,
        running=pause.running,
        is_drain=pause.is_drain,
    )


def _app_object(app: App) -> DrainedAppObject:
    return DrainedAppObject(
        id=app.name,
        internal_id=app.id,
        archived=bool(app.archived_ms),
        drained_at=date_text(app.drained_ms) if app.drained_ms else None,
    )
