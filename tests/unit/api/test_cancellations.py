"""`/v1/cancellations`: what is taken, what is refused, and what is shown."""

from typing import Any

import msgspec
import pytest

from stepwell.core.identity import ACCOUNT_ID, DEFAULT_ENVIRONMENT_ID, OperationId
from stepwell.core.operation import Operation, OperationKind
from stepwell.engine.store import StoreUnavailable
from tests.unit.api.api_server import NOW, NOW_MS, ulid
from tests.unit.api.operations_api import HELLO, OLD, OperationsApi, error

URL = "/v1/cancellations"
BODY = {"app_id": "shop", "function_id": "hello", "started_before": "2026-11-21T09:00:00Z"}
BEFORE_MS = 1_795_251_600_000


@pytest.fixture
def api() -> OperationsApi:
    return OperationsApi()


def test_runs_of_a_function_are_cancelled(api: OperationsApi) -> None:
    body = BODY | {
        "started_after": "2026-11-20T09:00:00Z",
        "if": "event.data.n == 1",
        "name": "cleaning up",
        "more": 1,
    }
    answer = api.post_json(URL, body)

    assert answer.status == 200
    assert api.known == [
        Operation(
            OperationId(ulid(1)),
            OperationKind.CANCEL,
            DEFAULT_ENVIRONMENT_ID,
            HELLO.app_id,
            HELLO.id,
            created_ms=NOW_MS,
            started_before_ms=BEFORE_MS,
            started_after_ms=BEFORE_MS - 86_400_000,
            condition="event.data.n == 1",
            name="cleaning up",
            cause="bulk",
        )
    ]
    assert answer.json == {
        "data": {
            "id": ulid(1),
            "created_at": NOW,
            "name": "cleaning up",
            "account_id": ACCOUNT_ID,
            "environment_id": DEFAULT_ENVIRONMENT_ID,
            "app_id": "shop",
            "function_internal_id": HELLO.id,
            "function_id": "shop-hello",
            "started_after": "2026-11-20T09:00:00.000Z",
            "started_before": "2026-11-21T09:00:00.000Z",
            "if": "event.data.n == 1",
            "kind": "bulk_run",
            "cause": "API",
            "queue_name": None,
            "status": "Running",
            "runs_seen": 0,
            "runs_cancelled": 0,
            "runs_failed": 0,
            "ended_at": None,
        },
        "metadata": {"fetched_at": NOW},
    }


def test_only_three_fields_are_needed(api: OperationsApi) -> None:
    data = api.post_json(URL, BODY).json["data"]

    assert (data["name"], data["started_after"]) == ("", None)
    assert "if" not in data


@pytest.mark.parametrize("name", ["hello", "shop-hello", HELLO.id])
def test_a_function_is_named_by_its_id_or_slug(api: OperationsApi, name: str) -> None:
    assert api.post_json(URL, BODY | {"function_id": name}).status == 200
    assert api.known[0].function_id == HELLO.id


def test_runs_of_an_archived_function_can_be_cancelled(api: OperationsApi) -> None:
    assert api.post_json(URL, BODY | {"function_id": "old"}).status == 200
    assert api.known[0].function_id == OLD.id


@pytest.mark.parametrize("more", [{"app_id": "other"}, {"function_id": "unknown"}])
def test_an_unknown_function_is_not_found(api: OperationsApi, more: dict[str, Any]) -> None:
    answer = api.post_json(URL, BODY | more)

    assert (answer.status, answer.json) == (404, error(404, "function not found"))
    assert not api.known


def test_what_is_missing_is_told_at_once(api: OperationsApi) -> None:
    answer = api.post_json(URL, {})

    message = "app_id is required\nfunction_id is required\nstarted_before is required"
    assert (answer.status, answer.json) == (400, error(400, message))


