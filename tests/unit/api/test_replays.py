"""Replays over HTTP: what is taken, what is refused, and what is shown."""

from typing import Any

import msgspec
import pytest

from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, OperationId
from stepwell.core.operation import Operation, OperationKind
from stepwell.core.status import RunStatus
from stepwell.engine.store import StoreUnavailable
from tests.unit.api.api_server import NOW, NOW_MS, ulid
from tests.unit.api.operations_api import HELLO, OLD, OperationsApi, error

URL = "/v1/functions/shop-hello/replays"
BODY = {"from": "2026-11-21T08:00:00Z", "until": "2026-11-21T09:00:00Z"}
UNTIL_MS = 1_795_251_600_000
TIME = "must be a time such as 2026-11-21T09:07:15Z"
STATUSES = "statuses must be a list of some of Completed, Failed, Cancelled, Skipped"
RATE = "rate_per_second must be a whole number from 1 to 10000"


@pytest.fixture
def api() -> OperationsApi:
    return OperationsApi()


def test_a_function_s_runs_are_replayed(api: OperationsApi) -> None:
    body = BODY | {
        "name": "after the outage",
        "statuses": ["Failed", "Cancelled", "Failed"],
        "if": "event.data.n == 1",
        "rate_per_second": 5,
        "more": 1,
    }
    answer = api.post_json(URL, body)

    assert answer.status == 200
    assert api.known == [
        Operation(
            OperationId(ulid(1)),
            OperationKind.REPLAY,
            DEFAULT_ENVIRONMENT_ID,
            HELLO.app_id,
            HELLO.id,
            created_ms=NOW_MS,
            started_before_ms=UNTIL_MS,
            started_after_ms=UNTIL_MS - 3_600_000,
            statuses=(RunStatus.FAILED, RunStatus.CANCELLED),
            condition="event.data.n == 1",
            name="after the outage",
            rate_per_s=5,
        )
    ]
    assert answer.json == {
        "data": {
            "id": ulid(1),
            "created_at": NOW,
            "name": "after the outage",
            "environment_id": DEFAULT_ENVIRONMENT_ID,
            "app_id": "shop",
            "function_internal_id": HELLO.id,
            "function_id": "shop-hello",
            "from": "2026-11-21T08:00:00.000Z",
            "until": "2026-11-21T09:00:00.000Z",
            "statuses": ["Failed", "Cancelled"],
            "if": "event.data.n == 1",
            "rate_per_second": 5,
            "status": "Running",
            "runs_seen": 0,
            "runs_replayed": 0,
            "runs_failed": 0,
            "ended_at": None,
        },
        "metadata": {"fetched_at": NOW},
    }


def test_only_the_time_range_is_needed(api: OperationsApi) -> None:
    data = api.post_json(URL, BODY).json["data"]

    assert data["statuses"] == ["Completed", "Failed", "Cancelled", "Skipped"]
    assert (data["name"], data["rate_per_second"]) == ("", None)
    assert "if" not in data


def test_a_function_may_be_named_by_its_internal_id(api: OperationsApi) -> None:
    assert api.post_json(f"/v1/functions/{HELLO.id}/replays", BODY).status == 200


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"from": None}, "from is required"),
        ({"from": 1}, f"from {TIME}"),
        ({"from": "soon"}, f"from {TIME}"),
        ({"until": ""}, "until is required"),
        ({"until": []}, f"until {TIME}"),
        ({"until": "2026-11-21T08:00:00Z"}, "from must be before until"),
        ({"statuses": "Failed"}, STATUSES),
        ({"statuses": []}, STATUSES),
        ({"statuses": ["failed"]}, STATUSES),
        ({"statuses": ["Running"]}, STATUSES),
        ({"statuses": [["Failed"]]}, STATUSES),
        ({"rate_per_second": 0}, RATE),
        ({"rate_per_second": -1}, RATE),
        ({"rate_per_second": 10_001}, RATE),
        ({"rate_per_second": 1.5}, RATE),
        ({"rate_per_second": True}, RATE),
        ({"rate_per_second": "5"}, RATE),
        ({"name": 1}, "name must be a string"),
        ({"name": "x" * 513}, "name must have at most 512 characters"),
        ({"if": {}}, "if must be a string"),
        ({"from": 1, "statuses": 1}, f"from {TIME}\n{STATUSES}"),
    ],
)
def test_a_bad_field_is_refused(api: OperationsApi, more: dict[str, Any], message: str) -> None:
    answer = api.post_json(URL, BODY | more)

    assert (answer.status, answer.json) == (400, error(400, message))
    assert not api.known


