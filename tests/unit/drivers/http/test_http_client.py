"""What the client makes of an app's answers, over real sockets."""

import asyncio
import gzip
import socket

import pytest

from stepwell.drivers.http import (
    FailureKind,
    HttpClient,
    HttpFailure,
    HttpReply,
    HttpRequest,
    HttpResult,
)
from tests.unit.drivers.http.scripted_app import Peer, Received, always, answer, serving, until

pytestmark = pytest.mark.anyio


async def _post(
    client: HttpClient,
    url: str,
    body: bytes = b"{}",
    *,
    timeout_s: float = 60,
    bytes_max: int = 1000,
) -> HttpResult:
    request = HttpRequest(
        "POST", url, (("Content-Type", "application/json"),), body, timeout_s, bytes_max
    )
    return await client.fetch(request)


async def test_a_request_arrives_as_it_was_meant(client: HttpClient) -> None:
    async with serving(always(answer())) as app:
        result = await _post(client, f"{app.origin}/api/inngest?fnId=a&stepId=b", b'{"a":1}')

    assert isinstance(result, HttpReply)
    assert app.requests == [
        Received(
            "POST",
            "/api/inngest?fnId=a&stepId=b",
            (
                f"Host: {app.origin.removeprefix('http://')}",
                "Accept-Encoding: gzip",
                "Content-Length: 7",
                "Content-Type: application/json",
            ),
            b'{"a":1}',
        )
    ]


async def test_an_answer_is_handed_over_whole(client: HttpClient) -> None:
    response = answer(b"[1]", status=206, headers="X-Inngest-SDK: py \nA: 1\na: 2")
    async with serving(always(response)) as app:
        result = await _post(client, f"{app.origin}/x#fragment")

    assert isinstance(result, HttpReply)
    assert result.status == 206
    assert result.headers == {"x-inngest-sdk": "py", "a": "1, 2", "content-length": "3"}
    assert result.body == b"[1]"
    assert str(result.url) == f"{app.origin}/x"


async def test_connections_are_kept_and_the_last_used_is_used_next(client: HttpClient) -> None:
    async with serving(always(answer())) as app:
        await asyncio.gather(*(_post(client, app.origin) for _ in range(3)))
        assert (app.connections, client.idle_count) == (3, 3)
        for _ in range(5):
            await _post(client, app.origin)

    assert app.connections == 3
    assert len(app.requests) == 8


async def test_a_get_without_body_has_no_length_and_an_empty_put_has_one(
    client: HttpClient,
) -> None:
    async with serving(always(answer())) as app:
        await client.fetch(HttpRequest("GET", app.origin))
        await client.fetch(HttpRequest("PUT", app.origin))

    assert [request.header("content-length") for request in app.requests] == [None, "0"]


async def test_a_chunked_answer_is_put_together_and_its_trailers_ignored(
    client: HttpClient,
) -> None:
    response = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n"
    )
    async with serving(always(response)) as app:
        results = [await _post(client, app.origin) for _ in range(2)]

    for result in results:
        assert isinstance(result, HttpReply)
        assert result.body == b"abcde"
        assert "x-trailer" not in result.headers
    assert app.connections == 1


async def test_an_answer_may_arrive_byte_by_byte(client: HttpClient) -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        for byte in answer(b"slow", headers="A: b"):
            await peer.send(bytes([byte]))
            await asyncio.sleep(0)

    async with serving(talk) as app:
        result = await _post(client, app.origin)

    assert isinstance(result, HttpReply)
    assert result.headers["a"] == "b"
    assert result.body == b"slow"


async def test_informational_answers_are_skipped(client: HttpClient) -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    async with serving(always(early + answer(b"1"))) as app:
        results = [await _post(client, app.origin) for _ in range(2)]

    for result in results:
        assert isinstance(result, HttpReply)
        assert (result.status, result.headers, result.body) == (200, {"content-length": "1"}, b"1")
    assert app.connections == 1


async def test_an_answer_without_length_ends_with_the_connection(client: HttpClient) -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nabc")
        await peer.send(b"def")

    async with serving(talk) as app:
        result = await _post(client, app.origin)

    assert isinstance(result, HttpReply)
    assert result.body == b"abcdef"


