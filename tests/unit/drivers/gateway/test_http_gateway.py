"""Requests for steps over real sockets, to an app whose every byte the test decides."""

import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from stepwell.core.steps.requested import RequestFailed, RequestReply, RequestResult
from stepwell.drivers.gateway import GatewayLimits, HttpGateway
from stepwell.drivers.gateway.dial import Address
from stepwell.engine.gateways import GatewayRequest
from tests.unit.drivers.http.scripted_app import (
    App,
    Peer,
    Talk,
    always,
    answer,
    client_tls,
    server_tls,
    serving,
    until,
)

pytestmark = pytest.mark.anyio


class Names:
    """A resolver that says what the test wants: each list of addresses in turn, then the last."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int) -> list[Address]:
        self.asked.append(host)
        addresses = self._answers[min(len(self.asked), len(self._answers)) - 1]
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, (address, port))
            for address in addresses
        ]


LOCAL = ["127.0.0.1"]


@asynccontextmanager
async def gateway(
    names: Names | None = None,
    *,
    allow_private: bool = True,
    limits: GatewayLimits | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[HttpGateway]:
    resolver = (names or Names(LOCAL)).resolve
    made = HttpGateway(allow_private=allow_private, limits=limits, tls=tls, resolver=resolver)
    yield made
    await made.close()


async def fetch(
    made: HttpGateway,
    url: str,
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
) -> RequestResult:
    request = GatewayRequest(method=method, url=url, headers=headers or {}, body=body)
    result: asyncio.Future[RequestResult] = asyncio.get_running_loop().create_future()
    made.send(request, result.set_result)
    assert not result.done(), "never before `send` has returned"
    return await result


def named(app: App, host: str = "user.test") -> str:
    """The app's origin under another name."""
    return app.origin.replace("127.0.0.1", host)


def in_turn(*responses: bytes) -> Talk:
    """An app that gives each connection the next of these."""

    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.send(responses[peer.number - 1])

    return talk


async def test_a_request_is_sent_and_its_answer_brought_back() -> None:
    async with (
        serving(always(answer(b"hi", status=404, headers="X-A: b"))) as app,
        gateway() as made,
    ):
        url = f"{named(app)}/path?q=1#part"
        result = await fetch(made, url, method="PUT", headers={"X-Token": "t"}, body=b"hello")
    assert result == RequestReply(
        404, {"x-a": "b", "content-length": "2"}, b"hi", f"{named(app)}/path"
    )
    (request,) = app.requests
    assert (request.method, request.target, request.body) == ("PUT", "/path?q=1", b"hello")
    assert request.header("host") == named(app).removeprefix("http://")
    assert request.header("x-token") == "t"
    assert request.header("connection") == "close"


async def test_a_compressed_answer_is_decoded() -> None:
    body = gzip.compress(b"hello")
    response = answer(body, headers="Content-Encoding: gzip")
    async with serving(always(response)) as app, gateway() as made:
        result = await fetch(made, app.origin)
    assert result == RequestReply(200, {}, b"hello", f"{app.origin}/")


async def test_a_large_body_arrives_although_the_app_reads_slowly() -> None:
    body = b"x" * (4 * 1024 * 1024)

    async def talk(peer: Peer) -> None:
        request = await peer.request()
        await peer.send(answer(b"%d" % len(request.body)))

    async with serving(talk) as app, gateway() as made:
        result = await fetch(made, app.origin, method="POST", body=body)
    assert isinstance(result, RequestReply)
    assert result.body == b"4194304"


async def test_tls_is_verified_against_the_name() -> None:
    async with (
        serving(always(answer(b"hi")), tls=server_tls()) as app,
        gateway(tls=client_tls()) as made,
    ):
        good = await fetch(made, app.origin.replace("127.0.0.1", "localhost"))
        bad = await fetch(made, named(app))
    assert isinstance(good, RequestReply)
    assert isinstance(bad, RequestFailed)
    assert bad.message.startswith(
        f"TLS handshake with {named(app).removeprefix('https://')} failed:"
    )
    assert bad.retryable


async def test_the_systems_authorities_are_the_default() -> None:
    async with serving(always(answer(b"hi")), tls=server_tls()) as app, gateway() as made:
        result = await fetch(made, app.origin)
    assert isinstance(result, RequestFailed)
    assert result.message.startswith("TLS handshake with 127.0.0.1:")


