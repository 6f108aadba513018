"""What becomes of connections: kept, replaced, timed out, cancelled, closed."""

import asyncio
import socket
import ssl
from contextlib import ExitStack

import pytest

from stepwell.drivers.http import (
    FailureKind,
    HttpClient,
    HttpFailure,
    HttpReply,
    HttpRequest,
    HttpResult,
    PoolLimits,
)
from tests.unit.drivers.http.scripted_app import (
    Peer,
    always,
    answer,
    client_tls,
    server_tls,
    serving,
    until,
)

pytestmark = pytest.mark.anyio


def _post(url: str, *, timeout_s: float = 60) -> HttpRequest:
    return HttpRequest("POST", url, (), b"{}", timeout_s)


def _kind(result: HttpResult) -> FailureKind | None:
    return result.kind if isinstance(result, HttpFailure) else None


async def _silent(peer: Peer) -> None:
    await peer.request()
    await peer.closed()


async def test_a_request_into_a_connection_closed_while_idle_is_sent_again(
    client: HttpClient,
) -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer(b"%d" % peer.number))
        await peer.request()

    async with serving(talk) as app:
        assert isinstance(await client.fetch(_post(app.origin)), HttpReply)
        result = await client.fetch(_post(app.origin))

    assert isinstance(result, HttpReply)
    assert result.body == b"2"
    assert (app.connections, len(app.requests)) == (2, 3)


async def test_a_request_is_sent_again_only_once_and_on_a_new_connection(
    client: HttpClient,
) -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        if peer.number <= 2:
            await peer.send(answer())
            await peer.request()

    async with serving(talk) as app:
        await asyncio.gather(*(client.fetch(_post(app.origin)) for _ in range(2)))
        result = await client.fetch(_post(app.origin))

    assert _kind(result) is FailureKind.UNREACHABLE
    assert (app.connections, len(app.requests)) == (3, 4)


async def test_a_request_is_not_sent_again_when_an_answer_has_begun(client: HttpClient) -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer())
        await peer.request()
        await peer.send(b"H")

    async with serving(talk) as app:
        await client.fetch(_post(app.origin))
        result = await client.fetch(_post(app.origin))

    assert _kind(result) is FailureKind.BAD_RESPONSE
    assert len(app.requests) == 2


async def test_an_app_that_never_answers_is_a_timeout(client: HttpClient) -> None:
    async with serving(_silent) as app:
        result = await client.fetch(_post(app.origin, timeout_s=0.05))
        await until(lambda: client.connection_count == 0)

    assert _kind(result) is FailureKind.TIMEOUT


@pytest.mark.parametrize("first_timeout_s", [60, 0.05])
async def test_a_kept_connection_knows_the_timeout_of_each_request(
    first_timeout_s: float, client: HttpClient
) -> None:
    """The timer of a connection is shared by its requests, whichever order they come in."""

    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer())
        await peer.request()
        await peer.closed()

    async with serving(talk) as app:
        first = await client.fetch(_post(app.origin, timeout_s=first_timeout_s))
        second = await client.fetch(_post(app.origin, timeout_s=0.1))

    assert isinstance(first, HttpReply)
    assert _kind(second) is FailureKind.TIMEOUT
    assert app.connections == 1


async def test_a_trickle_does_not_extend_the_timeout(client: HttpClient) -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await peer.send(b"1\r\n \r\n")
            await asyncio.sleep(0)

    async with serving(talk) as app:
        result = await client.fetch(_post(app.origin, timeout_s=0.05))

    assert _kind(result) is FailureKind.TIMEOUT


async def test_a_cancelled_call_is_never_done(client: HttpClient) -> None:
    arrived = asyncio.Event()
    left = asyncio.Event()

    async def talk(peer: Peer) -> None:
        await peer.request()
        arrived.set()
        await peer.closed()
        left.set()

    results: list[HttpResult] = []
    async with serving(talk) as app:
        call = client.send(_post(app.origin), results.append)
        await arrived.wait()
        call.cancel()
        call.cancel()
        await left.wait()
        await until(lambda: client.connection_count == 0)

    assert results == []


async def test_a_call_cancelled_while_connecting_leaves_nothing_behind(client: HttpClient) -> None:
    results: list[HttpResult] = []
    async with serving(_silent) as app:
        client.send(_post(app.origin), results.append).cancel()
        await until(lambda: client.connection_count == 0)
        await client.close()

    assert results == []


@pytest.mark.parametrize("turns", range(20))
async def test_a_call_cancelled_at_any_moment_of_connecting_does_not_keep_the_client_open(
    client: HttpClient, turns: int
) -> None:
    # The system accepts the connection; nobody else has to.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        call = client.send(_post(f"http://127.0.0.1:{listener.getsockname()[1]}"), lambda _: None)
        for _ in range(turns):
            await asyncio.sleep(0)
        call.cancel()
        async with asyncio.timeout(5):
            await client.close()

    assert client.connection_count == 0