@pytest.mark.parametrize(
    "response",
    [
        answer(headers="Connection: close"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        answer() + b"surplus",
        answer() + answer(),
    ],
    ids=["connection: close", "HTTP/1.0", "surplus bytes", "two answers"],
)
async def test_a_connection_is_not_used_again_after(response: bytes, client: HttpClient) -> None:
    async with serving(always(response)) as app:
        results = [await _post(client, app.origin) for _ in range(2)]
        assert client.idle_count == 0

    assert [r.body for r in results if isinstance(r, HttpReply)] == [b"{}", b"{}"]
    assert app.connections == 2


async def test_a_half_closed_connection_is_not_used_again(client: HttpClient) -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer())
        peer.end()
        await peer.closed()

    async with serving(talk) as app:
        assert isinstance(await _post(client, app.origin), HttpReply)
        await until(lambda: client.connection_count == 0)
        assert isinstance(await _post(client, app.origin), HttpReply)

    assert app.connections == 2


async def test_bytes_nobody_asked_for_cost_the_connection(client: HttpClient) -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer())
        if peer.number == 1:
            await until(lambda: client.idle_count == 1)
            await peer.send(answer(b"late", status=408))
        await peer.closed()

    async with serving(talk) as app:
        await _post(client, app.origin)
        await until(lambda: client.idle_count == 1)
        await until(lambda: client.connection_count == 0)
        result = await _post(client, app.origin)

    assert isinstance(result, HttpReply)
    assert result.body == b"{}"


async def test_an_answer_may_come_while_the_body_is_still_being_sent(client: HttpClient) -> None:
    async def talk(peer: Peer) -> None:
        await peer.head()
        await peer.send(answer(b"too large", status=413))
        if peer.number == 2:
            await peer.closed()
        else:
            await until(lambda: client.connection_count == 0)

    async with serving(talk) as app:
        result = await _post(client, app.origin, bytes(32 * 1024 * 1024))
        assert isinstance(result, HttpReply)
        assert (result.status, result.body) == (413, b"too large")
        assert client.idle_count == 0
        await until(lambda: client.connection_count == 0)


async def test_a_large_body_arrives_whole(client: HttpClient) -> None:
    body = bytes(range(256)) * 16 * 1024
    async with serving(always(answer())) as app:
        result = await _post(client, app.origin, body)

    assert isinstance(result, HttpReply)
    assert app.requests[0].body == body


async def test_gzip_is_decoded(client: HttpClient) -> None:
    body = gzip.compress(b"ab" * 100) + gzip.compress(b"c")
    async with serving(always(answer(body, headers="Content-Encoding: GZIP"))) as app:
        result = await _post(client, app.origin)

    assert isinstance(result, HttpReply)
    assert result.body == b"ab" * 100 + b"c"


@pytest.mark.parametrize("encoding", ["br", "gzip, br", "deflate"])
async def test_other_encodings_are_refused_by_name(encoding: str, client: HttpClient) -> None:
    async with serving(always(answer(headers=f"Content-Encoding: {encoding}"))) as app:
        result = await _post(client, app.origin)

    assert result == HttpFailure(
        FailureKind.UNSUPPORTED_ENCODING, f'unsupported content encoding: "{encoding}"', encoding
    )


@pytest.mark.parametrize(
    "too_large",
    [
        answer(bytes(1001)),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3E9\r\n" + bytes(1001),
        b"HTTP/1.1 200 OK\r\n\r\n" + bytes(1001),
        answer(gzip.compress(bytes(1001)), headers="Content-Encoding: gzip"),
        answer(gzip.compress(bytes(50_000_000)), headers="Content-Encoding: gzip"),
    ],
    ids=["length", "chunked", "until the end", "gzip", "gzip bomb"],
)
async def test_one_byte_more_than_allowed_is_too_large(
    too_large: bytes, client: HttpClient
) -> None:
    async with serving(always(too_large)) as app:
        result = await _post(client, app.origin, bytes_max=1000)

    assert isinstance(result, HttpFailure)
    assert result.kind is FailureKind.TOO_LARGE


