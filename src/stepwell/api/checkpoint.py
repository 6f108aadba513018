"""The checkpoint API: what apps report while they run, and the results of durable endpoints.

Mounted twice with the same behaviour: SDKs send to `/v1/checkpoint`, browsers are redirected to
`/v1/http/runs`. Everything needs the signing key but the output, which needs the run's token.

Source: HTTP APIs, 8.
"""

import asyncio
import re
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl

import structlog
from starlette.types import Receive, Scope, Send

from stepwell.api.body import headers_of, read_body
from stepwell.api.checkpoint_declarations import (
    ANY_METHOD,
    PREFIXES,
    BegunObject,
    RefusedRun,
    RunRefusal,
    StillRunning,
)
from stepwell.api.errors import ClientGone, send_error
from stepwell.api.replay import send_api_result
from stepwell.api.responses import EMPTY, JSON, encode_json, send_answer, send_data, send_json
from stepwell.api.services import ApiServices, RouteTable
from stepwell.core.checkpointing import CheckpointRefused
from stepwell.core.identity import ACCOUNT_ID, DEFAULT_ENVIRONMENT_ID, RunId
from stepwell.core.status import RunStatus
from stepwell.engine.checkpoints import BegunRun, Checkpointed, NotBegun
from stepwell.store.views import RunView
from stepwell.wire.checkpoint import (
    START_BYTES_MAX,
    AsyncCheckpoint,
    CheckpointInvalid,
    CheckpointTooLarge,
    EndpointStart,
    StepsCheckpoint,
    parse_api_result,
    parse_async_checkpoint,
    parse_endpoint_start,
    parse_steps_checkpoint,
)
from stepwell.wire.events import AcceptedEvent
from stepwell.wire.run_claim import (
    TokenKey,
    issue_realtime_token,
    issue_run_claim,
    run_claim_is_valid,
)
from stepwell.wire.ulid import is_ulid

__all__ = ["OUTPUT_WAIT_S", "CheckpointApi", "RunReports", "RunWatch", "is_output_path"]

_log = structlog.get_logger("stepwell.api")

#: How long a request for the output of a run is held. Source: HTTP APIs, 8.5.
OUTPUT_WAIT_S: Final = 300.0

_OUTPUT_PATH: Final = re.compile(r"/v1/(checkpoint|http/runs)/[^/]+/output")
_STALE: Final = "stale dispatch: the call this checkpoint comes from is not under way any more"
_TOKEN_REFUSED: Final = "Unable to find run with auth token"  # noqa: S105 - no secret


class RunReports(Protocol):
    """Who takes what apps report. Every method raises `StoreUnavailable`."""

    async def save_checkpoint(self, report: AsyncCheckpoint) -> Checkpointed | CheckpointRefused:
        """Record what a call under way reports; returns when it is durable."""
        ...

    async def begin_endpoint(
        self, start: EndpointStart, accepted: AcceptedEvent
    ) -> BegunRun | NotBegun:
        """Create the run of a durable endpoint; returns when it is durable."""
        ...

    async def report_steps(self, report: StepsCheckpoint) -> Checkpointed:
        """Decide about what a durable endpoint reports; returns when that is durable."""
        ...


class RunWatch(Protocol):
    """Who knows when runs end."""

    def watch(self, run_id: RunId) -> AbstractContextManager[asyncio.Future[None]]:
        """A future that is done once the run has ended.

        Raises:
            StoreUnavailable: The server stops, or too many wait.
        """
        ...


def is_output_path(path: str) -> bool:
    """Whether the path is that of a run's output, which needs no signing key but a token."""
    return _OUTPUT_PATH.fullmatch(path) is not None