async def test_cancelling_a_waiting_task_cancels_the_call(client: HttpClient) -> None:
    arrived = asyncio.Event()

    async def talk(peer: Peer) -> None:
        await peer.request()
        arrived.set()
        await peer.closed()

    async with serving(talk) as app:
        waiting = asyncio.create_task(client.fetch(_post(app.origin)))
        await arrived.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await until(lambda: client.connection_count == 0)


async def test_done_is_never_called_before_send_returns(client: HttpClient) -> None:
    results: list[HttpResult] = []
    client.send(_post("not a url"), results.append)
    assert results == []
    await until(lambda: bool(results))

    assert [_kind(result) for result in results] == [FailureKind.INVALID_REQUEST]


async def test_done_may_send_the_next_request_on_the_same_connection(client: HttpClient) -> None:
    results: list[HttpResult] = []
    async with serving(always(answer())) as app:

        def done(result: HttpResult) -> None:
            results.append(result)
            if len(results) < 50:
                client.send(_post(app.origin), done)

        client.send(_post(app.origin), done)
        await until(lambda: len(results) == 50)

    assert app.connections == 1


async def test_no_more_connections_are_kept_than_allowed(anyio_backend: object) -> None:
    client = HttpClient(limits=PoolLimits(idle_per_origin_max=2, idle_max=3))
    async with serving(always(answer())) as first, serving(always(answer())) as second:
        await asyncio.gather(*(client.fetch(_post(first.origin)) for _ in range(4)))
        await until(lambda: client.connection_count == 2)
        await asyncio.gather(*(client.fetch(_post(second.origin)) for _ in range(4)))
        await until(lambda: client.connection_count == 3)
        assert client.idle_count == 3
        await client.close()


async def test_closing_waits_for_calls_in_flight(client: HttpClient) -> None:
    arrived, proceed = asyncio.Event(), asyncio.Event()

    async def talk(peer: Peer) -> None:
        await peer.request()
        arrived.set()
        await proceed.wait()
        await peer.send(answer())
        await peer.closed()

    results: list[HttpResult] = []
    async with serving(talk) as app:
        client.send(_post(app.origin), results.append)
        await arrived.wait()
        closing = asyncio.create_task(client.close(grace_s=60))
        await asyncio.sleep(0)
        refused = await client.fetch(_post(app.origin))
        proceed.set()
        await closing

    assert _kind(refused) is FailureKind.CLOSED
    assert [isinstance(result, HttpReply) for result in results] == [True]
    assert client.connection_count == 0


async def test_closing_cuts_what_outlives_the_grace(client: HttpClient) -> None:
    results: list[HttpResult] = []
    arrived = asyncio.Event()

    async def talk(peer: Peer) -> None:
        await peer.request()
        arrived.set()
        await peer.closed()

    async with serving(talk) as app:
        client.send(_post(app.origin), results.append)
        await arrived.wait()
        client.send(_post(app.origin), results.append)  # still connecting
        await client.close(grace_s=0)
        await client.close()

    assert [_kind(result) for result in results] == [FailureKind.CLOSED] * 2
    assert client.connection_count == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_localhost_means_both_families(host: str, client: HttpClient) -> None:
    if host == "::1" and not _has_ipv6():
        pytest.skip("no IPv6 on this machine")
    async with serving(always(answer()), host=host) as app:
        port = app.origin.rpartition(":")[2]
        result = await client.fetch(_post(f"http://localhost:{port}/"))

    assert isinstance(result, HttpReply)
    assert app.requests[0].header("host") == f"localhost:{port}"


async def test_an_ipv6_address_is_called(client: HttpClient) -> None:
    if not _has_ipv6():
        pytest.skip("no IPv6 on this machine")
    async with serving(always(answer()), host="::1") as app:
        result = await client.fetch(_post(app.origin))

    assert isinstance(result, HttpReply)
    assert app.requests[0].header("host") == app.origin.removeprefix("http://")


async def test_when_both_families_refuse_the_host_is_unreachable(client: HttpClient) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        result = await client.fetch(_post(f"http://localhost:{port}/"))

    assert result == HttpFailure(
        FailureKind.UNREACHABLE, f"cannot connect to localhost:{port}: Connection refused"
    )


async def test_a_name_that_no_resolver_can_know_is_unreachable(client: HttpClient) -> None:
    """A label has at most 63 characters, so this never leaves the machine."""
    result = await client.fetch(_post(f"http://{'a' * 64}.example/"))

    assert _kind(result) is FailureKind.UNREACHABLE