@pytest.mark.parametrize(
    "allowed",
    [
        answer(bytes(1000)),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3E8\r\n"
        + bytes(1000)
        + b"\r\n0\r\n\r\n",
        answer(gzip.compress(bytes(1000)), headers="Content-Encoding: gzip"),
    ],
    ids=["length", "chunked", "gzip"],
)
async def test_as_many_bytes_as_allowed_are_not_too_large(
    allowed: bytes, client: HttpClient
) -> None:
    async with serving(always(allowed)) as app:
        result = await _post(client, app.origin, bytes_max=1000)

    assert isinstance(result, HttpReply)
    assert result.body == bytes(1000)


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"a" * 1_000_000,
        b"HTTP/1.1 200 OK\r\n" + b"A: a\r\n" * 200_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 50_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: a\r\n" * 200_000,
        answer(b"not gzip", headers="Content-Encoding: gzip"),
        answer(gzip.compress(b"{}")[:-1], headers="Content-Encoding: gzip"),
        answer(gzip.compress(b"") * 101, headers="Content-Encoding: gzip"),
    ],
    ids=[
        "another protocol",
        "blank lines first",
        "two lengths",
        "unknown framing",
        "switched protocols",
        "endless header",
        "endless headers",
        "endless 1xx",
        "endless trailers",
        "not gzip",
        "cut gzip",
        "endless gzip members",
    ],
)
async def test_garbage_is_a_bad_response(garbage: bytes, client: HttpClient) -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.send(garbage)
        await peer.closed()

    async with serving(talk) as app:
        result = await _post(client, app.origin, bytes_max=10_000)
        await until(lambda: client.connection_count == 0)

    assert isinstance(result, HttpFailure)
    assert result.kind is FailureKind.BAD_RESPONSE


async def test_a_head_that_ends_early_is_a_bad_response(client: HttpClient) -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-")

    async with serving(talk) as app:
        result = await _post(client, app.origin)

    assert isinstance(result, HttpFailure)
    assert result.kind is FailureKind.BAD_RESPONSE


@pytest.mark.parametrize(
    "beginning",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ],
)
async def test_a_body_that_ends_early_is_a_reset(beginning: bytes, client: HttpClient) -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.send(beginning)

    async with serving(talk) as app:
        result = await _post(client, app.origin)

    assert isinstance(result, HttpFailure)
    assert result.kind is FailureKind.RESET


async def test_an_aborted_connection_does_not_complete_a_body_without_length(
    client: HttpClient,
) -> None:
    """Only a proper end says that this was all."""

    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nabc")
        peer.reset()

    async with serving(talk) as app:
        result = await _post(client, app.origin)

    assert isinstance(result, HttpFailure)
    assert result.kind is FailureKind.RESET


async def test_a_new_connection_closed_without_an_answer_is_unreachable(
    client: HttpClient,
) -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()

    async with serving(talk) as app:
        result = await _post(client, app.origin)

    assert result == HttpFailure(
        FailureKind.UNREACHABLE, "the connection was closed without an answer"
    )
    assert app.connections == 1


async def test_a_refused_connection_is_unreachable(client: HttpClient) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        result = await _post(client, f"http://127.0.0.1:{port}/")

    assert result == HttpFailure(
        FailureKind.UNREACHABLE, f"cannot connect to 127.0.0.1:{port}: Connection refused"
    )


@pytest.mark.parametrize(
    "url",
    [
        "ftp://localhost/",
        "localhost:3000/api/inngest",
        "http://",
        "http://user:secret@localhost/",
        "http://localhost:99999/",
        "http://localhost/\r\nX-Injected: 1",
        "http://[::1/",
    ],
)
async def test_what_cannot_be_called_is_an_invalid_request(url: str, client: HttpClient) -> None:
    result = await _post(client, url)

    assert isinstance(result, HttpFailure)
    assert result.kind is FailureKind.INVALID_REQUEST
    assert "secret" not in result.detail


@pytest.mark.parametrize(
    "header",
    [
        ("X-A", "a\r\nX-Injected: 1"),
        ("X-A", "a\n"),
        ("X-A", "a\0"),
        ("X-A\r\nX-Injected", "1"),
        ("", "1"),
        ("Content-Length", "0"),
        ("X-A", "\ud800"),
    ],
)
async def test_headers_cannot_be_smuggled_in(header: tuple[str, str], client: HttpClient) -> None:
    result = await client.fetch(HttpRequest("POST", "http://127.0.0.1:1/", (header,)))

    assert isinstance(result, HttpFailure)
    assert result.kind is FailureKind.INVALID_REQUEST


@pytest.mark.parametrize("method", ["HEAD", "CONNECT", "", "GET /x HTTP/1.1\r\n"])
async def test_other_methods_are_refused(method: str, client: HttpClient) -> None:
    result = await client.fetch(HttpRequest(method, "http://127.0.0.1:1/"))

    assert isinstance(result, HttpFailure)
    assert result.kind is FailureKind.INVALID_REQUEST
