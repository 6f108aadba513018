"""What the checkpoint API takes and answers.

Source: HTTP APIs, 8.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from stepwell.api.openapi import (
    Body,
    Declaration,
    DeclarationTable,
    Parameter,
    Tag,
    Ulid,
    Unlisted,
    Uuid,
    data,
    empty,
    json,
    refused,
)

__all__ = [
    "ANY_METHOD",
    "DECLARATIONS",
    "PREFIXES",
    "BegunObject",
    "RefusedRun",
    "RunRefusal",
    "StillRunning",
]

#: SDKs send to the first, browsers are redirected to the second.
PREFIXES: Final = ("/v1/checkpoint", "/v1/http/runs")
#: With which the output of a run is asked for: it stands for whatever the endpoint was called with.
ANY_METHOD: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class ReportedOpcode(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that an SDK reports.

    Attributes:
        op: What it is, such as `StepRun` or `RunComplete`.
        id: The step's hashed id.
        data: The step's output.
    """

    op: str
    id: str = ""
    name: str | None = None
    opts: Any = None
    data: Any = None
    error: dict[str, Any] | None = None


class EndpointRequestData(msgspec.Struct, frozen=True, kw_only=True):
    """The request that a durable endpoint was called with.

    Attributes:
        domain: Scheme, host and port.
        fn: The id that the endpoint's author gave it.
        query_params: The query, without "?".
    """

    domain: Annotated[str, Meta(pattern="^https?://[a-z0-9.-]+$")]
    method: Annotated[str, Meta(pattern="^[A-Z]{1,32}$")]
    path: str
    fn: str = ""
    ip: str = ""
    content_type: str = ""
    query_params: str = ""
    body: str = ""


class EndpointEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The event that stands for a request to a durable endpoint."""

    data: EndpointRequestData
    name: str = "inngest/http.request"
    id: str | None = None
    ts: int = 0
    v: str = ""


class EndpointStartRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A durable endpoint has begun to run.

    Attributes:
        run_id: Chosen by the SDK.
        steps: What it has done so far.
        request_version: Version of hashing and parallelism.
        retries: How often a failed attempt is repeated; 4 below 0.
    """

    run_id: Ulid
    event: EndpointEvent
    steps: list[ReportedOpcode] = []
    request_version: int = 0
    retries: int | None = None


class StepsReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a durable endpoint has done."""

    run_id: Ulid
    steps: list[ReportedOpcode]
    fn_id: str = ""
    app_id: str = ""


class CallReport(msgspec.Struct, frozen=True, kw_only=True):
    """Steps that a call under way has finished.

    Attributes:
        qi_id: The queue item of the call, as it was told in the request.
        generation_id: The dispatch of the call, as it was told in the request.
        request_started_at: When the call began, in milliseconds since 1970.
    """

    run_id: Ulid
    steps: list[ReportedOpcode]
    fn_id: str = ""
    qi_id: str = ""
    generation_id: int = 0
    request_started_at: int = 0


class BegunObject(msgspec.Struct, frozen=True, kw_only=True):
    """The run of a durable endpoint.

    Attributes:
        token: With which its output can be read.
        realtime_token: With which its stream can be subscribed to.
    """

    fn_id: Uuid
    app_id: Uuid
    run_id: Ulid
    token: str
    realtime_token: str


class StillRunning(msgspec.Struct, frozen=True):
    """That the run took longer than anybody waits."""

    status: str = "running"
    message: str = "run did not end within 5 minutes"


class RefusedRun(msgspec.Struct, frozen=True):
    """Which run an error is about."""

    run_id: str


class RunRefusal(msgspec.Struct, frozen=True):
    """Why a report was refused, with the run it is about."""

    error: str
    data: RefusedRun
    status: int


_OUTPUT: Final = Declaration(
    "getOutput",
    "Read what a durable endpoint answers",
    Tag.SDK,
    text="Waits up to 5 minutes for the end of the run and repeats its response: status, headers "
    "and body.",
    parameters=(
        # Whatever it is, without the right token it is not looked at.
        Parameter("run_id", str, "Id of the run", place="path", is_required=True),
        Parameter("token", str, "The run's token", is_required=True),
    ),
    answers=(
        json(Any, "The output of the run, or that it goes on"),
        refused(401, "Unable to find run with auth token"),
        refused(404, "Unable to load function run: …"),
    ),
)

_START: Final = Declaration(
    "beginEndpoint",
    "Begin the run of a durable endpoint",
    Tag.SDK,
    body=Body(EndpointStartRequest),
    answers=(
        data(BegunObject),
        refused(400, "Invalid request body: …"),
        refused(409, "Run already exists"),
        refused(413, kind=RunRefusal),
        refused(429, "Too many endpoints at …"),
    ),
)

_STEPS: Final = Declaration(
    "reportSteps",
    "Take what a durable endpoint reports",
    Tag.SDK,
    text="What comes too late is no error.",
    body=Body(StepsReport),
    answers=(
        empty(),
        refused(400, "invalid request body: …"),
        refused(413, kind=RunRefusal),
    ),
)

_SAVE: Final = Declaration(
    "saveCheckpoint",
    "Take steps of a call that is under way",
    Tag.SDK,
    body=Body(CallReport),
    answers=(
        empty(),
        refused(400, "invalid request body: …"),
        refused(400, "Unable to find run: …", kind=RunRefusal),
        refused(409, "stale dispatch: …", kind=RunRefusal),
        refused(413, kind=RunRefusal),
    ),
)


def _tables() -> Iterator[tuple[str, dict[str, Declaration | Unlisted]]]:
    twin = Unlisted(f"the same as under {PREFIXES[0]}")
    for prefix in PREFIXES:
        is_first = prefix == PREFIXES[0]
        yield prefix, {"POST": _START if is_first else twin}
        yield f"{prefix}/{{run_id}}/steps", {"POST": _STEPS if is_first else twin}
        yield f"{prefix}/{{run_id}}/async", {"POST": _SAVE if is_first else twin}
        # Browsers only get to know the second.
        shown = {"GET": twin if is_first else _OUTPUT}
        others = dict.fromkeys(ANY_METHOD[1:], Unlisted("answers as GET does"))
        yield f"{prefix}/{{run_id}}/output", {**shown, **others}


DECLARATIONS: Final[DeclarationTable] = dict(_tables())