TIME = "must be a time such as 2026-11-21T09:07:15Z"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"app_id": None}, "app_id is required"),
        ({"app_id": ""}, "app_id is required"),
        ({"app_id": 7}, "app_id must be a string"),
        ({"app_id": "x" * 513}, "app_id must have at most 512 characters"),
        ({"function_id": ""}, "function_id is required"),
        ({"function_id": ["hello"]}, "function_id must be a string"),
        ({"function_id": "x" * 513}, "function_id must have at most 512 characters"),
        ({"started_before": None}, "started_before is required"),
        ({"started_before": ""}, "started_before is required"),
        ({"started_before": "yesterday"}, f"started_before {TIME}"),
        ({"started_before": 5}, f"started_before {TIME}"),
        ({"started_before": "0001-01-01T00:00:00Z"}, f"started_before {TIME}"),
        ({"started_before": "2026-11-21T09:07:20.251Z"}, "started_before must be in the past"),
        ({"started_after": {}}, f"started_after {TIME}"),
        (
            {"started_after": "2026-11-21T09:00:00Z"},
            "started_after must be before started_before",
        ),
        ({"if": 1}, "if must be a string"),
        ({"name": 1}, "name must be a string"),
        ({"name": "x" * 513}, "name must have at most 512 characters"),
    ],
)
def test_a_bad_field_is_refused(api: OperationsApi, more: dict[str, Any], message: str) -> None:
    answer = api.post_json(URL, BODY | more)

    assert (answer.status, answer.json) == (400, error(400, message))
    assert not api.known


@pytest.mark.parametrize(
    "source", ["event.data.n ==", "async.data.n == 1", "unknown == 1", "x" * 9000]
)
def test_a_bad_expression_is_refused(api: OperationsApi, source: str) -> None:
    answer = api.post_json(URL, BODY | {"if": source})

    assert answer.status == 400
    assert answer.json["error"].startswith("if is not a valid expression: ")


def test_a_client_s_clock_may_be_ahead_a_little(api: OperationsApi) -> None:
    body = BODY | {"started_before": "2026-11-21T09:07:20.250Z"}

    assert api.post_json(URL, body).status == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'"x"'])
def test_what_is_no_object_is_refused(api: OperationsApi, body: bytes) -> None:
    answer = api.post(URL, body)

    assert (answer.status, answer.json) == (400, error(400, "The body must be a JSON object"))


def test_a_large_body_is_not_read(api: OperationsApi) -> None:
    assert api.post(URL, b" " * (128 * 1024 + 1)).status == 413


def test_too_many_are_refused(api: OperationsApi) -> None:
    api.has_room = False
    answer = api.post_json(URL, BODY)

    assert answer.status == 409
    assert answer.json["error"].startswith("Too many bulk operations")


def test_an_unavailable_store_is_told(api: OperationsApi) -> None:
    api.failure = StoreUnavailable("commit", "the disk is full")

    assert api.post_json(URL, BODY).status == 503


def test_all_cancellations_are_listed_with_their_progress(api: OperationsApi) -> None:
    api.post_json(URL, BODY)
    api.post_json("/v1/functions/shop-hello/replays", {"from": "2026-11-20", "until": NOW})
    created = api.known[1]
    paused = msgspec.structs.replace(created, id=ulid(9), cause="paused")
    done = msgspec.structs.replace(created, seen=5, done=3, failed=1, ended_ms=NOW_MS)
    api.known[1:] = [done, paused]
    first, second = api.get(URL).json["data"]

    progress = [first[f] for f in ("runs_seen", "runs_cancelled", "runs_failed")]
    assert (first["id"], first["status"], first["ended_at"]) == (ulid(1), "Completed", NOW)
    assert progress == [5, 3, 1]
    assert (second["id"], second["cause"]) == (ulid(9), "Manual")


def test_without_any_the_list_is_empty(api: OperationsApi) -> None:
    assert api.get(URL).json == {"data": [], "metadata": {"fetched_at": NOW}}


def test_one_can_be_deleted(api: OperationsApi) -> None:
    api.post_json(URL, BODY)
    answer = api.delete(f"{URL}/{ulid(1).lower()}")

    assert answer.status == 200
    assert answer.json["data"] == {"ok": True}
    assert not api.known


def test_what_is_no_id_cannot_be_deleted(api: OperationsApi) -> None:
    answer = api.delete(f"{URL}/zzz")

    assert (answer.status, answer.json) == (400, error(400, "Invalid cancellation ID"))


def test_only_a_cancellation_can_be_deleted(api: OperationsApi) -> None:
    api.post_json("/v1/functions/shop-hello/replays", {"from": "2026-11-20", "until": NOW})
    answer = api.delete(f"{URL}/{ulid(1)}")

    assert (answer.status, answer.json) == (404, error(404, "cancellation not found"))
    assert api.known
