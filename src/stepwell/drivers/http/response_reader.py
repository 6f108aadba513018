"""Bytes in, one response out: parsing, decoding and every limit on an answer, without any I/O."""

import zlib
from functools import lru_cache
from typing import Final, NamedTuple

import httptools

from stepwell.drivers.http.inflating import Inflater
from stepwell.drivers.http.message import FailureKind, HttpFailure
from stepwell.drivers.http.redirects import REDIRECT_STATUSES

HEAD_BYTES_MAX = 64 * 1024
"""Bytes without a byte of body: 1xx answers, headers, trailers. Node allows 16 KiB, Go 1 MiB.

Counted per read of the socket, so that a head which fits into one read (256 KiB) is let through.
"""

_HEAD_END = b"\r\n\r\n"
# Answers without a body, whatever their headers say.
_BODILESS: Final = frozenset({204, 304})

# Heads that are remembered; all are forgotten when there are more.
_KNOWN_HEADS_MAX: Final = 512
_KNOWN_HEAD_BYTES_MAX: Final = 2048


class _KnownHead(NamedTuple):
    """What the parser has made of a head after which a body of a stated length is read as it is."""

    status: int
    headers: dict[str, str]
    body_bytes: int


# An app under load answers with the same few heads over and over: they change with the length of
# the body and, where the app sends a date, every second.
_known_heads: Final[dict[bytes, _KnownHead]] = {}


class _StopParsingError(Exception):
    """Stops the parser from inside a callback; the reader already knows why."""


# Most lines of an app's answers are the same every time.
@lru_cache(maxsize=512)
def _header(line: bytes) -> tuple[str, str]:
    name, _, value = line.decode("latin-1").partition(":")
    return name.lower(), value.strip(" \t")


def _headers(lines: list[bytes]) -> dict[str, str]:
    headers = dict(map(_header, lines))
    if len(headers) == len(lines):
        return headers
    values: dict[str, list[str]] = {}
    for name, value in map(_header, lines):
        values.setdefault(name, []).append(value)
    return {name: ", ".join(joined) for name, joined in values.items()}


