"""The parts of the client that need no socket: URLs, request heads, the response reader."""

import gzip
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.drivers.http import FailureKind, InvalidUrl, Url, parse_url
from stepwell.drivers.http.request_head import (
    HeaderTemplate,
    InvalidHeaderError,
    header_lines,
    request_head,
)
from stepwell.drivers.http.response_reader import ResponseReader


@pytest.mark.parametrize(
    ("text", "authority", "host", "port", "target"),
    [
        ("http://localhost:3000/api/inngest", "localhost:3000", "localhost", 3000, "/api/inngest"),
        ("http://Example.COM", "example.com", "example.com", 80, "/"),
        ("https://example.com?a=b#c", "example.com", "example.com", 443, "/?a=b"),
        ("https://example.com:443/", "example.com", "example.com", 443, "/"),
        ("http://example.com:443/", "example.com:443", "example.com", 443, "/"),
        ("http://[::1]:8080/x", "[::1]:8080", "::1", 8080, "/x"),
        ("https://[2001:DB8::1]/", "[2001:db8::1]", "2001:db8::1", 443, "/"),
        ("http://bücher.example/ü?q=%20 ü", "xn--bcher-kva.example", "xn--bcher-kva.example", 80,
         "/%C3%BC?q=%20%20%C3%BC"),
    ],
)  # fmt: skip
def test_a_url_is_taken_apart(text: str, authority: str, host: str, port: int, target: str) -> None:
    url = parse_url(text)

    assert isinstance(url, Url)
    origin = url.origin
    assert (origin.authority, origin.host, origin.port) == (authority, host, port)
    assert url.target == target
    assert origin.is_tls == text.startswith("https")
    assert parse_url(str(url)) == url


@pytest.mark.parametrize(
    "text",
    ["", "/x", "ws://a/", "http://a:0/", "http://@a/", "http://a b/", "http://a\t/", "http://%/"],
)
def test_what_is_not_a_url_says_why(text: str) -> None:
    url = parse_url(text)

    assert isinstance(url, InvalidUrl)
    assert url.reason


@given(st.text())
def test_no_text_breaks_the_reading_of_urls(text: str) -> None:
    url = parse_url(f"http://a.example/{text}")

    if isinstance(url, Url):
        assert url.target.isascii()
        assert url.target.isprintable()
        assert " " not in url.target


_VALUES = st.tuples(st.text(), st.text())


@given(_VALUES)
def test_a_template_is_filled_exactly_as_lines_are_written(values: tuple[str, str]) -> None:
    template = HeaderTemplate((("X-Fixed", "100%"),), ("X-A", "X-B"))
    headers = (("X-Fixed", "100%"), ("X-A", values[0]), ("X-B", values[1]))
    try:
        expected = header_lines(headers)
    except InvalidHeaderError:
        with pytest.raises(InvalidHeaderError):
            template.fill(*values)
    else:
        assert template.fill(*values) == expected


def test_a_request_head_ends_with_an_empty_line() -> None:
    url = parse_url("http://a.example:81/x?y")
    assert isinstance(url, Url)

    assert request_head("POST", url, b"X-A: 1\r\n", body_bytes=2) == (
        b"POST /x?y HTTP/1.1\r\nHost: a.example:81\r\nAccept-Encoding: gzip\r\n"
        b"Content-Length: 2\r\nX-A: 1\r\n\r\n"
    )


_BODY = b'{"a": [1, 2, 3]}' * 10
_RESPONSES = [
    b"HTTP/1.1 200 OK\r\nA: 1\r\na:2\r\nContent-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY),
    b"HTTP/1.1 103 Early Hints\r\nA: x\r\n\r\nHTTP/1.1 200 OK\r\nA: 1, 2\r\n"
    b"Transfer-Encoding: Chunked\r\n\r\n50\r\n%b\r\n50;x\r\n%b\r\n0\r\nT: x\r\n\r\n"
    % (_BODY[:80], _BODY[80:]),
    b"HTTP/1.1 200 OK\r\nA: 1,  2\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b"
    % (len(gzip.compress(_BODY)), gzip.compress(_BODY)),
]


@pytest.mark.parametrize("response", _RESPONSES, ids=["length", "chunked", "gzip"])
@given(cuts=st.lists(st.integers(min_value=1, max_value=400)))
def test_it_does_not_matter_where_a_response_is_cut(response: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted({cut for cut in cuts if cut < len(response)}), len(response)]
    reader = ResponseReader()
    for _ in range(2):  # the second response on the same connection
        reader.begin(body_bytes_max=len(_BODY))
        for start, end in pairwise(edges):
            assert not reader.is_complete
            reader.feed(response[start:end])
        assert reader.failure is None
        assert (reader.is_complete, reader.is_reusable) == (True, True)
        assert (reader.status, reader.body) == (200, _BODY)
        assert reader.headers["a"].replace(" ", "") == "1,2"


@pytest.mark.parametrize("response", _RESPONSES, ids=["length", "chunked", "gzip"])
def test_a_head_that_was_read_before_excuses_nothing(response: bytes) -> None:
    reader = ResponseReader()
    for _ in range(2):
        reader.begin(body_bytes_max=len(_BODY))
        reader.feed(response)
        assert (reader.status, reader.body, reader.is_reusable) == (200, _BODY, True)

    reader.begin(body_bytes_max=len(_BODY))
    reader.feed(response + b"HTTP/1.1 200 OK\r\n")
    assert (reader.body, reader.is_complete, reader.is_reusable) == (_BODY, True, False)

    reader = ResponseReader()
    reader.begin(body_bytes_max=len(_BODY) - 1)
    reader.feed(response)
    assert reader.failure is not None
    assert reader.failure.kind is FailureKind.TOO_LARGE


@given(st.binary())
def test_no_bytes_break_the_reader(data: bytes) -> None:
    reader = ResponseReader()
    reader.begin(body_bytes_max=100)
    reader.feed(b"HTTP/1.1 " + data)
    if reader.failure is None and not reader.is_complete:
        reader.feed_eof()

    assert reader.is_complete is (reader.failure is None)


def test_an_empty_body_is_complete_whatever_its_encoding_promised() -> None:
    reader = ResponseReader()
    reader.begin(body_bytes_max=100)
    reader.feed(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n")

    assert (reader.is_complete, reader.body, reader.failure) == (True, b"", None)


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_cannot_have_a_body_has_none(status: int) -> None:
    reader = ResponseReader()
    reader.begin(body_bytes_max=100)
    reader.feed(b"HTTP/1.1 %d Nothing\r\n\r\n" % status)

    assert (reader.is_complete, reader.is_reusable) == (True, True)
    assert (reader.status, reader.body) == (status, b"")


def test_a_failure_names_the_encoding() -> None:
    reader = ResponseReader()
    reader.begin(body_bytes_max=100)
    reader.feed(b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\n")

    assert reader.failure is not None
    assert (reader.failure.kind, reader.failure.value) == (FailureKind.UNSUPPORTED_ENCODING, "br")
