"""What the TypeScript SDK tells besides results: metadata, scores, experiments and spans.

One app is served twice, with checkpointing as the SDK has it by default, and without. The server
exports what it knows to a collector of the test.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from stepwell.core.identity import RunId, StepId
from stepwell.core.metadata import LAST_ATTEMPT, MetadataOwner, MetadataScope, metadata_of
from stepwell.core.trace_ids import call_span_id, root_span_id, step_span_id, trace_id
from stepwell.core.user_span import UserSpan, hashed_step
from stepwell.store import queries
from stepwell.store.queries import Queries
from stepwell.store.sql import runs
from stepwell.store.sqlite.asking import answer
from stepwell.store.sqlite.database import connect_reader
from tests.compat.harness import (
    PLAIN,
    TYPESCRIPT,
    App,
    Process,
    Run,
    Server,
    free_port,
    node,
    wait_until,
)

# The first test of a session may have to install the SDK.
pytestmark = pytest.mark.timeout(420)

RUN = MetadataOwner(MetadataScope.RUN)
T = TypeVar("T")


def step(name: str, attempt: int = LAST_ATTEMPT) -> MetadataOwner:
    return MetadataOwner(MetadataScope.STEP, hashed_step(name, 0), attempt)


class Collector:
    """Takes spans over HTTP and keeps them."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        spans = self.spans

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                request = ExportTraceServiceRequest.FromString(body)
                for of_resource in request.resource_spans:
                    for of_scope in of_resource.scope_spans:
                        spans.extend(of_scope.spans)
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def of(self, run: Run) -> list[Span]:
        return [span for span in self.spans if span.trace_id.hex() == trace_id(RunId(run.id))]


class World:
    """A server with a database on disk, its collector, and the app."""

    def __init__(self, server: Server, app: App, collector: Collector, database: Path) -> None:
        self.server = server
        self.app = app
        self.collector = collector
        self._database = database

    def completed(self, name: str) -> Run:
        return self.app.completed(name)

    def ask(self, question: Callable[[Queries], T]) -> T:
        engine = queries.engine_of(lambda: connect_reader(self._database), connections_max=1)
        try:
            return queries.answer(engine, "test", question)
        finally:
            engine.dispose()

    def metadata(self, run: Run) -> dict[MetadataOwner, dict[str, Any]]:
        run_id = RunId(run.id)
        updates = self.ask(lambda q: q.metadata_of_run(run_id))
        folded = metadata_of(self.entries(run), updates)
        return {
            owner: {one.kind: msgspec.json.decode(one.values) for one in of_owner}
            for owner, of_owner in folded.items()
        }

    def entries(self, run: Run) -> list[Any]:
        connection = connect_reader(self._database)
        try:
            history = answer(connection, runs.history(RunId(run.id)))
        finally:
            connection.close()
        assert history is not None
        return list(history.journal)

    def spans(self, run: Run, *, count: int) -> dict[str, UserSpan]:
        """The app's spans of the run by name, as soon as there are so many."""

        def sent() -> list[UserSpan] | None:
            found = self.ask(lambda q: q.spans_of_run(RunId(run.id)))
            return (
                found if len([s for s in found if s.name != "inngest.execution"]) >= count else None
            )

        found = wait_until(sent, what=f"{count} spans of {run.id}")
        assert found is not None
        return {span.name: span for span in found}


@pytest.fixture(scope="module")
def served(
    logs: Path, tmp_path_factory: pytest.TempPathFactory, typescript_packages: None
) -> Iterator[tuple[Server, Collector, Path]]:
    folder = tmp_path_factory.mktemp("observability")
    with ExitStack() as stack:
        collector = Collector()
        stack.callback(collector.close)
        options = ["--no-discovery", "--no-poll", "--retry-interval=1", f"--sqlite-dir={folder}"]
        server = Server(
            ["dev", *options, f"--otlp-endpoint={collector.url}"],
            log=logs / "observability-server.log",
        )
        stack.callback(server.stop)
        server.wait_until_healthy()
        yield server, collector, folder / "main.db"