class CheckpointApi:
    """Reports of calls and durable endpoints, and the results of the latter.

    Args:
        services: What the API works on.
        reports: Takes the reports.
        watch: Tells when runs end.
        tokens: Signs the tokens of runs.
        bytes_max: Largest body of a report.
        output_wait_s: How long a request for an output is held.
    """

    def __init__(
        self,
        services: ApiServices,
        reports: RunReports,
        watch: RunWatch,
        *,
        tokens: TokenKey,
        bytes_max: int,
        output_wait_s: float = OUTPUT_WAIT_S,
    ) -> None:
        self._readers = services.readers
        self._ids = services.ids
        self._clock = services.clock
        self._reports = reports
        self._watch = watch
        self._tokens = tokens
        self._bytes_max = bytes_max
        self._output_wait_s = output_wait_s

    def routes(self) -> RouteTable:
        """Where it is mounted."""
        output = dict.fromkeys(ANY_METHOD, self.output)
        table: dict[str, Any] = {}
        for prefix in PREFIXES:
            table[prefix] = {"POST": self.start}
            table[prefix + "/{run_id}/steps"] = {"POST": self.steps}
            table[prefix + "/{run_id}/async"] = {"POST": self.save}
            table[prefix + "/{run_id}/output"] = output
        return table

    async def start(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Create the run of a durable endpoint that has begun to run.

        Departs from the reference in that the token comes with every answer, so that an endpoint
        can always send its caller to the output.

        Source: HTTP APIs, 8.2.
        """
        body = await read_body(headers_of(scope), receive, bytes_max=START_BYTES_MAX)
        try:
            start = parse_endpoint_start(body)
        except CheckpointInvalid as invalid:
            await _send_invalid(send, invalid, prefix="Invalid request body")
            return
        now_ms = self._clock.now_ms()
        internal_id = self._ids.ulid(now_ms)
        event = start.event(internal_id=internal_id, received_ms=now_ms)
        accepted = AcceptedEvent(internal_id, now_ms, event, event.payload())
        match await self._reports.begin_endpoint(start, accepted):
            case BegunRun() as begun:
                await send_data(send, self._begun(begun, now_ms), now_ms=now_ms)
            case NotBegun.EXISTS:
                await send_error(send, 409, "Run already exists")
            case NotBegun.TOO_MANY_ENDPOINTS:
                domain = start.request.domain
                message = (
                    f"Too many endpoints at {domain}; give them ids, so that many paths share one"
                )
                await send_error(send, 429, message)

    async def steps(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a report of a durable endpoint.

        What comes too late is no error to the endpoint: its caller still gets the answer.

        Source: HTTP APIs, 8.3.
        """
        body = await read_body(headers_of(scope), receive, bytes_max=self._bytes_max)
        try:
            report = parse_steps_checkpoint(body, path_run_id=scope["path_params"]["run_id"])
        except CheckpointInvalid as invalid:
            await _send_invalid(send, invalid, prefix="invalid request body")
            return
        outcome = await self._reports.report_steps(report)
        if outcome is not Checkpointed.SAVED:
            _log.info("endpoint.report_ignored", run_id=report.run_id, reason=outcome.name.lower())
        await send_answer(send, 200, EMPTY)

    async def save(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Record finished steps of a call that is under way.

        Source: HTTP APIs, 8.4.
        """
        body = await read_body(headers_of(scope), receive, bytes_max=self._bytes_max)
        try:
            report = parse_async_checkpoint(body, path_run_id=scope["path_params"]["run_id"])
        except CheckpointInvalid as invalid:
            await _send_invalid(send, invalid, prefix="invalid request body")
            return
        run_id = report.run_id
        match await self._reports.save_checkpoint(report):
            case Checkpointed.SAVED:
                await send_answer(send, 200, EMPTY)
            case Checkpointed.STALE:
                await _send_run_error(send, 409, _STALE, run_id)
            case Checkpointed.NO_RUN:
                await self._send_no_run(send, run_id)
            case CheckpointRefused(reason=reason, is_too_large=is_too_large):
                await _send_run_error(send, 413 if is_too_large else 400, reason, run_id)

    async def output(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the durable endpoint would have, once its run has ended.

        Source: HTTP APIs, 8.5.
        """
        run_id = RunId(scope["path_params"]["run_id"].upper())
        token = dict(reversed(parse_qsl(scope["query_string"].decode("latin-1")))).get("token", "")
        if not is_ulid(run_id) or not self._is_claimed(token, run_id):
            await send_error(send, 401, _TOKEN_REFUSED)
            return
        with self._watch.watch(run_id) as ended:
            run = await self._readers.run(run_id)
            if run is not None and not run.status.is_ended:
                if not await _ends_in_time(ended, receive, wait_s=self._output_wait_s):
                    await send_json(send, 200, StillRunning())
                    return
                run = await self._readers.run(run_id)
        if run is None:
            await send_error(send, 404, f"Unable to load function run: {run_id}")
            return
        await _send_output(send, run)

    def _begun(self, begun: BegunRun, now_ms: int) -> BegunObject:
        run_id, function, environment_id = begun.run_id, begun.function, DEFAULT_ENVIRONMENT_ID
        now_s = now_ms // 1000
        return BegunObject(
            fn_id=function.id,
            app_id=function.app_id,
            run_id=run_id,
            token=issue_run_claim(run_id, environment_id, self._tokens, now_s=now_s),
            realtime_token=issue_realtime_token(
                run_id,
                environment_id,
                ACCOUNT_ID,
                self._tokens,
                token_id=self._ids.ulid(now_ms),
                now_s=now_s,
            ),
        )

    def _is_claimed(self, token: str, run_id: RunId) -> bool:
        now_s = self._clock.now_ms() // 1000
        return run_claim_is_valid(token, run_id, DEFAULT_ENVIRONMENT_ID, self._tokens, now_s=now_s)

    async def _send_no_run(self, send: Send, run_id: str) -> None:
        """An ended run stops the app at once; one that never was is the app's mistake."""
        if await self._readers.run(RunId(run_id)) is None:
            await _send_run_error(send, 400, f"Unable to find run: {run_id}", run_id)
        else:
            await _send_run_error(send, 409, _STALE, run_id)


async def _ends_in_time(ended: "asyncio.Future[None]", receive: Receive, *, wait_s: float) -> bool:
    """Whether the run ends before the time is up.

    Raises:
        ClientGone: Nobody waits for the answer any more.
        StoreUnavailable: The server stops.
    """
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait({ended, gone}, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            ended.result()
            return True
        if gone.done():
            raise ClientGone
        return False
    finally:
        gone.cancel()
        await asyncio.wait({gone})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_output(send: Send, run: RunView) -> None:
    if run.status is RunStatus.COMPLETED and run.output:
        result = parse_api_result(run.output)
        if result is not None:
            await send_api_result(send, result)
            return
    await send_answer(send, 200, run.output or run.error or b"null", headers=(JSON,))


async def _send_invalid(send: Send, invalid: CheckpointInvalid, *, prefix: str) -> None:
    if isinstance(invalid, CheckpointTooLarge):
        await _send_run_error(send, 413, str(invalid), invalid.run_id)
    else:
        await send_error(send, 400, f"{prefix}: {invalid}")


async def _send_run_error(send: Send, status: int, message: str, run_id: str) -> None:
    """The error object, with the run as its data. Source: HTTP APIs, 1.8 and 8.4."""
    body = RunRefusal(message, RefusedRun(run_id), status)
    await send_answer(send, status, encode_json(body) + b"\n", headers=(JSON,))
