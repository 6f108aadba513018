"""`POST /v1/runs/{run_id}/rerun`: what is taken, what is refused, and what is answered."""

import pytest

from stepwell.core.identity import RunId
from stepwell.core.rerun import RerunRefused, StepChoice
from stepwell.engine.reruns import Rerun
from stepwell.engine.store import StoreUnavailable
from stepwell.wire.opcode_options import STEP_BYTES_MAX
from tests.unit.api.api_server import NOW, ulid
from tests.unit.api.operations_api import OperationsApi, error

RUN = RunId(ulid(100))
URL = f"/v1/runs/{RUN}/rerun"


@pytest.fixture
def api() -> OperationsApi:
    api = OperationsApi()
    api.outcome = Rerun(RunId(ulid(7)), RUN)
    return api


@pytest.mark.parametrize("body", [b"", b" \n", b"{}", b'{"from_step":null}', b'{"more":1}'])
def test_a_run_is_run_again_from_the_beginning(api: OperationsApi, body: bytes) -> None:
    answer = api.post(URL.lower(), body)

    assert answer.status == 200
    assert answer.json == {
        "data": {"id": ulid(7), "origin_run_id": RUN},
        "metadata": {"fetched_at": NOW},
    }
    assert api.asked == [(RUN, None)]


@pytest.mark.parametrize("body", [b'{"step_id":"a"}', b'{"step_id":"a","input":null,"x":1}'])
def test_a_run_is_run_again_from_a_step(api: OperationsApi, body: bytes) -> None:
    assert api.post(URL, b'{"from_step":%b}' % body).status == 200
    assert api.asked == [(RUN, StepChoice("a"))]


def test_the_input_is_handed_on_as_it_came(api: OperationsApi) -> None:
    api.post(URL, b'{"from_step": {"step_id": "a", "input": [ {"n": 1.0} ]}}')

    assert api.asked == [(RUN, StepChoice("a", b'[ {"n": 1.0} ]'))]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "The body must be a JSON object"),
        (b"[]", "The body must be a JSON object"),
        (b"null", "The body must be a JSON object"),
        (b"\xff", "The body must be a JSON object"),
        (b'{"from_step":"a"}', "from_step must be an object"),
        (b'{"from_step":[]}', "from_step must be an object"),
        (b'{"from_step":{}}', "from_step.step_id is required"),
        (b'{"from_step":{"step_id":""}}', "from_step.step_id is required"),
        (b'{"from_step":{"step_id":null}}', "from_step.step_id is required"),
        (b'{"from_step":{"step_id":7}}', "from_step.step_id is required"),
        (
            b'{"from_step":{"step_id":"%b"}}' % (b"x" * 1025),
            "from_step.step_id must have at most 1024 characters",
        ),
    ],
)
def test_what_cannot_be_read_is_refused(api: OperationsApi, body: bytes, message: str) -> None:
    answer = api.post(URL, body)

    assert (answer.status, answer.json) == (400, error(400, message))
    assert not api.asked


@pytest.mark.parametrize("body", [b'{"from_step":%b', b'{"from_step":{"step_id":"a","input":%b'])
def test_what_is_nested_too_deeply_is_refused(api: OperationsApi, body: bytes) -> None:
    assert api.post(URL, body % (b"[" * 100_000)).status == 400


def test_a_step_s_whole_input_may_be_edited_but_no_more(api: OperationsApi) -> None:
    largest = b'["%b"]' % (b"x" * (STEP_BYTES_MAX - 4))
    body = b'{"from_step":{"step_id":"a","input":%b}}' % largest

    assert api.post(URL, body).status == 200
    assert api.post(URL, body + b" " * 100_000).status == 413


@pytest.mark.parametrize(
    ("refused", "status"),
    [
        (RerunRefused.STEP_NOT_FOUND, 400),
        (RerunRefused.STEP_AMBIGUOUS, 400),
        (RerunRefused.INPUT_INVALID, 400),
        (RerunRefused.INPUT_TOO_LARGE, 400),
        (RerunRefused.INPUT_NOT_TAKEN, 400),
        (RerunRefused.FUNCTION_GONE, 409),
        (RerunRefused.ENDPOINT, 409),
    ],
)
def test_why_it_cannot_be_run_again_is_told(
    api: OperationsApi, refused: RerunRefused, status: int
) -> None:
    api.outcome = refused
    answer = api.post(URL)

    assert (answer.status, answer.json) == (status, error(status, refused.value))


def test_an_unknown_run_is_not_found(api: OperationsApi) -> None:
    api.outcome = None
    answer = api.post(URL)

    message = f"Unable to load function run: {RUN}"
    assert (answer.status, answer.json) == (404, error(404, message))


def test_what_is_no_run_id_is_refused(api: OperationsApi) -> None:
    answer = api.post("/v1/runs/zzz/rerun")

    assert (answer.status, answer.json) == (400, error(400, "Invalid run ID: zzz"))


def test_an_unavailable_store_is_told(api: OperationsApi) -> None:
    api.failure = StoreUnavailable("commit", "the disk is full")

    assert api.post(URL).status == 503
