"""What takes hours or seconds, on an event loop whose clock the test moves."""

import asyncio
from collections.abc import Coroutine

from stepwell.drivers.http import (
    FailureKind,
    HttpClient,
    HttpFailure,
    HttpReply,
    HttpRequest,
    HttpResult,
)
from stepwell.drivers.http.connection import STALE_CLOSE_S
from tests.unit.drivers.http.scripted_app import App, Peer, always, answer, serving, until


class _MovableLoop(asyncio.SelectorEventLoop):
    """Real sockets, and a clock that jumps."""

    moved_s = 0.0

    def time(self) -> float:
        return super().time() + self.moved_s


def _run(scenario: Coroutine[None, None, None]) -> None:
    with asyncio.Runner(loop_factory=_MovableLoop) as runner:
        runner.run(scenario)


def _move(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, _MovableLoop)
    loop.moved_s += seconds


def test_idle_connections_are_closed_after_four_seconds() -> None:
    async def scenario() -> None:
        client = HttpClient()
        async with serving(always(answer())) as app:
            await asyncio.gather(*(client.fetch(_post(app)) for _ in range(2)))
            _move(3)
            await client.fetch(_post(app))
            _move(2)
            await until(lambda: client.connection_count == 1)
            _move(3)
            await until(lambda: client.connection_count == 0)
            await client.close()

    _run(scenario())


def test_a_connection_that_is_too_old_is_not_used() -> None:
    async def scenario() -> None:
        client = HttpClient()
        async with serving(always(answer())) as app:
            await client.fetch(_post(app))
            _move(4)
            await client.fetch(_post(app))  # before the sweep had its turn
            await client.close()
        assert app.connections == 2

    _run(scenario())


def test_a_kept_connection_that_closes_late_had_the_request() -> None:
    """An app that dies after a minute of work must not get the same step at once again."""

    async def scenario() -> None:
        async def talk(peer: Peer) -> None:
            await peer.request()
            await peer.send(answer())
            await peer.request()
            _move(STALE_CLOSE_S + 0.1)

        client = HttpClient()
        async with serving(talk) as app:
            await client.fetch(_post(app))
            result = await client.fetch(_post(app))
            await client.close()
        assert isinstance(result, HttpFailure)
        assert result.kind is FailureKind.UNREACHABLE
        assert len(app.requests) == 2

    _run(scenario())


def test_a_call_may_take_two_hours_and_no_longer() -> None:
    async def scenario() -> None:
        proceed = asyncio.Event()

        async def talk(peer: Peer) -> None:
            while True:
                await peer.request()
                await proceed.wait()
                await peer.send(answer())

        client = HttpClient()
        results: list[HttpResult] = []
        async with serving(talk) as app:
            # The connection's timer starts with the first request, the others count anew.
            proceed.set()
            await client.fetch(_post(app))
            proceed.clear()
            _move(3)
            client.send(_post(app), results.append)
            await until(lambda: len(app.requests) == 2)
            _move(7198)
            proceed.set()
            await until(lambda: len(results) == 1)

            proceed.clear()
            client.send(_post(app), results.append)
            await until(lambda: len(app.requests) == 3)
            _move(7201)
            await until(lambda: len(results) == 2)
            await client.close()
        assert app.connections == 1
        assert isinstance(results[0], HttpReply)
        assert isinstance(results[1], HttpFailure)
        assert results[1].kind is FailureKind.TIMEOUT

    _run(scenario())


def _post(app: App) -> HttpRequest:
    return HttpRequest("POST", app.origin, (), b"{}")
