"""`POST /v1/signals`: what is taken, what is refused, and what is answered."""

import gzip

import msgspec
import pytest

from stepwell.api.errors import ErrorAnswers
from stepwell.api.routing import router
from stepwell.api.signals import SIGNAL_BYTES_MAX, SignalEndpoint
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, EnvironmentId, RunId
from stepwell.core.signals import SIGNAL_NAME_BYTES_MAX
from stepwell.engine.store import StoreUnavailable
from tests.unit.api.api_server import NOW, Api, Clock, ulid

RUN = RunId(ulid(7))


class SignalApi(Api):
    """The endpoint alone; remembers what was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.app = ErrorAnswers(router([SignalEndpoint(self, Clock()).routes()]))
        self.sent: list[tuple[str, bytes]] = []
        self.resumed: RunId | None = RUN
        self.failure: Exception | None = None

    async def send_signal(
        self, environment_id: EnvironmentId, name: str, data: bytes
    ) -> RunId | None:
        assert environment_id == DEFAULT_ENVIRONMENT_ID
        if self.failure is not None:
            raise self.failure
        self.sent.append((name, data))
        return self.resumed


@pytest.fixture
def api() -> SignalApi:
    return SignalApi()


def body(name: object = "paid/7", data: object = None) -> bytes:
    return msgspec.json.encode({"signal": name, "data": data})


def test_who_sends_a_signal_is_told_which_run_goes_on(api: SignalApi) -> None:
    answer = api.post("/v1/signals", b'{"signal":"paid/7","data":{"by": "card"},"more":1}')

    assert answer.status == 200
    assert answer.json == {"data": {"run_id": RUN}, "metadata": {"fetched_at": NOW}}
    assert api.sent == [("paid/7", b'{"by": "card"}')]


def test_data_may_be_left_out(api: SignalApi) -> None:
    assert api.post("/v1/signals", b'{"signal":"paid/7"}').status == 200
    assert api.sent == [("paid/7", b"null")]


def test_a_signal_may_come_compressed(api: SignalApi) -> None:
    compressed = gzip.compress(body())
    assert api.post("/v1/signals", compressed, content_encoding="gzip").status == 200


def test_a_signal_for_which_nobody_waits_is_not_found(api: SignalApi) -> None:
    api.resumed = None
    answer = api.post("/v1/signals", body())

    assert answer.status == 404
    assert answer.json == {"error": "No signal found", "data": None, "status": 404}


@pytest.mark.parametrize("sent", [b"", b"{", b"[]", b"null", b'{"signal":7}', b'{"signal":null}'])
def test_what_cannot_be_read_is_refused(api: SignalApi, sent: bytes) -> None:
    answer = api.post("/v1/signals", sent)

    assert answer.status == 400
    assert answer.json == {"error": "Invalid signal data", "data": None, "status": 400}
    assert api.sent == []


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        (b"{}", "the name of the signal is missing"),
        (body(""), "the name of the signal is missing"),
        (
            body("é" * (SIGNAL_NAME_BYTES_MAX // 2) + "s"),
            "the name of the signal is longer than 1024 bytes",
        ),
        (b'{"signal":"a","data":%b}' % (b"[" * 300 + b"]" * 300), "the data is nested deeper"),
        (body("a", "x" * (SIGNAL_BYTES_MAX - 1)), "the data is larger than 4194304 bytes"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(
    api: SignalApi, sent: bytes, problem: str
) -> None:
    answer = api.post("/v1/signals", sent)

    assert answer.status == 400
    assert answer.json["error"].startswith(f"Invalid signal data: {problem}")
    assert api.sent == []


def test_the_longest_name_and_the_largest_data_are_taken(api: SignalApi) -> None:
    name, text = "é" * (SIGNAL_NAME_BYTES_MAX // 2), "x" * (SIGNAL_BYTES_MAX - 2)

    assert api.post("/v1/signals", body(name, text)).status == 200


def test_data_that_nests_too_deeply_to_be_read_is_refused(api: SignalApi) -> None:
    sent = b'{"signal":"a","data":%b}' % (b"[" * 100_000 + b"]" * 100_000)

    assert api.post("/v1/signals", sent).status == 400


def test_a_body_beyond_the_bound_is_not_read(api: SignalApi) -> None:
    assert api.post("/v1/signals", b" " * (SIGNAL_BYTES_MAX + 65_537)).status == 413


def test_half_characters_are_repaired(api: SignalApi) -> None:
    assert api.post("/v1/signals", b'{"signal":"a","data":"\\ud83d"}').status == 200
    assert api.sent == [("a", b'"\\ufffd"')]


def test_without_the_store_the_client_is_to_try_again(api: SignalApi) -> None:
    api.failure = StoreUnavailable("commit", "the disk is full")
    answer = api.post("/v1/signals", body())

    assert (answer.status, answer.headers["retry-after"]) == (503, "1")


def test_signals_can_only_be_sent(api: SignalApi) -> None:
    assert api.get("/v1/signals").status == 405
