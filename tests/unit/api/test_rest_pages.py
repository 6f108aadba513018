"""REST v1 over a real store: pages, what they leave out, and what every answer has.

Source: HTTP APIs, 7.1 to 7.3.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from stepwell.wire.ulid import is_ulid
from tests.unit.api.whole_server import WholeServer, whole_server

SENT = 7


@pytest.fixture(scope="module")
def server() -> Iterator[WholeServer]:
    with whole_server() as server:
        server.register("pay", "ship")
        yield server


@pytest.fixture(scope="module")
def sent(server: WholeServer) -> list[str]:
    """Internal ids, the newest first."""
    return [server.send({"n": number}) for number in range(SENT)][::-1]


def _data(server: WholeServer, target: str) -> Any:
    answer = server.get(target)
    assert answer.status == 200, answer
    assert set(answer.json["metadata"]) == {"fetched_at"}
    return answer.json["data"]


@pytest.mark.parametrize("limit", [1, 2, 3, SENT, SENT + 1])
def test_pages_neither_overlap_nor_skip(server: WholeServer, sent: list[str], limit: int) -> None:
    """The last internal id of a page is the cursor of the next."""
    seen: list[str] = []
    cursor = ""
    while page := _data(server, f"/v1/events?name=shop/order.placed&limit={limit}{cursor}"):
        assert len(page) <= limit
        seen += [event["internal_id"] for event in page]
        cursor = f"&cursor={seen[-1]}"

    assert seen == sent


def test_a_page_that_begins_at_the_oldest_event_is_empty(
    server: WholeServer, sent: list[str]
) -> None:
    assert _data(server, f"/v1/events?cursor={sent[-1]}") == []


def test_events_of_the_server_are_not_listed_but_can_be_read(
    server: WholeServer, sent: list[str]
) -> None:
    invoked = server.post("/invoke/shop-pay", b'{"data":{"n":1}}').json["id"]

    listed = [event["internal_id"] for event in _data(server, "/v1/events?limit=100")]
    assert invoked not in listed
    assert set(sent) <= set(listed)
    assert _data(server, f"/v1/events/{invoked}")["name"] == "inngest/function.invoked"


def test_one_event_starts_a_run_of_each_of_its_functions(
    server: WholeServer, sent: list[str]
) -> None:
    runs = _data(server, f"/v1/events/{sent[0]}/runs")

    assert len({run["function_id"] for run in runs}) == 2
    for run in runs:
        assert is_ulid(run["run_id"])
        assert run["event_id"] == sent[0]
        assert (run["ended_at"], "output" in run) == (None, False)
        assert _data(server, f"/v1/runs/{run['run_id']}")["run_id"] == run["run_id"]


def test_a_run_is_shown_as_cancelled_as_soon_as_its_cancellation_is_answered(
    server: WholeServer, sent: list[str]
) -> None:
    run_id = _data(server, f"/v1/events/{sent[1]}/runs")[0]["run_id"]

    answer = server.delete(f"/v1/runs/{run_id}")
    assert (answer.status, answer.body) == (200, b"")
    run = _data(server, f"/v1/runs/{run_id}")
    assert (run["status"], run["cancel_reason"]) == ("Cancelled", "api")
    assert run["ended_at"]
    assert _data(server, f"/v1/runs/{run_id}/jobs") == []
    assert server.delete(f"/v1/runs/{run_id}").status == 200


def test_a_run_that_was_run_again_is_among_the_runs_of_its_event(
    server: WholeServer, sent: list[str]
) -> None:
    before = _data(server, f"/v1/events/{sent[2]}/runs")
    again = server.post(f"/v1/runs/{before[0]['run_id']}/rerun").json["data"]["id"]

    after = _data(server, f"/v1/events/{sent[2]}/runs")
    (added,) = [run for run in after if run["run_id"] == again]
    assert len(after) == len(before) + 1
    assert added["original_run_id"] == before[0]["run_id"]


NOBODY = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.mark.parametrize(
    ("target", "status", "error"),
    [
        ("/v1/events?cursor=x", 400, "Invalid cursor query parameter"),
        ("/v1/events?received_after=x", 400, "Invalid received_after query parameter"),
        ("/v1/events/x", 400, "Invalid event ID: x"),
        (f"/v1/events/{NOBODY}", 404, "Event not found"),
        ("/v1/events/x/runs", 400, "Invalid event ID: x"),
        ("/v1/runs/x", 400, "Invalid run ID: x"),
        (f"/v1/runs/{NOBODY}", 404, f"Unable to load function run: {NOBODY}"),
        ("/v1/runs/x/jobs", 400, "Invalid run ID: x"),
    ],
)
def test_what_cannot_be_read_has_its_true_status(
    server: WholeServer, target: str, status: int, error: str
) -> None:
    answer = server.get(target)

    assert answer.status == status
    assert answer.json == {"error": error, "data": None, "status": status}


def test_nothing_is_started_or_queued_by_what_is_not_there(server: WholeServer) -> None:
    assert _data(server, f"/v1/events/{NOBODY}/runs") == []
    assert _data(server, f"/v1/runs/{NOBODY}/jobs") == []
    assert server.get("/v1/apps/nobody/functions").json == []
