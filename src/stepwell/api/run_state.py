"""`/v0`: the state of a live run for SDKs that fetch it, and the ends of what older tools call.

Source: HTTP APIs, 6; SDK protocol, 8.
"""

from typing import Any, Final

from starlette.types import Receive, Scope, Send

from stepwell.api.errors import send_error
from stepwell.api.openapi import Declaration, DeclarationTable, Tag, empty, json, refused
from stepwell.api.responses import EMPTY, JSON, encode_json, send_answer
from stepwell.api.services import ApiServices, RouteTable
from stepwell.core.identity import RunId, StepId
from stepwell.wire.ulid import is_ulid

__all__ = ["DECLARATIONS", "RunStateApi"]

_ID_INVALID = "The run ID specified is invalid"


_INVALID: Final = refused(400, _ID_INVALID)
_GONE: Final = refused(410, "runtime state is no longer available for runID: …")

DECLARATIONS: Final[DeclarationTable] = {
    "/v0/runs/{run_id}": {
        "DELETE": Declaration(
            "cancelLiveRun",
            "Cancel a run that has not ended",
            Tag.SDK,
            answers=(
                empty(status=204),
                _INVALID,
                refused(404, "A function run with the given ID could not be found"),
                refused(409, "This function has already completed"),
            ),
        )
    },
    "/v0/runs/{run_id}/batch": {
        "GET": Declaration(
            "getEventsOfLiveRun",
            "Read the events of a run that has not ended",
            Tag.SDK,
            answers=(json(list[dict[str, Any]]), _INVALID, _GONE),
        )
    },
    "/v0/runs/{run_id}/actions": {
        "GET": Declaration(
            "getStepsOfLiveRun",
            "Read the results of the steps of a run that has not ended",
            Tag.SDK,
            text="By hashed id, in the order of their completion.",
            answers=(json(dict[str, Any]), _INVALID, _GONE),
        )
    },
    "/v0/telemetry": {
        "POST": Declaration(
            "dropTelemetry",
            "Drop what a dashboard tells about its use",
            Tag.SDK,
            answers=(empty("Nothing was kept"),),
        )
    },
    "/v0/connect/start": {
        "POST": Declaration(
            "startConnect",
            "Refuse apps that want to connect to the server",
            Tag.SDK,
            answers=(refused(501, "connect is not available in this version"),),
        )
    },
}


class RunStateApi:
    """What SDKs fetch when the state of a run was too large for the call."""

    def __init__(self, services: ApiServices) -> None:
        self._runs = services.runs
        self._readers = services.readers

    def routes(self) -> RouteTable:
        """Where it is mounted."""
        return {
            "/v0/runs/{run_id}": {"DELETE": self.cancel},
            "/v0/runs/{run_id}/batch": {"GET": self.batch},
            "/v0/runs/{run_id}/actions": {"GET": self.actions},
            "/v0/telemetry": {"POST": self.drop_telemetry},
            "/v0/connect/start": {"POST": self.refuse_connect},
        }

    async def batch(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """The run's events: an array without envelope."""
        inputs = await self._inputs(scope, send)
        if inputs is not None:
            events, _ = inputs
            await send_answer(send, 200, b"[%b]" % b",".join(events), headers=(JSON,))

    async def actions(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """The run's memoised steps by hashed id: an object without envelope.

        In the order in which they were completed, from which TypeScript rebuilds its stack.
        """
        inputs = await self._inputs(scope, send)
        if inputs is not None:
            _, steps = inputs
            members = [b"%b:%b" % (encode_json(step), memo) for step, memo in steps.items()]
            await send_answer(send, 200, b"{%b}" % b",".join(members), headers=(JSON,))

    async def cancel(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Cancel the run; here, unlike in v1, an ended run is an error."""
        run_id = await _run_id(scope, send)
        if run_id is None:
            return
        if await self._runs.cancel_run(run_id):
            await send_answer(send, 204, EMPTY)
        elif await self._readers.run(run_id) is None:
            await send_error(send, 404, "A function run with the given ID could not be found")
        else:
            await send_error(send, 409, "This function has already completed")

    async def drop_telemetry(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Nothing is collected, but dashboards expect a place to send to."""
        await send_answer(send, 200, EMPTY)

    async def refuse_connect(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Saying anything else would let an app wait for calls that never come."""
        await send_error(send, 501, "connect is not available in this version")

    async def _inputs(
        self, scope: Scope, send: Send
    ) -> tuple[list[bytes], dict[StepId, bytes]] | None:
        run_id = await _run_id(scope, send)
        if run_id is None:
            return None
        inputs = await self._runs.inputs_of(run_id)
        if inputs is None:
            message = f"runtime state is no longer available for runID: {run_id}"
            await send_error(send, 410, message)
        return inputs


async def _run_id(scope: Scope, send: Send) -> RunId | None:
    """The run id in the path; without a valid one, the answer is sent."""
    text: str = scope["path_params"]["run_id"]
    if is_ulid(text):
        return RunId(text.upper())
    await send_error(send, 400, _ID_INVALID)
    return None
