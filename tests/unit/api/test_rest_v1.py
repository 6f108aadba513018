"""REST v1: events, runs, functions."""

from typing import Any

import pytest

from stepwell.core.function import FunctionIndex
from stepwell.core.identity import ACCOUNT_ID, DEFAULT_ENVIRONMENT_ID, EventId, FunctionId, ItemId
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.status import RunStatus
from stepwell.core.transition import StoredEvent
from stepwell.store.views import EventsPage
from stepwell.wire.config import (
    Batch,
    CancelOn,
    ConcurrencyLimit,
    CronTrigger,
    FunctionConfig,
    RateLimit,
)
from tests.unit.api.api_server import NOW, NOW_MS, Api, function, run_view, ulid

HOUR_MS = 60 * 60 * 1000


def _stored(number: int, payload: bytes) -> StoredEvent:
    return StoredEvent(
        id=EventId(ulid(number)),
        number=0,
        environment_id=DEFAULT_ENVIRONMENT_ID,
        name="shop/order.placed",
        external_id="mine",
        ts_ms=5,
        received_ms=NOW_MS,
        payload=payload,
    )


@pytest.fixture
def api() -> Api:
    """With two events."""
    api = Api()
    plain = b'{"data":{"n":1.0},"id":"mine","name":"shop/order.placed","ts":5,"user":{}}'
    full = b'{"data":null,"id":"x","name":"shop/order.placed","ts":5,"user":{"a":1},"v":"2"}'
    api.backend.stored = {ulid(100): _stored(100, plain), ulid(101): _stored(101, full)}
    return api


EVENT = {
    "internal_id": ulid(100),
    "account_id": ACCOUNT_ID,
    "environment_id": DEFAULT_ENVIRONMENT_ID,
    "source": "",
    "source_id": None,
    "received_at": NOW,
    "id": "mine",
    "name": "shop/order.placed",
    "data": {"n": 1},
    "ts": 5,
}


def test_an_event_is_shown_with_what_its_sender_wrote(api: Api) -> None:
    answer = api.get(f"/v1/events/{ulid(100).lower()}")

    assert answer.status == 200
    assert answer.json == {"data": EVENT, "metadata": {"fetched_at": NOW}}
    assert b'{"n":1.0}' in answer.body


def test_user_and_version_are_shown_if_the_sender_gave_them(api: Api) -> None:
    event = api.get(f"/v1/events/{ulid(101)}").json["data"]

    assert (event["data"], event["user"], event["v"]) == (None, {"a": 1}, "2")


def test_an_unknown_event_is_not_found(api: Api) -> None:
    answer = api.get(f"/v1/events/{ulid(7)}")

    assert answer.status == 404
    assert answer.json == {"error": "Event not found", "data": None, "status": 404}


@pytest.mark.parametrize("path", ["/v1/events/x", "/v1/events/x/runs"])
def test_what_is_no_event_id_is_refused(api: Api, path: str) -> None:
    answer = api.get(path)

    assert (answer.status, answer.json["status"]) == (400, 400)
    assert answer.json["error"] == "Invalid event ID: x"


def _page(**changes: Any) -> EventsPage:
    asked: dict[str, Any] = {"limit": 20, "received_after_ms": NOW_MS - HOUR_MS, **changes}
    return EventsPage(DEFAULT_ENVIRONMENT_ID, **asked)


@pytest.mark.parametrize(
    ("query", "page"),
    [
        ("", _page()),
        ("limit=5", _page(limit=5)),
        ("limit=0", _page(limit=1)),
        ("limit=-7", _page(limit=1)),
        ("limit=101", _page(limit=100)),
        ("limit=many", _page()),
        ("limit=" + "9" * 5000, _page()),
        ("limit=٣", _page()),
        ("limit=5&limit=6", _page(limit=5)),
        ("name=a%2Fb", _page(name="a/b")),
        ("name=%ff", _page(name="\ufffd")),
        ("other=1&&=&;", _page()),
        (f"cursor={ulid(9).lower()}", _page(before=ulid(9))),
        ("received_after=1970-01-01T00:00:01Z", _page(received_after_ms=1000)),
        ("received_after=1970-01-01T01:00:01%2B01:00", _page(received_after_ms=1000)),
        ("received_after=1970-01-01T01:00:01+01:00", _page(received_after_ms=1000)),
        ("received_after=1970-01-01 00:00:01", _page(received_after_ms=1000)),
        ("received_before=1970-01-02", _page(received_before_ms=24 * HOUR_MS)),
        ("received_before=1970-01-01T00:00:00.123456789Z", _page(received_before_ms=123)),
    ],
)
def test_a_query_selects_a_page_of_events(api: Api, query: str, page: EventsPage) -> None:
    assert api.get(f"/v1/events?{query}").status == 200
    assert api.backend.pages == [page]


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("cursor=x", "Invalid cursor query parameter"),
        ("cursor=" + "U" * 26, "Invalid cursor query parameter"),
        ("cursor=%00%ff", "Invalid cursor query parameter"),
        ("received_after=yesterday", "Invalid received_after query parameter"),
        ("received_after=" + "9" * 5000, "Invalid received_after query parameter"),
        ("received_before=2026-13-01", "Invalid received_before query parameter"),
        ("received_before=T", "Invalid received_before query parameter"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(api: Api, query: str, error: str) -> None:
    answer = api.get(f"/v1/events?{query}")

    assert answer.status == 400
    assert answer.json == {"error": error, "data": None, "status": 400}


def test_dates_at_the_ends_of_the_calendar_are_understood(api: Api) -> None:
    for date in ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]:
        assert api.get(f"/v1/events?received_after={date}").status == 200


