"""`POST /v1/signals`: give the step that waits for a signal its result.

Source: HTTP APIs, 7.6.
"""

from typing import Annotated, Any, Final, Protocol

import msgspec
from msgspec import Meta
from starlette.types import Receive, Scope, Send

from stepwell.api.body import headers_of, read_body
from stepwell.api.errors import send_error
from stepwell.api.openapi import Body, Declaration, DeclarationTable, Tag, Ulid, data, refused
from stepwell.api.responses import send_data
from stepwell.api.services import RouteTable
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, EnvironmentId, RunId
from stepwell.core.signals import SIGNAL_NAME_BYTES_MAX
from stepwell.engine.clock import Clock
from stepwell.wire.events import EVENT_LEVELS_MAX
from stepwell.wire.json_shape import is_deeper_than
from stepwell.wire.opcode_options import STEP_BYTES_MAX
from stepwell.wire.unicode_repair import with_unicode_repaired

__all__ = ["DECLARATIONS", "SIGNAL_BYTES_MAX", "SignalEndpoint", "SignalIntake", "signal_problem"]

#: The data becomes the result of a step; the rest of the body is small.
SIGNAL_BYTES_MAX: Final = STEP_BYTES_MAX
_BODY_BYTES_MAX: Final = SIGNAL_BYTES_MAX + 64 * 1024

_INVALID: Final = "Invalid signal data"


class SignalIntake(Protocol):
    """Where sent signals go."""

    async def send_signal(
        self, environment_id: EnvironmentId, name: str, data: bytes
    ) -> RunId | None:
        """Give the step that waits its result; returns its run, None if no step waits.

        Raises:
            StoreUnavailable: It is not certain whether a step has it.
        """
        ...


class _Signal(msgspec.Struct, frozen=True):
    signal: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")


class SignalRequest(msgspec.Struct, frozen=True):
    """A signal, as it is sent.

    Attributes:
        signal: Its name; at most 1,024 bytes.
        data: The result of the step that waits; at most 4 MiB.
    """

    signal: Annotated[str, Meta(min_length=1, max_length=SIGNAL_NAME_BYTES_MAX)]
    data: Any = None


class SignalledRun(msgspec.Struct, frozen=True):
    """The run whose step had waited."""

    run_id: Ulid


DECLARATIONS: Final[DeclarationTable] = {
    "/v1/signals": {
        "POST": Declaration(
            "sendSignal",
            "Send a signal",
            Tag.EVENTS,
            text="Gives the step that waits for the signal its result; "
            "answers when that is on disk.",
            body=Body(SignalRequest),
            answers=(
                data(SignalledRun),
                refused(400, f"{_INVALID}: …"),
                refused(404, "No signal found"),
            ),
        )
    }
}


class SignalEndpoint:
    """Answers 200 when the step that waited has its result durably; a signal is never kept."""

    def __init__(self, signals: SignalIntake, clock: Clock) -> None:
        self._signals = signals
        self._clock = clock

    def routes(self) -> RouteTable:
        """Where it is mounted."""
        return {"/v1/signals": {"POST": self}}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(headers_of(scope), receive, bytes_max=_BODY_BYTES_MAX)
        try:
            signal = msgspec.json.decode(with_unicode_repaired(body), type=_Signal)
        except (msgspec.MsgspecError, RecursionError):
            await send_error(send, 400, _INVALID)
            return
        problem = signal_problem(signal.signal, bytes(signal.data))
        if problem:
            await send_error(send, 400, f"{_INVALID}: {problem}")
            return
        data = bytes(signal.data)
        run_id = await self._signals.send_signal(DEFAULT_ENVIRONMENT_ID, signal.signal, data)
        if run_id is None:
            await send_error(send, 404, "No signal found")
            return
        await send_data(send, SignalledRun(run_id), now_ms=self._clock.now_ms())


def signal_problem(name: str, data: bytes) -> str:
    """What is wrong with a signal, or ""."""
    if not name:
        return "the name of the signal is missing"
    if len(name.encode()) > SIGNAL_NAME_BYTES_MAX:
        return f"the name of the signal is longer than {SIGNAL_NAME_BYTES_MAX} bytes"
    if len(data) > SIGNAL_BYTES_MAX:
        return f"the data is larger than {SIGNAL_BYTES_MAX} bytes"
    if is_deeper_than(EVENT_LEVELS_MAX, data):
        return f"the data is nested deeper than {EVENT_LEVELS_MAX} levels"
    return ""