# Private networks.


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["169.254.169.254"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["1.1.1.1", "127.0.0.1"],
        ["2606:4700::1", "fd00::1"],
    ],
)
async def test_a_name_in_a_private_network_is_refused_before_any_connection(
    addresses: list[str],
) -> None:
    async with (
        serving(always(answer())) as app,
        gateway(Names(addresses), allow_private=False) as made,
    ):
        result = await fetch(made, f"{named(app)}/?token=s3cret")
        assert app.connections == 0
    message = "user.test is not a public address, and this server only sends to those"
    assert result == RequestFailed(message, retryable=False)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "x.localhost", "127.1", "0"]
)
async def test_every_spelling_of_this_machine_is_refused(host: str) -> None:
    """With the system's own resolver."""
    async with serving(always(answer())) as app:
        made = HttpGateway(allow_private=False)
        result = await fetch(made, named(app, host))
        await made.close()
        assert app.connections == 0
    assert isinstance(result, RequestFailed)
    assert "is not a public address" in result.message


async def test_redirects_into_private_networks_are_refused_too() -> None:
    """Here, 127.0.0.1 counts as public, so that the first request has somewhere to go."""
    names = Names(LOCAL, ["1.1.1.1", "10.0.0.1"])
    response = answer(status=307, headers="Location: http://inner.test/x?token=s3cret")
    async with serving(always(response)) as app:
        made = HttpGateway(
            allow_private=False,
            resolver=names.resolve,
            is_public=lambda address: address == "127.0.0.1",
        )
        result = await fetch(made, named(app))
        await made.close()
    assert len(app.requests) == 1
    message = "inner.test is not a public address, and this server only sends to those"
    assert result == RequestFailed(message, retryable=False)


async def test_a_name_is_looked_up_once_for_check_and_connection() -> None:
    """A second look-up could give another address than the one that was checked."""
    names = Names(LOCAL, ["192.0.2.1"])
    async with serving(always(answer(b"hi"))) as app, gateway(names) as made:
        result = await fetch(made, named(app))
    assert isinstance(result, RequestReply)
    assert names.asked == ["user.test"]


# Redirects.


async def test_redirects_are_followed_and_the_last_url_is_told() -> None:
    talk = in_turn(
        answer(b"go", status=302, headers="Location: /next?a=b"),
        answer(b"there", headers="Content-Type: text/plain"),
    )
    names = Names(LOCAL)
    async with serving(talk) as app, gateway(names) as made:
        headers = {"Cookie": "c", "Content-Type": "text/plain"}
        result = await fetch(made, f"{named(app)}/first", method="POST", headers=headers, body=b"x")
    assert isinstance(result, RequestReply)
    assert (result.body, result.url) == (b"there", f"{named(app)}/next")
    first, second = app.requests
    assert (first.method, second.method, second.target) == ("POST", "GET", "/next?a=b")
    assert (second.body, second.header("cookie")) == (b"", "c")
    assert names.asked == ["user.test", "user.test"], "each hop is checked"


async def test_another_origin_gets_no_credentials() -> None:
    async with serving(always(answer(b"hi"))) as other, gateway() as made:
        location = f"Location: {named(other, 'other.test')}/x"
        async with serving(always(answer(status=307, headers=location))) as app:
            headers = {"Authorization": "Bearer s3cret", "Cookie": "c=d", "X-Keep": "k"}
            await fetch(made, named(app), method="POST", headers=headers, body=b"x")
    (request,) = other.requests
    assert (request.method, request.body, request.header("x-keep")) == ("POST", b"x", "k")
    assert (request.header("authorization"), request.header("cookie")) == (None, None)


async def test_the_fifth_redirect_is_followed_and_the_sixth_is_not() -> None:
    redirect = answer(status=302, headers="Location: /again")
    talk = in_turn(*[redirect] * 5, answer(b"hi"), *[redirect] * 6)
    async with serving(talk) as app, gateway() as made:
        allowed = await fetch(made, app.origin)
        endless = await fetch(made, app.origin)
    assert isinstance(allowed, RequestReply)
    assert endless == RequestFailed("stopped after 5 redirects", retryable=False)
    assert len(app.requests) == 12


async def test_a_redirect_without_location_is_an_answer() -> None:
    async with serving(always(answer(b"hm", status=302))) as app, gateway() as made:
        result = await fetch(made, app.origin)
    assert isinstance(result, RequestReply)
    assert (result.status, result.body) == (302, b"hm")


# Failures.


async def test_a_name_without_address_is_a_failure() -> None:
    async with gateway(Names([])) as made:
        result = await fetch(made, "http://user.test/?token=s3cret")
    assert result == RequestFailed("cannot resolve user.test")