async def test_a_connection_that_is_never_accepted_is_unreachable(anyio_backend: object) -> None:
    client = HttpClient(limits=PoolLimits(connect_timeout_s=0.05))
    with ExitStack() as stack:
        port = _full_backlog(stack)
        result = await client.fetch(_post(f"http://127.0.0.1:{port}/"))
        hasty = await client.fetch(_post(f"http://127.0.0.1:{port}/", timeout_s=0.02))
    await client.close()

    assert _kind(result) is FailureKind.UNREACHABLE
    assert _kind(hasty) is FailureKind.TIMEOUT


async def test_https_works_and_its_connections_are_kept(anyio_backend: object) -> None:
    client = HttpClient(tls=client_tls())
    async with serving(always(answer(b"secret")), tls=server_tls()) as app:
        results = [await client.fetch(_post(app.origin)) for _ in range(3)]
        await client.close()

    assert [r.body for r in results if isinstance(r, HttpReply)] == [b"secret"] * 3
    assert app.connections == 1


async def test_an_answer_without_length_over_https_ends_with_the_connection(
    anyio_backend: object,
) -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nabc")

    client = HttpClient(tls=client_tls())
    async with serving(talk, tls=server_tls()) as app:
        result = await client.fetch(_post(app.origin))
        await client.close()

    assert isinstance(result, HttpReply)
    assert result.body == b"abc"


async def test_a_certificate_nobody_vouches_for_is_a_tls_failure(client: HttpClient) -> None:
    async with serving(always(answer()), tls=server_tls()) as app:
        result = await client.fetch(_post(app.origin))

    assert isinstance(result, HttpFailure)
    assert result.kind is FailureKind.TLS
    assert "self-signed certificate" in result.detail


async def test_a_certificate_for_another_host_is_a_tls_failure(anyio_backend: object) -> None:
    if not _has_ipv6():
        pytest.skip("no IPv6 on this machine")
    client = HttpClient(tls=client_tls())
    async with serving(always(answer()), host="::1", tls=server_tls()) as app:
        result = await client.fetch(_post(app.origin))
        await client.close()

    assert _kind(result) is FailureKind.TLS


async def test_https_to_an_app_that_speaks_http_is_a_tls_failure(client: HttpClient) -> None:
    async def talk(peer: Peer) -> None:
        await peer.send(answer(status=400))
        await peer.closed()

    async with serving(talk) as app:
        result = await client.fetch(_post(app.origin.replace("http:", "https:")))

    assert _kind(result) is FailureKind.TLS


async def test_a_peer_that_hangs_up_in_the_handshake_is_a_tls_failure(client: HttpClient) -> None:
    async def talk(peer: Peer) -> None:
        peer.close()

    async with serving(talk) as app:
        result = await client.fetch(_post(app.origin.replace("http:", "https:")))

    assert _kind(result) is FailureKind.TLS


async def test_a_handshake_that_never_ends_is_unreachable(anyio_backend: object) -> None:
    client = HttpClient(limits=PoolLimits(connect_timeout_s=0.05), tls=ssl.create_default_context())
    async with serving(Peer.closed) as app:
        result = await client.fetch(_post(app.origin.replace("http:", "https:")))
        await client.close()

    assert _kind(result) is FailureKind.UNREACHABLE


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _full_backlog(stack: ExitStack) -> int:
    """A port where further connections are neither accepted nor refused."""
    listening = stack.enter_context(socket.socket())
    listening.bind(("127.0.0.1", 0))
    listening.listen(0)
    address = listening.getsockname()
    for _ in range(4):
        waiting = stack.enter_context(socket.socket())
        waiting.setblocking(False)
        waiting.connect_ex(address)
    return int(address[1])


async def test_a_request_that_may_not_be_sent_by_the_time_there_is_a_connection_waits(
    client: HttpClient,
) -> None:
    """Whoever sends it was suspended meanwhile, and others may do the same in its place."""
    looks = iter([False, False, True])
    async with serving(always(answer(b"late"))) as app:
        result = await client.fetch(
            HttpRequest("POST", f"{app.origin}/", may_send=lambda: next(looks))
        )

    assert isinstance(result, HttpReply)
    assert (result.body, len(app.requests)) == (b"late", 1)
    assert next(looks, None) is None


async def test_a_request_that_waits_can_be_given_up(client: HttpClient) -> None:
    asked = asyncio.Event()

    def never() -> bool:
        asked.set()
        return False

    async with serving(always(answer())) as app:
        told: list[HttpResult] = []
        call = client.send(HttpRequest("POST", f"{app.origin}/", may_send=never), told.append)
        await asked.wait()
        call.cancel()
        await client.close()

    assert (told, app.requests) == ([], [])