def test_events_are_shown_as_a_list(api: Api) -> None:
    assert api.get("/v1/events").json["data"][0] == EVENT


RUN = {
    "run_id": ulid(1),
    "run_started_at": "2026-11-21T09:07:15.270Z",
    "function_id": "function-id",
    "function_version": 3,
    "environment_id": DEFAULT_ENVIRONMENT_ID,
    "event_id": ulid(100),
    "status": "Running",
    "ended_at": None,
}


def test_a_run_is_shown_as_it_is(api: Api) -> None:
    api.backend.runs = [run_view()]

    answer = api.get(f"/v1/runs/{ulid(1)}")

    assert (answer.status, answer.json["data"]) == (200, RUN)
    assert answer.json["metadata"] == {"fetched_at": NOW}


@pytest.mark.parametrize(
    ("status", "stored", "shown"),
    [
        (RunStatus.COMPLETED, {"output": b'{"a":1.0}'}, {"status": "Completed", "output": {"a": 1}}),
        (RunStatus.COMPLETED, {"output": b"null"}, {"status": "Completed", "output": None}),
        (
            RunStatus.FAILED,
            {"output": b'"shown elsewhere"', "error": b'{"error":"e","name":"N","message":"m"}'},
            {"status": "Failed", "output": {"error": "e", "name": "N", "message": "m"}},
        ),
        (RunStatus.CANCELLED, {}, {"status": "Cancelled", "output": None}),
        (RunStatus.SKIPPED, {}, {"status": "Skipped", "output": None}),
    ],
)  # fmt: skip
def test_an_ended_run_is_shown_with_its_output(
    api: Api, status: RunStatus, stored: dict[str, Any], shown: dict[str, Any]
) -> None:
    api.backend.runs = [run_view(status=status, **stored)]

    run = api.get(f"/v1/runs/{ulid(1)}").json["data"]

    assert run == {**RUN, "ended_at": "2026-11-21T09:07:16.250Z", **shown}


def test_a_run_that_waits_for_its_first_call_is_scheduled(api: Api) -> None:
    api.backend.runs = [run_view(status=RunStatus.SCHEDULED)]

    run = api.get(f"/v1/runs/{ulid(1)}").json["data"]

    assert (run["status"], run["run_started_at"]) == ("Scheduled", NOW)


def test_where_a_run_came_from_is_shown_if_it_is_not_the_event_alone(api: Api) -> None:
    api.backend.runs = [run_view(cron="* * * * *", origin_run_id=ulid(5))]

    run = api.get(f"/v1/runs/{ulid(1)}").json["data"]

    assert (run["cron"], run["original_run_id"]) == ("* * * * *", ulid(5))


@pytest.mark.parametrize(
    ("status", "stored", "shown"),
    [
        (
            RunStatus.SKIPPED,
            {"cause": "singleton", "existing_run_id": ulid(5)},
            {"skip_reason": "singleton", "existing_run_id": ulid(5)},
        ),
        (RunStatus.SKIPPED, {"cause": "paused"}, {"skip_reason": "paused"}),
        (RunStatus.CANCELLED, {"cause": "finish_timeout"}, {"cancel_reason": "finish_timeout"}),
        (
            RunStatus.CANCELLED,
            {"cause": "event", "cause_event_id": ulid(6)},
            {"cancel_reason": "event", "cancel_event_id": ulid(6)},
        ),
        (RunStatus.RUNNING, {"replay_id": ulid(7)}, {"replay_id": ulid(7)}),
    ],
)
def test_why_a_run_was_skipped_or_cancelled_or_started_again_is_shown(
    api: Api, status: RunStatus, stored: dict[str, Any], shown: dict[str, Any]
) -> None:
    api.backend.runs = [run_view(status=status, **stored)]

    run = api.get(f"/v1/runs/{ulid(1)}").json["data"]

    assert (
        run
        == RUN
        | {name: run[name] for name in ("status", "ended_at")}
        | ({"output": None} if status.is_ended else {})
        | shown
    )