@pytest.fixture(scope="module", params=["on", "off"], ids=["checkpointing", "plain"])
def world(
    request: pytest.FixtureRequest, served: tuple[Server, Collector, Path], logs: Path
) -> Iterator[World]:
    server, collector, database = served
    app_id = f"observability-{request.param}"
    port = free_port()
    process = Process(
        [node(), str(TYPESCRIPT / "observability" / "main.js"), str(port)],
        log=logs / f"{app_id}.log",
        environ={
            "COMPAT_APP_ID": app_id,
            "COMPAT_CHECKPOINTING": request.param,
            "INNGEST_DEV": server.url,
        },
    )
    app = App(process, port=port, app_id=app_id, prefix=app_id, server=server)
    try:
        app.wait_until_serving().sync()
        yield World(server, app.wait_until_registered(), collector, database)
    finally:
        app.stop()


def test_metadata_and_scores_reach_their_run_and_their_steps(world: World) -> None:
    metadata = world.metadata(world.completed("described"))

    assert metadata.pop(RUN) == {
        "userland.default": {"tenant": "acme"},
        "userland.late": {"stage": "end"},
        "inngest.score": {"quality": {"value": True}},
    }
    assert metadata == {
        step("with metadata"): {"userland.progress": {"rows": 7}},
        step("with more"): {"userland.progress": {"rows": 8}},
    }


def test_a_run_that_has_ended_takes_scores(world: World) -> None:
    run = world.completed("traced")
    response = httpx.get(
        f"{world.app.origin}/score",
        params={"run_id": run.id},
        timeout=30,
        trust_env=False,
        verify=PLAIN,
    )
    assert response.status_code == 200, response.text

    assert world.metadata(run) == {RUN: {"inngest.score": {"accuracy": {"value": 0.5}}}}


def test_what_a_failed_attempt_said_stays_with_it(world: World) -> None:
    metadata = world.metadata(world.completed("failing"))

    first, second = metadata[step("at second", 0)], metadata[step("at second")]
    assert second["userland.default"]["tries"] == first["userland.default"]["tries"] + 1


def test_the_variant_of_an_experiment_is_known_of_its_steps(world: World) -> None:
    metadata = world.metadata(world.completed("tried"))

    chosen = metadata[step("checkout")]["inngest.experiment"]
    assert (chosen["name"], chosen["variant"]) == ("checkout", "blue")
    of_step = metadata[step("blue variant")]["inngest.experiment"]
    assert of_step == {"name": "checkout", "variant": "blue", "selection_strategy": "fixed"}


def test_spans_of_the_app_are_tied_to_the_steps_they_were_made_in(world: World) -> None:
    run = world.completed("traced")
    spans = world.spans(run, count=3)

    work, inner, more = spans["work"], spans["inner work"], spans["more work"]
    assert (work.step, work.attempt) == (hashed_step("outer", 0), 0)
    assert (inner.step, inner.parent_span_id) == (work.step, work.span_id)
    assert more.step == hashed_step("plain", 0)
    assert msgspec.json.decode(work.attributes)["compat.kind"] == "test"
    assert (work.scope, work.scope_version) == ("compat", "1.0")
    # JavaScript's clock does not let the end of a span be compared with that of its parent.
    assert all(0 < span.started_ns <= span.ended_ns for span in (work, inner, more))


def test_spans_of_the_app_name_the_call_that_the_journal_knows(world: World) -> None:
    run = world.completed("traced")
    work = world.spans(run, count=3)["work"]

    calls = {
        call_span_id(entry.call.item, entry.call.queued_ms, entry.call.attempt)
        for entry in world.entries(run)
        if getattr(entry, "call", None) is not None
    }
    assert work.call_span_id in calls


def test_the_run_its_calls_and_its_steps_are_exported_as_one_tree(world: World) -> None:
    run = world.completed("traced")
    run_id = RunId(run.id)
    root_id = root_span_id(run_id)

    def is_exported() -> bool:
        return any(span.span_id.hex() == root_id for span in world.collector.of(run))

    wait_until(is_exported, what=f"the span of {run.id}")
    wait_until(lambda: len(world.collector.of(run)) >= 4, what=f"all spans of {run.id}")
    spans = {span.span_id.hex(): span for span in world.collector.of(run)}

    root = spans[root_id]
    assert root.name == f"{world.app.id}-traced"
    for name in ("outer", "plain"):
        exported = spans[step_span_id(run_id, StepId(hashed_step(name, 0)), 0)]
        assert exported.name == name
        call = spans[exported.parent_span_id.hex()]
        assert (call.name, call.parent_span_id.hex()) == ("call", root_id)
    work = world.spans(run, count=3)["work"]
    assert work.call_span_id in spans
