"""The checkpoint API: what each request is answered."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from starlette.types import Message

from stepwell.api import ApiServices
from stepwell.api.checkpoint import CheckpointApi, is_output_path
from stepwell.api.errors import ErrorAnswers
from stepwell.api.routing import router
from stepwell.core.checkpointing import CheckpointRefused
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, RunId
from stepwell.core.status import RunStatus
from stepwell.core.transition import RunEnd, Transition
from stepwell.engine.checkpoints import BegunRun, Checkpointed, NotBegun
from stepwell.engine.run_ends import RunEnds
from stepwell.engine.store import StoreUnavailable
from stepwell.store.views import RunView
from stepwell.wire.checkpoint import AsyncCheckpoint, EndpointStart, StepsCheckpoint
from stepwell.wire.events import AcceptedEvent
from stepwell.wire.run_claim import TokenKey, issue_run_claim, run_claim_is_valid
from tests.unit.api.api_server import (
    NOW,
    NOW_MS,
    Answer,
    Api,
    Backend,
    Clock,
    Ulids,
    function,
    run_view,
)
from tests.unit.api.api_server import ulid as ulid_of

RUN = RunId(ulid_of(1))
KEY = TokenKey(bytes(range(32)))
DATA = {"domain": "http://shop", "method": "GET", "path": "/"}
STEP = {"op": "StepRun", "id": "aa", "data": 1}
PREFIXES = ["/v1/checkpoint", "/v1/http/runs"]


class Reports:
    """Takes every report and answers as it was told to."""

    def __init__(self) -> None:
        self.taken: list[AsyncCheckpoint | EndpointStart | StepsCheckpoint] = []
        self.events: list[AcceptedEvent] = []
        self.saved: Checkpointed | CheckpointRefused = Checkpointed.SAVED
        self.begun: BegunRun | NotBegun = BegunRun(RUN, function("buy"))
        self.reported = Checkpointed.SAVED
        self.failure: Exception | None = None

    async def save_checkpoint(self, report: AsyncCheckpoint) -> Checkpointed | CheckpointRefused:
        self._take(report)
        return self.saved

    async def begin_endpoint(
        self, start: EndpointStart, accepted: AcceptedEvent
    ) -> BegunRun | NotBegun:
        self._take(start)
        self.events.append(accepted)
        return self.begun

    async def report_steps(self, report: StepsCheckpoint) -> Checkpointed:
        self._take(report)
        return self.reported

    def _take(self, report: AsyncCheckpoint | EndpointStart | StepsCheckpoint) -> None:
        if self.failure is not None:
            raise self.failure
        self.taken.append(report)


class Storage(Backend):
    """Something may happen between a read and its answer."""

    def __init__(self) -> None:
        super().__init__()
        self.after_read: Callable[[], None] = lambda: None

    async def run(self, run_id: RunId) -> RunView | None:
        view = await super().run(run_id)
        self.after_read()
        return view


class Checkpoint(Api):
    """The checkpoint API alone."""

    def __init__(self, *, wait_s: float = 30.0) -> None:
        super().__init__()
        self.storage = self.backend = Storage()
        self.reports = Reports()
        self.ends = RunEnds()
        services = ApiServices(
            intake=self.backend,
            runs=self.backend,
            catalogue=self.backend,
            readers=self.backend,
            ids=Ulids(),
            clock=Clock(),
        )
        api = CheckpointApi(
            services,
            self.reports,
            self.ends,
            tokens=KEY,
            bytes_max=6 * 1024 * 1024,
            output_wait_s=wait_s,
        )
        self.app = ErrorAnswers(router([api.routes()]))

    def ended(self, output: Any = None, status: RunStatus = RunStatus.COMPLETED) -> None:
        """Let the run have ended."""
        raw = b"" if output is None else msgspec.json.encode(output)
        self.backend.runs = [run_view(1, status=status, output=raw)]

    def output(self, *, method: str = "GET", token: str | None = None) -> Answer:
        token = claim() if token is None else token
        return self.request(method, f"/v1/http/runs/{RUN}/output?token={quote(token)}")

    async def held_output(self, meanwhile: Callable[[], Message | None]) -> list[Message]:
        """Ask for the output over a connection that stays open.

        `meanwhile` happens once the request is held; it may return a message of the connection.
        """
        coming: asyncio.Queue[Message] = asyncio.Queue()
        coming.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        sent: list[Message] = []

        async def receive() -> Message:
            if coming.empty() and (message := meanwhile()) is not None:
                return message
            return await coming.get()

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "GET",
            "path": f"/v1/http/runs/{RUN}/output",
            "query_string": f"token={claim()}".encode(),
            "headers": [],
        }
        await self.app(scope, receive, send)
        return sent


def claim(run_id: str = RUN, *, now_s: int = NOW_MS // 1000) -> str:
    return issue_run_claim(run_id, DEFAULT_ENVIRONMENT_ID, KEY, now_s=now_s)


def start_body(**changes: Any) -> bytes:
    return msgspec.json.encode({"run_id": RUN, "event": {"data": DATA}, "steps": []} | changes)


def steps_body(*steps: Any, **fields: Any) -> bytes:
    return msgspec.json.encode({"run_id": RUN, "steps": steps} | fields)


@pytest.fixture
def api() -> Checkpoint:
    return Checkpoint()


# The start of an endpoint.


@pytest.mark.parametrize("prefix", PREFIXES)
def test_an_endpoint_that_begins_is_told_its_ids_and_tokens(api: Checkpoint, prefix: str) -> None:
    answer = api.post(prefix, start_body())

    assert answer.status == 200
    data = answer.json["data"]
    assert (data["fn_id"], data["app_id"], data["run_id"]) == ("id-of-buy", "id-of-shop", RUN)
    assert run_claim_is_valid(data["token"], RUN, DEFAULT_ENVIRONMENT_ID, KEY, now_s=NOW_MS // 1000)
    assert data["realtime_token"].count(".") == 2
    assert answer.json["metadata"] == {"fetched_at": NOW}
    (accepted,) = api.reports.events
    assert (accepted.event.name, accepted.event.ts) == ("inngest/http.request", NOW_MS)
    assert accepted.event.id == accepted.internal_id


@pytest.mark.parametrize("body", [b"", b"{", start_body(run_id=None), start_body(event={})])
def test_a_start_that_makes_no_sense_is_refused(api: Checkpoint, body: bytes) -> None:
    answer = api.post("/v1/checkpoint", body)

    assert answer.status == 400
    assert answer.json["error"].startswith("Invalid request body")
    assert (answer.json["status"], answer.json["data"]) == (400, None)
    assert not api.reports.taken


def test_a_start_may_have_four_mebibytes(api: Checkpoint) -> None:
    empty = len(start_body(event={"data": DATA | {"body": ""}}))
    room = 4 * 1024 * 1024 - empty

    fits = start_body(event={"data": DATA | {"body": "x" * room}})
    assert api.post("/v1/checkpoint", fits).status == 200
    over = start_body(event={"data": DATA | {"body": "x" * (room + 1)}})
    assert api.post("/v1/checkpoint", over).status == 413


def test_a_run_that_exists_is_not_started_again(api: Checkpoint) -> None:
    api.reports.begun = NotBegun.EXISTS
    answer = api.post("/v1/checkpoint", start_body())

    assert (answer.status, answer.json["error"]) == (409, "Run already exists")


def test_a_domain_with_too_many_endpoints_is_told_what_to_do(api: Checkpoint) -> None:
    api.reports.begun = NotBegun.TOO_MANY_ENDPOINTS
    answer = api.post("/v1/checkpoint", start_body())

    assert answer.status == 429
    assert "http://shop" in answer.json["error"]


# Steps of an endpoint.


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("outcome", list(Checkpointed))
def test_a_report_of_an_endpoint_is_always_accepted(
    api: Checkpoint, prefix: str, outcome: Checkpointed
) -> None:
    api.reports.reported = outcome
    answer = api.post(f"{prefix}/{ulid_of(2)}/steps", steps_body(STEP))

    assert (answer.status, answer.body) == (200, b"")
    (report,) = api.reports.taken
    assert isinstance(report, StepsCheckpoint)
    assert report.run_id == RUN, "the body's run counts, not the path's"


@pytest.mark.parametrize("what", ["steps", "async"])
@pytest.mark.parametrize("body", [b"", b"5", steps_body({"op": "Dance"}), steps_body(run_id="x")])
def test_a_report_that_makes_no_sense_is_refused(api: Checkpoint, what: str, body: bytes) -> None:
    answer = api.post(f"/v1/checkpoint/{RUN}/{what}", body)

    assert answer.status == 400
    assert answer.json["error"].startswith("invalid request body: ")
    assert not api.reports.taken


@pytest.mark.parametrize("what", ["steps", "async"])
def test_a_step_with_too_large_an_output_is_refused(api: Checkpoint, what: str) -> None:
    step = STEP | {"data": "x" * (4 * 1024 * 1024)}
    answer = api.post(f"/v1/checkpoint/{RUN}/{what}", steps_body(step))

    assert answer.status == 413
    assert (answer.json["data"], answer.json["status"]) == ({"run_id": RUN}, 413)


def test_a_report_that_is_not_durable_is_not_accepted(api: Checkpoint) -> None:
    api.reports.failure = StoreUnavailable("commit", "disk full")

    assert api.post(f"/v1/checkpoint/{RUN}/steps", steps_body(STEP)).status == 503
    assert api.post(f"/v1/checkpoint/{RUN}/async", steps_body(STEP)).status == 503
    assert api.post("/v1/checkpoint", start_body()).status == 503


# Checkpoints of a call.


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_saved_checkpoint_is_answered_with_nothing(api: Checkpoint, prefix: str) -> None:
    body = steps_body(STEP, qi_id="cQ==", generation_id=7, request_started_at=1, ts=2)
    answer = api.post(f"{prefix}/{RUN}/async", body)

    assert (answer.status, answer.body) == (200, b"")
    (report,) = api.reports.taken
    assert isinstance(report, AsyncCheckpoint)
    assert (report.qi_id, report.generation) == ("cQ==", 7)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Checkpointed.STALE, 409),
        (CheckpointRefused("cannot checkpoint async steps"), 400),
        (CheckpointRefused("too much", is_too_large=True), 413),
        (Checkpointed.NO_RUN, 400),
    ],
)
def test_why_a_checkpoint_is_not_saved_is_told_with_its_run(
    api: Checkpoint, outcome: Checkpointed | CheckpointRefused, status: int
) -> None:
    api.reports.saved = outcome
    answer = api.post(f"/v1/checkpoint/{RUN}/async", steps_body(STEP))

    assert answer.status == status
    assert (answer.json["data"], answer.json["status"]) == ({"run_id": RUN}, status)
    if isinstance(outcome, CheckpointRefused):
        assert answer.json["error"] == outcome.reason


def test_the_app_stops_working_on_a_run_that_has_ended(api: Checkpoint) -> None:
    """An error that is not 409 makes TypeScript try five times and go on."""
    api.reports.saved = Checkpointed.NO_RUN
    api.ended(status=RunStatus.CANCELLED)

    assert api.post(f"/v1/checkpoint/{RUN}/async", steps_body(STEP)).status == 409


# The output.


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        claim(ulid_of(2)),
        claim(now_s=NOW_MS // 1000 - 3600),
        issue_run_claim(RUN, DEFAULT_ENVIRONMENT_ID, TokenKey(bytes(32)), now_s=NOW_MS // 1000),
    ],
)
def test_without_a_valid_token_there_is_no_output(api: Checkpoint, token: str) -> None:
    api.ended({"status": 200})
    answer = api.output(token=token)

    assert answer.status == 401
    assert answer.json["error"] == "Unable to find run with auth token"


def test_a_path_without_a_run_id_has_no_output(api: Checkpoint) -> None:
    assert api.get(f"/v1/checkpoint/x/output?token={claim()}").status == 401


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_the_answer_of_the_endpoint_is_given_again(api: Checkpoint, method: str) -> None:
    headers = {"Content-Type": "text/html", "X-Own": "1", "Location": "/next"}
    api.ended({"status": 302, "headers": headers, "body": "ä", "version": 2})
    answer = api.output(method=method)

    assert (answer.status, answer.text) == (302, "ä")
    assert answer.headers["content-type"] == "text/html"
    assert (answer.headers["x-own"], answer.headers["location"]) == ("1", "/next")


def test_the_run_id_of_a_path_may_be_in_lower_case(api: Checkpoint) -> None:
    api.ended({"status": 200})
    assert api.get(f"/v1/checkpoint/{RUN.lower()}/output?token={claim()}").status == 200


def test_headers_that_the_server_must_not_send_are_left_out(api: Checkpoint) -> None:
    bad = {
        "Connection": "close",
        "Transfer-Encoding": "chunked",
        "Content-Length": "9999",
        "Content-Encoding": "gzip",
        "Set-Cookie": "a=1",
        "Access-Control-Allow-Origin": "http://x",
        "X-Inngest-Server-Kind": "dev",
        "x-split": "a\r\nb: c",
        "x-nul": "a\0",
        "bad name": "1",
        "": "1",
        "x-tab": "a\tb",
    }
    api.ended({"status": 200, "headers": bad, "body": "x"})
    answer = api.output()

    assert set(answer.headers) == {
        "content-length",
        "content-security-policy",
        "content-type",
        "x-tab",
    }
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_pages_of_the_app_are_kept_apart_from_pages_of_the_server(api: Checkpoint) -> None:
    api.ended({"status": 200, "headers": {"content-security-policy": "default-src 'self'"}})
    policy = api.output().headers["content-security-policy"]

    assert policy.startswith("default-src 'self', sandbox ")
    assert "allow-same-origin" not in policy


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_body_has_none(api: Checkpoint, status: int) -> None:
    api.ended({"status": status, "body": "x"})
    assert (api.output().status, api.output().body) == (status, b"")


@pytest.mark.parametrize("output", [5, {"status": 0}, {"status": "x"}, [1]])
def test_any_other_output_is_shown_as_it_is(api: Checkpoint, output: Any) -> None:
    api.ended(output)
    answer = api.output()

    assert (answer.status, answer.json) == (200, output)


def test_a_failed_run_shows_its_error(api: Checkpoint) -> None:
    api.ended({"error": {"message": "boom"}}, RunStatus.FAILED)
    assert api.output().json == {"error": {"message": "boom"}}
    api.ended(status=RunStatus.CANCELLED)
    assert api.output().json is None


def test_a_run_that_is_not_stored_any_more_has_no_output(api: Checkpoint) -> None:
    assert api.output().status == 404


def test_a_run_that_takes_too_long_is_still_running() -> None:
    api = Checkpoint(wait_s=0)
    api.backend.runs = [run_view(1)]

    def nothing() -> Message | None:
        return None

    start, body = asyncio.run(api.held_output(nothing))
    assert start["status"] == 200
    assert msgspec.json.decode(body["body"]) == {
        "status": "running",
        "message": "run did not end within 5 minutes",
    }


def test_the_output_is_sent_when_the_run_ends(api: Checkpoint) -> None:
    api.backend.runs = [run_view(1)]
    calls = 0

    def end() -> Message | None:
        nonlocal calls
        calls += 1
        if calls == 1:
            api.ended({"status": 201, "body": "done"})
            ended = RunEnd(RUN, RunStatus.COMPLETED, 1, 2, ended_seq=3)
            api.ends.observe(None, Transition(ended=[ended]))
        return None

    start, body = asyncio.run(api.held_output(end))
    assert (start["status"], body["body"]) == (201, b"done")


def test_an_end_between_the_look_and_the_wait_is_not_missed(api: Checkpoint) -> None:
    """The run ends while it is being read as running."""
    api.backend.runs = [run_view(1)]

    def end() -> None:
        api.ended({"status": 200, "body": "done"})
        ended = RunEnd(RUN, RunStatus.COMPLETED, 1, 2, ended_seq=3)
        api.ends.observe(None, Transition(ended=[ended]))

    api.storage.after_read = end
    _, body = asyncio.run(api.held_output(lambda: None))
    assert body["body"] == b"done"


def test_nobody_waits_for_a_client_that_has_gone(api: Checkpoint) -> None:
    api.backend.runs = [run_view(1)]

    assert asyncio.run(api.held_output(lambda: {"type": "http.disconnect"})) == []


def test_nobody_waits_for_a_run_when_the_server_stops(api: Checkpoint) -> None:
    api.backend.runs = [run_view(1)]

    def stop() -> None:
        api.ends.close()

    start, _ = asyncio.run(api.held_output(stop))
    assert start["status"] == 503


@pytest.mark.parametrize(
    ("path", "is_output"),
    [
        (f"/v1/checkpoint/{RUN}/output", True),
        (f"/v1/http/runs/{RUN}/output", True),
        (f"/v1/checkpoint/{RUN}/steps", False),
        ("/v1/checkpoint", False),
        ("/v1/checkpoint//output", False),
        ("/v1/checkpoint/a/b/output", False),
        (f"/v1/runs/{RUN}/output", False),
        (f"/v1/checkpoint/{RUN}/output/", False),
    ],
)
def test_only_the_output_needs_no_signing_key(path: str, is_output: bool) -> None:
    assert is_output_path(path) is is_output


def test_other_methods_are_refused(api: Checkpoint) -> None:
    assert api.get("/v1/checkpoint").status == 405
    assert api.get(f"/v1/checkpoint/{RUN}/steps").status == 405