def test_an_unknown_run_is_not_found(api: Api) -> None:
    for answer in [api.get(f"/v1/runs/{ulid(1)}"), api.delete(f"/v1/runs/{ulid(1)}")]:
        assert (answer.status, answer.json["status"]) == (404, 404)
        assert answer.json["error"] == f"Unable to load function run: {ulid(1)}"


def test_what_is_no_run_id_is_refused(api: Api) -> None:
    for answer in [
        api.get("/v1/runs/x"),
        api.delete("/v1/runs/x"),
        api.get("/v1/runs/x/jobs"),
    ]:
        assert (answer.status, answer.json["error"]) == (400, "Invalid run ID: x")


def test_the_runs_of_an_event_are_a_list(api: Api) -> None:
    api.backend.runs = [run_view(1), run_view(2)]

    assert [run["run_id"] for run in api.get(f"/v1/events/{ulid(100)}/runs").json["data"]] == [
        ulid(1),
        ulid(2),
    ]
    assert api.get(f"/v1/events/{ulid(7)}/runs").json["data"] == []


def test_a_live_run_is_cancelled(api: Api) -> None:
    run = run_view()
    api.backend.live[run.id] = ([], {})

    answer = api.delete(f"/v1/runs/{run.id}")

    assert (answer.status, answer.body) == (200, b"")
    assert api.backend.cancelled == [run.id]


def test_cancelling_an_ended_run_changes_nothing_and_is_no_error(api: Api) -> None:
    api.backend.runs = [run_view(status=RunStatus.FAILED)]

    assert api.delete(f"/v1/runs/{ulid(1)}").status == 200
    assert api.backend.cancelled == []


def test_what_is_queued_for_a_run_is_shown(api: Api) -> None:
    run_id = run_view().id
    kinds = [ItemKind.START, ItemKind.STEP, ItemKind.SLEEP, ItemKind.TIMEOUT, ItemKind.CANCEL]
    api.backend.items = [
        QueueItem(ItemId(number), kind, FunctionId("f"), run_id, attempt=1, queued_ms=NOW_MS)
        for number, kind in enumerate(kinds, start=1)
    ]

    jobs = api.get(f"/v1/runs/{run_id}/jobs").json["data"]

    assert [job["kind"] for job in jobs] == ["start", "edge", "sleep", "pause", "cancel"]
    assert jobs[0] == {
        "JobID": "1",
        "at": NOW,
        "position": 0,
        "kind": "start",
        "attempt": 1,
        "Raw": {"kind": "START", "step": "", "queued_at": NOW},
    }


def test_the_functions_of_an_app_are_a_bare_array(api: Api) -> None:
    config = FunctionConfig(
        slug="shop-ship",
        name="Ship",
        url="http://localhost:3000/",
        triggers=(CronTrigger(cron="* * * * *", jitter="5s"),),
        concurrency=(ConcurrencyLimit(limit=2, key="event.data.a"),),
        rate_limit=RateLimit(limit=1, period="1m"),
        batch=Batch(size_max=10, timeout="5s", condition="true"),
        priority="100",
        cancel=(CancelOn(event="shop/order.cancelled", condition="true"),),
    )
    api.backend.functions = FunctionIndex(
        [
            function("ship", config=config),
            function("old", archived=True),
            function("other", app_name="other"),
        ]
    )

    [shown] = api.get("/v1/apps/shop/functions").json

    config_shown = shown.pop("config")
    assert shown == {
        "internal_id": "id-of-ship",
        "env_id": DEFAULT_ENVIRONMENT_ID,
        "app_id": "id-of-shop",
        "id": "shop-ship",
        "name": "Ship",
        "created_at": NOW,
        "archived_at": "0001-01-01T00:00:00Z",
    }
    assert config_shown["triggers"] == [{"cron": "* * * * *", "jitter": "5s"}]
    assert config_shown["concurrency"] == [{"limit": 2, "key": "event.data.a"}]
    assert config_shown["rateLimit"] == {"limit": 1, "period": "1m"}
    assert config_shown["batchEvents"] == {"maxSize": 10, "timeout": "5s", "if": "true"}
    assert config_shown["priority"] == {"run": "100"}
    assert config_shown["cancel"] == [{"event": "shop/order.cancelled", "if": "true"}]


def test_an_unknown_app_has_no_functions(api: Api) -> None:
    assert api.get("/v1/apps/🦊/functions").json == []
