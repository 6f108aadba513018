"""`POST /v1/runs/{run_id}/rerun`: run a run again, from the beginning or from one of its steps.

Source: execution semantics, 8.1 and 8.2; the endpoint is ours.
"""

from typing import Annotated, Any, Final, Protocol, TypeVar

import msgspec
from msgspec import Meta
from starlette.types import Receive, Scope, Send

from stepwell.api.body import headers_of, read_body
from stepwell.api.errors import send_error
from stepwell.api.openapi import Body, Declaration, DeclarationTable, Link, Tag, Ulid, data, refused
from stepwell.api.responses import send_data
from stepwell.api.services import ApiServices, RouteTable
from stepwell.core.identity import RunId
from stepwell.core.rerun import RerunRefused, StepChoice
from stepwell.engine.reruns import Rerun
from stepwell.wire.opcode_options import STEP_BYTES_MAX
from stepwell.wire.ulid import is_ulid

__all__ = ["DECLARATIONS", "RerunControl", "RerunObject", "RerunsApi"]

_T = TypeVar("_T")

#: The largest input a step may have, and room for all other fields.
_BODY_BYTES_MAX: Final = STEP_BYTES_MAX + 64 * 1024
_STEP_CHARS_MAX: Final = 1024
_NOT_AN_OBJECT: Final = "The body must be a JSON object"
_NULL: Final = b"null"
_ABSENT: Final = msgspec.Raw(_NULL)
_CONFLICTS: Final = frozenset(
    {
        RerunRefused.FUNCTION_GONE,
        RerunRefused.ENDPOINT,
        RerunRefused.EVENT_GONE,
        RerunRefused.JOURNAL_GONE,
    }
)


class RerunControl(Protocol):
    """Who runs runs again."""

    async def rerun(
        self, run_id: RunId, from_step: StepChoice | None
    ) -> Rerun | RerunRefused | None:
        """Run it again; None when there is no such run.

        Raises:
            StoreUnavailable: It is unknown whether there is a new run.
        """
        ...


class RerunObject(msgspec.Struct, frozen=True):
    """What came of it: the new run, and the first of its chain."""

    id: Ulid
    origin_run_id: Ulid


class _Body(msgspec.Struct, frozen=True):
    from_step: msgspec.Raw = _ABSENT


class _FromStep(msgspec.Struct, frozen=True):
    step_id: Any = None
    input: msgspec.Raw = _ABSENT


class _BodyInvalid(Exception):
    """The message says what is wrong, for the client."""


class RerunFrom(msgspec.Struct, frozen=True):
    """Where a run is to begin.

    Attributes:
        step_id: The step's id in the code, or its hashed one.
        input: Arguments for the step, instead of those in the code.
    """

    step_id: Annotated[str, Meta(min_length=1, max_length=_STEP_CHARS_MAX)]
    input: list[Any] | None = None


class RerunRequest(msgspec.Struct, frozen=True):
    """How a run is to be run again; from its beginning without a step."""

    from_step: RerunFrom | None = None


DECLARATIONS: Final[DeclarationTable] = {
    "/v1/runs/{run_id}/rerun": {
        "POST": Declaration(
            "rerunRun",
            "Run a run again",
            Tag.RUNS,
            text="Answers when the new run is on disk.",
            body=Body(RerunRequest, is_required=False),
            answers=(
                data(RerunObject),
                refused(
                    400,
                    "Invalid run ID: …",
                    *(reason for reason in RerunRefused if reason not in _CONFLICTS),
                ),
                refused(404, "Unable to load function run: …"),
                refused(409, *sorted(_CONFLICTS)),
            ),
            links=(Link("getRun", "run_id", "/data/id"),),
        )
    }
}


class RerunsApi:
    """Answers when the new run is durable."""

    def __init__(self, services: ApiServices, reruns: RerunControl) -> None:
        self._reruns = reruns
        self._clock = services.clock

    def routes(self) -> RouteTable:
        """Where it is mounted."""
        return {"/v1/runs/{run_id}/rerun": {"POST": self}}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        text: str = scope["path_params"]["run_id"]
        if not is_ulid(text):
            await send_error(send, 400, f"Invalid run ID: {text}")
            return
        run_id = RunId(text.upper())
        body = await read_body(headers_of(scope), receive, bytes_max=_BODY_BYTES_MAX)
        try:
            choice = _choice(body)
        except _BodyInvalid as invalid:
            await send_error(send, 400, str(invalid))
            return
        outcome = await self._reruns.rerun(run_id, choice)
        if outcome is None:
            await send_error(send, 404, f"Unable to load function run: {run_id}")
        elif isinstance(outcome, RerunRefused):
            await send_error(send, 409 if outcome in _CONFLICTS else 400, outcome)
        else:
            shown = RerunObject(outcome.run_id, outcome.origin_run_id)
            await send_data(send, shown, now_ms=self._clock.now_ms())


def _choice(body: bytes) -> StepChoice | None:
    """Where to begin; None at the beginning."""
    if not body.strip():
        return None
    from_step = bytes(_decoded(body, _Body, _NOT_AN_OBJECT).from_step)
    if from_step == _NULL:
        return None
    fields = _decoded(from_step, _FromStep, "from_step must be an object")
    step = fields.step_id
    if not isinstance(step, str) or not step:
        raise _BodyInvalid("from_step.step_id is required")
    if len(step) > _STEP_CHARS_MAX:
        raise _BodyInvalid(f"from_step.step_id must have at most {_STEP_CHARS_MAX} characters")
    given = bytes(fields.input)
    return StepChoice(step, None if given == _NULL else given)


def _decoded(raw: bytes, shape: type[_T], otherwise: str) -> _T:
    try:
        return msgspec.json.decode(raw, type=shape)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise _BodyInvalid(otherwise) from error
