"""Whether a server should be sent requests."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest
from starlette.types import Message

from stepwell.api.readiness import Readiness, Unready
from stepwell.engine.store import StoreUnavailable
from stepwell.store.errors import StoreDefect

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Store:
    """A store that answers when the test lets it."""

    def __init__(self) -> None:
        self.questions = 0
        self.failure: Exception | None = None
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def answers(self) -> None:
        self.questions += 1
        await self.may_answer.wait()
        if self.failure is not None:
            raise self.failure


def _ready(
    store: Store, is_owner: Callable[[], bool] = lambda: True, *, patience_s: float = 20.0
) -> Readiness:
    return Readiness(store, is_owner, patience_s=patience_s)


async def _answer(readiness: Readiness) -> tuple[int, dict[str, object], dict[bytes, bytes]]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("there is nothing to be read")

    await readiness({"type": "http"}, receive, send)
    start, body = sent
    return start["status"], msgspec.json.decode(body["body"]), dict(start["headers"])


async def test_a_server_that_works_is_ready() -> None:
    status, body, _ = await _answer(_ready(Store()))

    assert (status, body) == (200, {"status": 200, "message": "OK"})


async def test_from_the_moment_it_is_told_to_stop_it_is_not() -> None:
    store = Store()
    readiness = _ready(store)
    readiness.stop()
    readiness.stop()

    status, body, headers = await _answer(readiness)

    assert status == 503
    assert body == {
        "code": "SW2016",
        "error": "not ready: the server is stopping",
        "data": None,
        "reason": "stopping",
        "status": 503,
    }
    assert headers[b"retry-after"] == b"1"
    assert store.questions == 0, "the answer does not wait for the store"


async def test_a_store_that_fails_makes_it_unready_until_it_works_again() -> None:
    store = Store()
    readiness = _ready(store)
    store.failure = StoreUnavailable("answers", "the password is 5ecret")

    status, body, _ = await _answer(readiness)
    assert (status, body["reason"]) == (503, "store")
    assert "5ecret" not in str(body), "whoever asks need not prove anything"

    store.failure = None
    assert await readiness.fault() is None


async def test_a_store_that_says_nothing_is_given_up_after_a_while() -> None:
    store = Store()
    store.may_answer.clear()
    readiness = _ready(store, patience_s=0.0)

    assert await readiness.fault() is Unready.STORE
    assert await readiness.fault() is Unready.STORE
    assert store.questions == 1, "nobody asks it again while it has not answered"
    store.may_answer.set()


async def test_a_question_that_died_without_a_word_is_asked_anew() -> None:
    store = Store()
    store.may_answer.clear()
    readiness = Readiness(store, lambda: True, question_limit_s=0.0)
    assert await readiness.fault() is Unready.STORE

    store.may_answer.set()
    while await readiness.fault() is not None:
        """The limit of the next question may be over before it is asked."""
    assert store.questions > 1


async def test_many_who_ask_at_once_are_one_question() -> None:
    store = Store()
    store.may_answer.clear()
    readiness = _ready(store)
    asking = [asyncio.create_task(readiness.fault()) for _ in range(20)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asking[0].cancel()
    await asyncio.sleep(0)
    store.may_answer.set()

    assert await asyncio.gather(*asking[1:]) == [None] * 19
    assert store.questions == 1


async def test_a_defect_is_no_answer_and_is_not_hidden() -> None:
    store = Store()
    store.failure = StoreDefect("answers", "a row contradicts itself")

    with pytest.raises(StoreDefect):
        await _ready(store).fault()


async def test_without_its_partition_a_server_is_not_ready() -> None:
    owned: list[int] = []
    readiness = _ready(Store(), lambda: bool(owned))

    assert await readiness.fault() is Unready.OWNERSHIP
    owned.append(0)
    assert await readiness.fault() is None
