"""`/v0`: the state of live runs."""

import pytest

from stepwell.core.identity import RunId, StepId
from stepwell.core.status import RunStatus
from tests.unit.api.api_server import Api, run_view, ulid

LIVE = RunId(ulid(1))


@pytest.fixture
def api() -> Api:
    """With one live run, which has two memoised steps."""
    api = Api()
    steps = {StepId("ff"): b'{"data":1}', StepId("00"): b'{"error":{"name":"E"}}'}
    api.backend.live[LIVE] = ([b'{"name":"a"}', b'{"name":"b"}'], steps)
    api.backend.runs = [run_view(1), run_view(2, status=RunStatus.COMPLETED)]
    return api


def test_the_events_of_a_live_run_are_a_bare_array(api: Api) -> None:
    answer = api.get(f"/v0/runs/{LIVE}/batch")

    assert (answer.status, answer.body) == (200, b'[{"name":"a"},{"name":"b"}]')
    assert answer.headers["content-type"] == "application/json"


def test_the_steps_of_a_live_run_are_a_bare_object_in_order_of_completion(api: Api) -> None:
    answer = api.get(f"/v0/runs/{LIVE}/actions")

    assert answer.body == b'{"ff":{"data":1},"00":{"error":{"name":"E"}}}'


def test_a_run_id_may_be_in_lower_case(api: Api) -> None:
    assert api.get(f"/v0/runs/{LIVE.lower()}/batch").status == 200


@pytest.mark.parametrize("what", ["batch", "actions"])
def test_the_state_of_an_ended_or_unknown_run_is_gone(api: Api, what: str) -> None:
    answer = api.get(f"/v0/runs/{ulid(2)}/{what}")

    assert answer.status == 410
    assert answer.json == {
        "error": f"runtime state is no longer available for runID: {ulid(2)}",
        "data": None,
        "status": 410,
    }


@pytest.mark.parametrize("run_id", ["x", "0" * 25, "I" * 26, "8" + "0" * 25, "🦊" * 26])
def test_what_is_no_run_id_is_refused(api: Api, run_id: str) -> None:
    path = f"/v0/runs/{run_id}"

    for answer in [api.get(f"{path}/batch"), api.get(f"{path}/actions"), api.delete(path)]:
        assert answer.status == 400
        assert answer.json["error"] == "The run ID specified is invalid"


def test_a_live_run_can_be_cancelled(api: Api) -> None:
    answer = api.delete(f"/v0/runs/{LIVE}")

    assert (answer.status, answer.body) == (204, b"")
    assert api.backend.cancelled == [LIVE]


def test_an_ended_run_cannot_be_cancelled(api: Api) -> None:
    answer = api.delete(f"/v0/runs/{ulid(2)}")

    assert (answer.status, answer.json["error"]) == (409, "This function has already completed")


def test_an_unknown_run_cannot_be_cancelled(api: Api) -> None:
    answer = api.delete(f"/v0/runs/{ulid(3)}")

    assert answer.status == 404
    assert answer.json["error"] == "A function run with the given ID could not be found"


def test_telemetry_is_taken_and_dropped(api: Api) -> None:
    assert api.post("/v0/telemetry", b'{"eventName":"x"}').status == 200


def test_connect_says_that_it_is_not_there(api: Api) -> None:
    answer = api.post("/v0/connect/start")

    assert answer.status == 501
    assert answer.json["error"] == "connect is not available in this version"
