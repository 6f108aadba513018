"""What arrives, as a response: framing, decoding and every limit."""

import gzip
import zlib

import pytest

from stepwell.drivers.gateway.reply_reader import HEAD_BYTES_MAX, ReplyReader

BODY = b'{"a":"' + b"x" * 1000 + b'"}'


def reader(*, method: str = "GET", body_bytes_max: int = 10_000) -> ReplyReader:
    return ReplyReader(method=method, body_bytes_max=body_bytes_max)


def response(body: bytes = b"", *, status: int = 200, headers: str = "") -> bytes:
    lines = "".join(f"{line}\r\n" for line in headers.splitlines())
    return f"HTTP/1.1 {status} X\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


def raw_deflate(body: bytes) -> bytes:
    encoder = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return encoder.compress(body) + encoder.flush()


@pytest.mark.parametrize("piece_bytes", [1, 7, 100_000])
def test_a_response_is_read_in_pieces_of_any_size(piece_bytes: int) -> None:
    read = reader()
    data = b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + response(b"hi", status=201, headers="A: b")
    for begin in range(0, len(data), piece_bytes):
        assert not read.is_complete
        read.feed(data[begin : begin + piece_bytes])
    assert (read.is_complete, read.failure) == (True, None)
    assert (read.status, read.body) == (201, b"hi")
    assert read.headers == {"a": "b", "content-length": "2"}


def test_values_of_a_repeated_header_are_joined() -> None:
    read = reader()
    read.feed(response(headers="Set-Cookie: a=1\nX: \xfc\nset-cookie:  b=2 "))
    assert read.headers["set-cookie"] == "a=1,b=2"


def test_chunks_are_joined_and_trailers_left_out() -> None:
    read = reader()
    read.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
    read.feed(b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: t\r\n\r\n")
    assert (read.is_complete, read.body, read.headers) == (True, b"abcde", {})


def test_a_body_without_length_ends_with_the_connection() -> None:
    read = reader()
    read.feed(b"HTTP/1.1 200 OK\r\n\r\nabc")
    assert not read.is_complete
    read.feed_eof()
    assert (read.is_complete, read.body) == (True, b"abc")


@pytest.mark.parametrize(
    ("data", "failure"),
    [
        (b"", "the connection was closed without an answer"),
        (b"HTTP/1.1 200 OK\r\nA: b", "the connection was closed without an answer"),
        (response(b"abc")[:-1], "the connection ended in the middle of the answer"),
    ],
)
def test_a_response_that_ends_too_early_is_none(data: bytes, failure: str) -> None:
    read = reader()
    read.feed(data)
    read.feed_eof()
    assert (read.is_complete, read.failure) == (False, failure)


def test_a_connection_that_is_reset_completes_nothing() -> None:
    read = reader()
    read.feed(b"HTTP/1.1 200 OK\r\n\r\nabc")
    read.cut_off()
    assert read.failure == "the connection ended in the middle of the answer"


@pytest.mark.parametrize(
    ("coding", "encoded"),
    [
        ("gzip", gzip.compress(BODY)),
        ("X-GZIP", gzip.compress(BODY[:500]) + gzip.compress(BODY[500:])),
        ("deflate", zlib.compress(BODY)),
        ("deflate", raw_deflate(BODY)),
        ("identity", BODY),
    ],
)
@pytest.mark.parametrize("piece_bytes", [1, 100_000])
def test_bodies_are_decoded(coding: str, encoded: bytes, piece_bytes: int) -> None:
    read = reader()
    data = response(encoded, headers=f"Content-Encoding: {coding}")
    for begin in range(0, len(data), piece_bytes):
        read.feed(data[begin : begin + piece_bytes])
    assert (read.failure, read.body) == (None, BODY)
    assert ("content-encoding" in read.headers) is (coding == "identity")


@pytest.mark.parametrize(
    ("coding", "encoded", "failure"),
    [
        ("br", b"abc", "the answer has an unsupported content encoding"),
        ("gzip, gzip", b"abc", "the answer has an unsupported content encoding"),
        ("gzip", b"abcdefghijkl", "the compressed body is broken"),
        ("gzip", gzip.compress(BODY)[:-4], "the compressed body ends too early"),
        ("gzip", gzip.compress(b"") * 101, "the compressed body is broken"),
        ("deflate", zlib.compress(BODY) + b"more", "the compressed body is broken"),
    ],
)
def test_a_body_that_cannot_be_decoded_is_a_failure(
    coding: str, encoded: bytes, failure: str
) -> None:
    read = reader()
    read.feed(response(encoded, headers=f"Content-Encoding: {coding}"))
    assert (read.is_complete, read.failure) == (False, failure)


@pytest.mark.parametrize(
    "data",
    [
        response(b"x" * 101),
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 101,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + b"x" * 101 + b"\r\n",
        response(gzip.compress(b"x" * 101), headers="Content-Encoding: gzip"),
        response(zlib.compress(b"x" * 100_000_000), headers="Content-Encoding: deflate"),
    ],
)
def test_a_body_above_the_limit_is_a_failure(data: bytes) -> None:
    read = reader(body_bytes_max=100)
    read.feed(data)
    assert read.failure == "the answer is longer than 100 bytes"
    assert read.is_too_large


def test_a_body_at_the_limit_is_read() -> None:
    read = reader(body_bytes_max=100)
    read.feed(response(b"x" * 100))
    assert read.is_complete


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * HEAD_BYTES_MAX,
        b"HTTP/1.1 103 Early\r\n\r\n" * (HEAD_BYTES_MAX // 22 + 1),
    ],
)
def test_headers_without_end_are_a_failure(data: bytes) -> None:
    read = reader()
    read.feed(data)
    assert read.failure == "the headers exceed 65536 bytes"


@pytest.mark.parametrize(
    ("data", "failure"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "the answer is not HTTP/1.1"),
        (
            b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
            "the server switched to another protocol",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: x\r\n\r\n",
            "the answer has an unsupported transfer encoding",
        ),
    ],
)
def test_what_cannot_be_read_is_a_failure(data: bytes, failure: str) -> None:
    read = reader()
    read.feed(data)
    assert read.failure == failure


@pytest.mark.parametrize(
    ("method", "data"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nContent-Encoding: br\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 None\r\nContent-Encoding: gzip\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Same\r\nContent-Length: 99\r\n\r\n"),
        ("GET", b"HTTP/1.1 302 Go\r\nLocation: /\r\nContent-Length: 99999\r\n\r\n"),
    ],
)
def test_some_responses_end_with_their_headers(method: str, data: bytes) -> None:
    read = reader(method=method)
    read.feed(data)
    assert (read.is_complete, read.failure, read.body) == (True, None, b"")