class ResponseReader:
    """Reads the responses of one connection, one after the other.

    `begin`, then `feed` until `is_complete` or `failure`. A failure is final for the connection.

    Attributes:
        status: Status code, once the headers are complete.
        headers: Names in lower case, repeated values joined by ", "; shared with other answers.
        is_complete: The whole response has been read.
        is_reusable: The connection may carry another request.
        failure: Why the response cannot be used.
    """

    __slots__ = (
        "_body",
        "_body_bytes_max",
        "_gunzip",
        "_head",
        "_is_head_complete",
        "_parser",
        "_quiet_bytes",
        "_until_eof",
        "failure",
        "headers",
        "is_complete",
        "is_reusable",
        "status",
    )

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self.failure: HttpFailure | None = None
        self.begin(body_bytes_max=0)

    def begin(self, *, body_bytes_max: int) -> None:
        """Expect the next response."""
        assert self.failure is None
        self.status = 0
        self.headers: dict[str, str] = {}
        self.is_complete = False
        self.is_reusable = False
        self._body: bytes | bytearray = b""
        self._body_bytes_max = body_bytes_max
        self._gunzip: Inflater | None = None
        self._head = b""
        self._is_head_complete = False
        self._quiet_bytes = 0
        self._until_eof = False

    @property
    def body(self) -> bytes:
        """The decoded body."""
        body = self._body
        return body if isinstance(body, bytes) else bytes(body)

    @property
    def has_begun(self) -> bool:
        """Whether any byte of the response has arrived."""
        return self._quiet_bytes > 0 or self._is_head_complete

    def feed(self, data: bytes) -> None:
        """Take what the socket gave."""
        is_first = not self._quiet_bytes and not self._is_head_complete
        if is_first and self._feed_known(data):
            return
        self._quiet_bytes += len(data)
        if not self._is_head_complete:
            self._head += data
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(FailureKind.BAD_RESPONSE, "the server switched to another protocol")
        except httptools.HttpParserError as error:
            self._refuse(FailureKind.BAD_RESPONSE, f"not an HTTP response: {error}")
        if self._quiet_bytes > HEAD_BYTES_MAX:
            self._refuse(FailureKind.BAD_RESPONSE, f"headers exceed {HEAD_BYTES_MAX} bytes")
        if is_first and self.is_complete and self.is_reusable:
            self._remember_head(data)

    def feed_eof(self) -> None:
        """The peer has sent everything: completes a body without length, cuts off all else."""
        if self._is_head_complete and self._until_eof:
            self.on_message_complete()
        else:
            self.cut_off()

    def cut_off(self) -> None:
        """The connection is lost, so what is missing will not come."""
        if self._is_head_complete:
            self._refuse(FailureKind.RESET, "the connection ended in the middle of the answer")
        elif self._quiet_bytes:
            self._refuse(FailureKind.BAD_RESPONSE, "the connection ended in the headers")
        else:
            self._refuse(FailureKind.UNREACHABLE, "the connection was closed without an answer")

    def on_message_begin(self) -> None:
        """Called by the parser. Bytes after the answer mean that its end was not what it seemed."""
        if self.is_complete:
            raise _StopParsingError

    def on_headers_complete(self) -> None:
        """Called by the parser. Decides how the body is read, or that it is not read at all.

        The parser has checked every line. Splitting them here, instead of being called for each,
        halves the cost of an answer.
        """
        parser = self._parser
        status = parser.get_status_code()
        head, _, rest = self._head.partition(_HEAD_END)
        if not head.startswith(b"HTTP/"):  # the parser lets blank lines pass, and other protocols
            self._stop(FailureKind.BAD_RESPONSE, "the answer does not begin with HTTP/")
        if status < 200:
            self._head = rest
            return
        self._head = b""
        _, *lines = head.split(b"\r\n")
        self.headers = headers = _headers(lines)
        self.status = status
        self._is_head_complete = True
        self.is_reusable = parser.should_keep_alive()

        if "content-encoding" in headers and not (
            status in REDIRECT_STATUSES and "location" in headers
        ):
            self._choose_decoding(headers["content-encoding"])
        length = headers.get("content-length")
        if length is not None:
            is_body_plain = self._gunzip is None and status not in _BODILESS
            if is_body_plain and int(length) > self._body_bytes_max:
                self._stop_too_large()
        elif "transfer-encoding" not in headers:
            self._until_eof = status not in _BODILESS
        elif headers["transfer-encoding"].lower() != "chunked":
            coding = headers["transfer-encoding"]
            self._stop(FailureKind.BAD_RESPONSE, f'unsupported transfer encoding: "{coding}"')

    def on_body(self, chunk: bytes) -> None:
        """Called by the parser with a piece of the body, still encoded."""
        self._quiet_bytes = 0
        if self._gunzip is not None:
            self._append_decoded(self._gunzip, chunk)
        elif self._body or len(chunk) > self._body_bytes_max:
            self._append(chunk)
        else:
            self._body = chunk  # the whole of a small answer, kept without a copy

    def on_message_complete(self) -> None:
        """Called by the parser, after 1xx answers too."""
        if not self._is_head_complete:
            return
        if self._gunzip is not None and not self._gunzip.is_complete:
            self._refuse(FailureKind.BAD_RESPONSE, "the gzip body ends too early")
            return
        self.is_complete = True

    def _feed_known(self, data: bytes) -> bool:
        """Read a whole answer without the parser, if it has read its head before."""
        head_bytes = data.find(_HEAD_END) + len(_HEAD_END)
        known = _known_heads.get(data[:head_bytes])
        if known is None or len(data) - head_bytes != known.body_bytes:
            return False
        if known.body_bytes > self._body_bytes_max:
            return False
        self.status, self.headers, _ = known
        self._body = data[head_bytes:]
        self._is_head_complete = self.is_complete = self.is_reusable = True
        return True

    def _remember_head(self, data: bytes) -> None:
        """Remember the head of an answer that was complete with the first bytes that came."""
        body_bytes = len(self._body)
        head_bytes = len(data) - body_bytes
        if (
            head_bytes <= _KNOWN_HEAD_BYTES_MAX
            and data.find(_HEAD_END) + len(_HEAD_END) == head_bytes
            and self.headers.get("content-length") == str(body_bytes)
            and self._gunzip is None
            and self.status not in _BODILESS
        ):
            if len(_known_heads) >= _KNOWN_HEADS_MAX:
                _known_heads.clear()
            _known_heads[data[:head_bytes]] = _KnownHead(self.status, self.headers, body_bytes)

    def _choose_decoding(self, encoding: str) -> None:
        match encoding.lower():
            case "gzip" | "x-gzip":
                self._gunzip = Inflater(is_gzip=True)
            case "identity" | "":
                pass
            case _:
                self.failure = HttpFailure(
                    FailureKind.UNSUPPORTED_ENCODING,
                    f'unsupported content encoding: "{encoding}"',
                    encoding,
                )
                raise _StopParsingError

    def _append_decoded(self, gunzip: Inflater, chunk: bytes) -> None:
        try:
            for piece in gunzip.pieces(chunk):
                self._append(piece)
        except zlib.error as error:
            self._stop(FailureKind.BAD_RESPONSE, f"the gzip body is broken: {error}")

    def _append(self, piece: bytes) -> None:
        body = self._body
        if not body:
            self._body = body = piece
        else:
            if isinstance(body, bytes):
                self._body = body = bytearray(body)
            body += piece
        if len(body) > self._body_bytes_max:
            self._stop_too_large()

    def _stop_too_large(self) -> None:
        text = f"the answer is longer than {self._body_bytes_max} bytes"
        self._stop(FailureKind.TOO_LARGE, text)

    def _stop(self, kind: FailureKind, detail: str) -> None:
        self._refuse(kind, detail)
        raise _StopParsingError

    def _refuse(self, kind: FailureKind, detail: str) -> None:
        """Note the first failure. After a complete answer it only costs the connection."""
        self.is_reusable = False
        if not self.is_complete and self.failure is None:
            self.failure = HttpFailure(kind, detail)
