"""The bytes before a request's body, written so that no value can add a line of its own."""

import re

from stepwell.drivers.http.url import Url

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# What decides where a message ends or what the answer may look like belongs to the client alone.
_OWN_HEADERS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# Answers to these have other framing rules than the reader knows.
_METHODS_REFUSED = frozenset({"HEAD", "CONNECT"})
# Proof of who sent the request; a signature is good for minutes, for whoever has read it.
_CREDENTIALS = frozenset({b"authorization", b"x-inngest-signature"})


class InvalidHeaderError(ValueError):
    """A header that cannot be written; it never leaves the client, which makes it a failure."""


def header_lines(headers: tuple[tuple[str, str], ...]) -> bytes:
    """Whole header lines, each ended by CR LF.

    Raises:
        InvalidHeaderError: A name is not a token or is the client's own, or a value contains a
            line break, NUL, or text that is not Unicode.
    """
    lines = []
    for name, value in headers:
        if _TOKEN.fullmatch(name) is None:
            raise InvalidHeaderError(f"{name!r} is not a header name")
        if name.lower() in _OWN_HEADERS:
            raise InvalidHeaderError(f"the header {name} cannot be set")
        if "\r" in value or "\n" in value or "\0" in value:
            raise InvalidHeaderError(f"the header {name} contains a line break or NUL")
        lines.append(f"{name}: {value}\r\n")
    try:
        return "".join(lines).encode()
    except UnicodeEncodeError as error:
        raise InvalidHeaderError("a header contains text that is not Unicode") from error


class HeaderTemplate:
    """Header lines of which only some values change from call to call.

    Costs a tenth of `header_lines`: values are not looked at one by one. A value that contains a
    line break shows because the block then has more of them than it has lines.
    """

    __slots__ = ("_line_count", "_template")

    def __init__(self, fixed: tuple[tuple[str, str], ...], changing: tuple[str, ...]) -> None:
        """Check and join what stays the same.

        Args:
            fixed: Names and values that are in every block.
            changing: Names of the headers whose values `fill` gets.

        Raises:
            InvalidHeaderError: As `header_lines`.
        """
        header_lines(tuple((name, "") for name in changing))
        self._line_count = len(fixed) + len(changing)
        block = header_lines(fixed).decode().replace("%", "%%")
        self._template = block + "".join(f"{name}: %s\r\n" for name in changing)

    def fill(self, *values: str) -> bytes:
        """The whole block with these values, in the order of the changing names.

        Raises:
            InvalidHeaderError: A value contains a line break, NUL, or text that is not Unicode.
        """
        block = self._template % values
        count = self._line_count
        if block.count("\n") != count or block.count("\r") != count or "\0" in block:
            raise InvalidHeaderError("a header contains a line break or NUL")
        try:
            return block.encode()
        except UnicodeEncodeError as error:
            raise InvalidHeaderError("a header contains text that is not Unicode") from error


def is_method(method: str) -> bool:
    """Whether the client can send requests with this method."""
    return _TOKEN.fullmatch(method) is not None and method not in _METHODS_REFUSED


def request_head(method: str, url: Url, headers: bytes, *, body_bytes: int) -> bytes:
    """Request line and headers up to and including the empty line."""
    # A GET without a body has no length (RFC 9110, 8.6); everything else states it, even 0.
    length = f"Content-Length: {body_bytes}\r\n" if body_bytes or method != "GET" else ""
    first_lines = (
        f"{method} {url.target} HTTP/1.1\r\nHost: {url.origin.authority}\r\n"
        f"Accept-Encoding: gzip\r\n{length}"
    )
    return b"%b%b\r\n" % (first_lines.encode("ascii"), headers)


def without_credentials(headers: bytes) -> bytes:
    """The same header lines without those that prove who sent them."""
    return b"".join(
        line
        for line in headers.splitlines(keepends=True)
        if line.partition(b":")[0].strip().lower() not in _CREDENTIALS
    )
