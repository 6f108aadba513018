"""What reading takes, and what it takes away from runs: a dashboard's queries beside full load."""

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from bench.load import Sent
from bench.result import Result
from bench.server import Server
from bench.session import Session

_READERS = 4
#: Questions a second of each reader; as many as people at dashboards never ask.
_RATE = 10.0
_LONG = "many-steps"
_REPETITIONS = 20
#: What a page of runs and a run's own page ask for.
_LIST = """
query { runs(orderBy: [{field: QUEUED_AT, direction: DESC}], filter: {from: "2020-01-01T00:00:00Z"}) {
  totalCount pageInfo { hasNextPage endCursor }
  edges { node { id status queuedAt startedAt endedAt eventName isBatch hasAI
                 app { externalID name } function { name slug } } } } }
"""
_EVENTS = """
query { eventsV2(first: 50, filter: {from: "2020-01-01T00:00:00Z"}) {
  totalCount edges { node { id name receivedAt runs { id status function { slug } } } } } }
"""
_SPAN = """
  name status attempts queuedAt scheduledAt startedAt endedAt isRoot isUserland outputID groupID
  spanID stepID stepOp stepType userlandSpan { spanName } metadata { scope kind values updatedAt }
  response { statusCode headers } stepInfo { __typename ... on RunStepInfo { type } }
"""
_RUN = (
    "query ($id: String!) { run(runID: $id) { status function { name } trace(preview: true) {"
    + _SPAN
    + "childrenSpans {"
    + _SPAN
    + "childrenSpans {"
    + _SPAN
    + "} } } } }"
)
_CLASSIC = _RUN.replace("trace(preview: true)", "trace")


def reading(session: Session) -> Iterator[Result]:
    """Ten-step runs alone, then beside readers."""
    if session.target.url is not None:
        return
    scale = session.scale
    with session.server() as server:
        yield _long_run(session, server)
        alone = session.paced(
            server, "reading", "nobody reads", function="ten-steps", in_flight=scale.in_flight
        )
        yield alone
        with _readers(server) as took:
            beside = session.paced(
                server,
                "reading",
                f"{_READERS} readers, {_READERS * _RATE:g} questions/s",
                function="ten-steps",
                in_flight=scale.in_flight,
            )
        beside.more.update(_numbers(took))
        yield beside


def _long_run(session: Session, server: Server) -> Result:
    """The trace of a run with 999 steps, once it has ended."""
    sent: Sent = session.send(server, function=_LONG, count=1)
    session.wait_for_runs(sent)
    newest = [edge["node"] for edge in _ask(server, _LIST)["runs"]["edges"]]
    run_id = next(run["id"] for run in newest if run["function"]["name"] == _LONG)
    took: dict[str, list[float]] = {}
    spans = 0
    for _ in range(_REPETITIONS):
        for name, query in (("current", _RUN), ("classic", _CLASSIC)):
            began_s = time.monotonic()
            trace = _ask(server, query, id=run_id)["run"]["trace"]
            took.setdefault(name, []).append(time.monotonic() - began_s)
            spans = max(spans, len(trace["childrenSpans"]))
    return Result(
        workload="reading",
        case="trace of 999 steps",
        more=_numbers(took) | {"spans_count": spans},
    )


@contextmanager
def _readers(server: Server) -> Iterator[dict[str, list[float]]]:
    """Threads that read until the end, with how long each kind of question took, in seconds."""
    took: dict[str, list[float]] = {"list": [], "events": [], "run": []}
    is_over = threading.Event()

    def read() -> None:
        due_s = time.monotonic()
        for ask in _questions(server, took):
            ask()
            due_s = max(due_s + 1 / _RATE, time.monotonic())
            if is_over.wait(due_s - time.monotonic()):
                return

    threads = [threading.Thread(target=read) for _ in range(_READERS)]
    for thread in threads:
        thread.start()
    try:
        yield took
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def _questions(server: Server, took: dict[str, list[float]]) -> Iterator[Callable[[], object]]:
    """What one reader asks, for ever: a page of runs, one of events, three runs of the first."""
    edges: list[dict[str, dict[str, str]]] = []

    def runs() -> None:
        edges[:] = _timed(took["list"], server, _LIST)["runs"]["edges"]

    while True:
        yield runs
        yield partial(_timed, took["events"], server, _EVENTS)
        for edge in edges[:3]:
            yield partial(_timed, took["run"], server, _RUN, id=edge["node"]["id"])


def _timed(took: list[float], server: Server, query: str, **variables: str) -> dict[str, dict]:  # type: ignore[type-arg]
    began_s = time.monotonic()
    data = _ask(server, query, **variables)
    took.append(time.monotonic() - began_s)
    return data


def _ask(server: Server, query: str, **variables: str) -> dict[str, dict]:  # type: ignore[type-arg]
    request = urllib.request.Request(
        f"{server.url}/v0/gql",
        json.dumps({"query": query, "variables": variables}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        body = json.load(answer)
    assert "errors" not in body, body
    data: dict[str, dict] = body["data"]  # type: ignore[type-arg]
    return data


def _numbers(took: dict[str, list[float]]) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for name, seconds in took.items():
        ordered = sorted(seconds)
        if ordered:
            numbers[f"{name}_p50_ms"] = round(1000 * ordered[len(ordered) // 2], 1)
            numbers[f"{name}_p95_ms"] = round(1000 * ordered[int(len(ordered) * 0.95)], 1)
            numbers[f"{name}_answers"] = len(ordered)
    return numbers
