"""Retention over HTTP: what is shown, what is taken, and what is refused."""

from typing import Any

import msgspec
import pytest

from stepwell.api.errors import ErrorAnswers
from stepwell.api.retention import RetentionApi
from stepwell.api.routing import router
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, EnvironmentId
from stepwell.core.retention import FOREVER, INHERITED, Retention, RetentionOverrides
from stepwell.engine.store import RetentionState, StoreUnavailable
from tests.unit.api.api_server import NOW, NOW_MS, Answer, Api, Clock

URL = "/v1/retention"
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
SERVER = {"events": "30d", "runs": "30d", "journals": "30d", "rollups": "90d", "operations": "30d"}
NOTHING = dict.fromkeys(SERVER)


class Kept(Api):
    """An environment, and what became of it."""

    def __init__(self) -> None:
        super().__init__()
        self.app = ErrorAnswers(router([RetentionApi(self, Clock()).routes()]))
        self.state = RetentionState()
        self.failure: Exception | None = None

    @property
    def retention(self) -> Retention:
        return Retention()

    async def retention_state(self, environment_id: EnvironmentId) -> RetentionState:
        assert environment_id == DEFAULT_ENVIRONMENT_ID
        if self.failure is not None:
            raise self.failure
        return self.state

    async def change_retention(
        self, environment_id: EnvironmentId, own: RetentionOverrides
    ) -> None:
        assert environment_id == DEFAULT_ENVIRONMENT_ID
        self.state = msgspec.structs.replace(self.state, own=own)

    def put(self, body: Any) -> Answer:
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return self.request("PUT", URL, raw)


@pytest.fixture
def api() -> Kept:
    return Kept()


def test_without_times_of_its_own_an_environment_keeps_what_the_server_says(api: Kept) -> None:
    answer = api.get(URL)

    assert answer.status == 200
    assert answer.json == {
        "data": {
            "environment_id": DEFAULT_ENVIRONMENT_ID,
            "kept": SERVER,
            "own": NOTHING,
            "server": SERVER,
            "last_pass": None,
        },
        "metadata": {"fetched_at": NOW},
    }


def test_what_the_last_pass_deleted_is_shown(api: Kept) -> None:
    api.state = RetentionState(pass_ms=NOW_MS, deleted={"events": 2, "runs": 1})

    shown = api.get(URL).json["data"]["last_pass"]

    assert shown == {"began_at": NOW, "deleted": {"events": 2, "runs": 1}}


def test_times_are_changed_one_by_one(api: Kept) -> None:
    first = api.put({"events": "1d12h", "runs": "forever"}).json["data"]
    second = api.put({"events": None, "rollups": "1m"}).json["data"]

    assert first["own"] == NOTHING | {"events": "1d12h", "runs": "forever"}
    assert first["kept"] == SERVER | {"events": "1d12h", "runs": "forever", "journals": "forever"}
    assert second["own"] == NOTHING | {"runs": "forever", "rollups": "1m"}
    assert api.state.own == RetentionOverrides(events=INHERITED, runs=FOREVER, rollups=60_000)


def test_a_body_without_fields_changes_nothing(api: Kept) -> None:
    api.state = RetentionState(own=RetentionOverrides(events=DAY_MS))

    assert api.put({}).json["data"]["own"] == NOTHING | {"events": "1d"}


@pytest.mark.parametrize(
    ("value", "is_taken"),
    [
        ("1m", True),
        ("59s", False),
        ("36525d", True),
        ("36526d", False),
        ("0", False),
        ("-1d", False),
        ("", False),
        ("soon", False),
        ("Forever", False),
        (30, False),
        (-1, False),
        (["30d"], False),
        (True, False),
    ],
)
def test_a_time_has_bounds(api: Kept, value: Any, *, is_taken: bool) -> None:
    answer = api.put({"events": value})

    assert answer.status == (200 if is_taken else 400)
    assert (api.state.own != RetentionOverrides()) is is_taken


def test_all_that_is_wrong_is_told_at_once_and_nothing_changes(api: Kept) -> None:
    answer = api.put({"events": "x", "logs": "1d", "runs": "2d"})

    assert answer.status == 400
    assert answer.json["error"] == (
        'events must be null, "forever" or a time from 1m to 36525d, such as "30d"\n'
        "'logs' is none of events, runs, journals, rollups, operations"
    )
    assert api.state.own == RetentionOverrides()


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b'"30d"', b"\xff", b"[" * 100_000])
def test_only_an_object_is_taken(api: Kept, body: bytes) -> None:
    answer = api.put(body)

    assert (answer.status, answer.json["error"]) in {
        (400, "The body must be a JSON object"),
        (413, answer.json["error"]),
    }


def test_a_store_that_does_not_answer_is_told(api: Kept) -> None:
    api.failure = StoreUnavailable("retention", "disk full")

    assert api.get(URL).status == 503
    assert api.put({"events": "1d"}).status == 503