@pytest.mark.parametrize("until", ["9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59-12:00"])
def test_a_time_at_the_end_of_the_calendar_can_be_shown(api: OperationsApi, until: str) -> None:
    answer = api.post_json(URL, BODY | {"until": until})

    assert answer.status == 200
    assert answer.json["data"]["until"] == "9999-12-31T23:59:59.999Z"


def test_a_bad_expression_is_refused(api: OperationsApi) -> None:
    answer = api.post_json(URL, BODY | {"if": "async.data.n == 1"})

    assert answer.status == 400
    assert answer.json["error"].startswith("if is not a valid expression: ")


def test_what_is_no_object_is_refused(api: OperationsApi) -> None:
    assert api.post(URL, b"[]").status == 400
    assert api.post(URL, b" " * (128 * 1024 + 1)).status == 413


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_function_is_not_found(api: OperationsApi, method: str) -> None:
    answer = api.request(method, "/v1/functions/shop-unknown/replays", b"{}")

    assert (answer.status, answer.json) == (404, error(404, "function not found"))


@pytest.mark.parametrize("slug", ["shop-old", "shop-endpoint"])
def test_a_function_that_cannot_run_again_is_not_replayed(api: OperationsApi, slug: str) -> None:
    assert api.post_json(f"/v1/functions/{slug}/replays", BODY).status == 409
    assert not api.known


def test_too_many_are_refused(api: OperationsApi) -> None:
    api.has_room = False

    assert api.post_json(URL, BODY).status == 409


def test_an_unavailable_store_is_told(api: OperationsApi) -> None:
    api.failure = StoreUnavailable("commit", "the disk is full")

    assert api.post_json(URL, BODY).status == 503
    assert api.get(URL).status == 503


def test_a_function_s_replays_are_listed(api: OperationsApi) -> None:
    api.post_json(URL, BODY)
    created = api.known[0]
    api.known += [
        msgspec.structs.replace(created, id=ulid(8), function_id=OLD.id),
        msgspec.structs.replace(created, id=ulid(9), kind=OperationKind.CANCEL),
    ]

    assert [shown["id"] for shown in api.get(URL).json["data"]] == [ulid(1)]
    old = api.get("/v1/functions/shop-old/replays").json["data"]
    assert [shown["id"] for shown in old] == [ulid(8)]


def test_a_replay_is_shown_with_its_progress(api: OperationsApi) -> None:
    api.post_json(URL, BODY)
    api.known[0] = msgspec.structs.replace(api.known[0], seen=5, done=3, failed=1, ended_ms=NOW_MS)
    data = api.get(f"/v1/replays/{ulid(1).lower()}").json["data"]

    assert (data["status"], data["ended_at"]) == ("Completed", NOW)
    assert (data["runs_seen"], data["runs_replayed"], data["runs_failed"]) == (5, 3, 1)


def test_a_replay_can_be_deleted(api: OperationsApi) -> None:
    api.post_json(URL, BODY)

    assert api.delete(f"/v1/replays/{ulid(1)}").json["data"] == {"ok": True}
    assert not api.known


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_unknown_replay_is_not_found(api: OperationsApi, method: str) -> None:
    assert api.request(method, "/v1/replays/x").json == error(400, "Invalid replay ID")
    unknown = api.request(method, f"/v1/replays/{ulid(1)}")
    assert (unknown.status, unknown.json) == (404, error(404, "replay not found"))