async def test_an_address_where_nobody_listens_is_a_failure() -> None:
    async with serving(always()) as app:
        port = app.origin.rpartition(":")[2]
    async with gateway() as made:
        result = await fetch(made, f"{named(app)}/?token=s3cret")
    message = f"cannot connect to user.test:{port}: Connection refused"
    assert result == RequestFailed(message)


async def test_the_next_address_is_tried() -> None:
    async with serving(always(answer(b"hi"))) as app, gateway(Names(["::1", *LOCAL])) as made:
        result = await fetch(made, named(app))
    assert isinstance(result, RequestReply)


async def test_a_request_that_cannot_be_written_is_not_sent() -> None:
    async with serving(always(answer())) as app, gateway() as made:
        result = await fetch(made, app.origin, headers={"X": "s3cret\r\nY: z"})
        assert app.connections == 0
    message = "a header has a name or a value that cannot be sent"
    assert result == RequestFailed(message, retryable=False)


@pytest.mark.parametrize(
    ("response", "failure"),
    [
        (b"", RequestFailed("the connection was closed without an answer")),
        (b"SSH-2.0\r\n", RequestFailed("the answer is not HTTP/1.1")),
        (answer(b"abc")[:-1], RequestFailed("the connection ended in the middle of the answer")),
        (answer(b"x" * 101), RequestFailed("the answer is longer than 100 bytes", retryable=False)),
    ],
)
async def test_an_answer_that_cannot_be_used_is_a_failure(
    response: bytes, failure: RequestFailed
) -> None:
    limits = GatewayLimits(response_bytes_max=100)
    async with serving(in_turn(response)) as app, gateway(limits=limits) as made:
        assert await fetch(made, app.origin) == failure


async def test_a_reset_is_a_failure() -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        peer.reset()

    async with serving(talk) as app, gateway() as made:
        result = await fetch(made, app.origin)
    assert result == RequestFailed("the connection was closed without an answer")


async def test_the_time_for_everything_is_limited() -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.closed()

    limits = GatewayLimits(timeout_s=0.01)
    async with serving(talk) as app, gateway(limits=limits) as made:
        result = await fetch(made, app.origin)
    assert result == RequestFailed("no complete answer within 0.01 s")


async def test_the_time_for_connecting_is_limited() -> None:
    limits = GatewayLimits(connect_timeout_s=0.01)

    async def never(host: str, port: int) -> list[Address]:
        await asyncio.Event().wait()
        return []

    made = HttpGateway(allow_private=True, limits=limits, resolver=never)
    result = await fetch(made, "http://user.test/")
    await made.close()
    assert result == RequestFailed("no connection to user.test within 0.01 s")


# Giving up.


class Waiting:
    """An app that never answers."""

    def __init__(self) -> None:
        self.has_request = False
        self.is_closed = False

    async def talk(self, peer: Peer) -> None:
        await peer.request()
        self.has_request = True
        await peer.closed()
        self.is_closed = True


@pytest.mark.parametrize("give_up", ["cancel", "close"])
async def test_a_request_that_is_given_up_is_cut_and_not_reported(give_up: str) -> None:
    app, results = Waiting(), list[RequestResult]()
    async with serving(app.talk) as served, gateway() as made:
        request = GatewayRequest(method="GET", url=served.origin)
        handle = made.send(request, results.append)
        await until(lambda: app.has_request)
        if give_up == "cancel":
            handle.cancel()
            handle.cancel()
        else:
            await made.close()
        await until(lambda: app.is_closed)
    assert not results


async def test_after_the_end_nothing_is_begun() -> None:
    results = list[RequestResult]()
    async with serving(always(answer())) as app, gateway() as made:
        await made.close()
        made.send(GatewayRequest(method="GET", url=app.origin), results.append).cancel()
        await asyncio.sleep(0)
        assert app.connections == 0
    assert not results


async def test_a_defect_is_a_failure_without_details(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(host: str, port: int) -> list[Address]:
        raise KeyError("s3cret")

    made = HttpGateway(allow_private=True, resolver=broken)
    result = await fetch(made, "http://user.test/?token=s3cret")
    await made.close()
    assert result == RequestFailed("Stepwell could not make the request because of a defect")
    assert "s3cret" not in capsys.readouterr().out + caplog.text


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy"])
async def test_the_environment_sets_no_proxy(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with serving(always(answer(b"hi"))) as app, gateway() as made:
        result = await fetch(made, named(app))
    assert isinstance(result, RequestReply)
