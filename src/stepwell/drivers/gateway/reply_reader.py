"""Bytes in, one response out, without any I/O.

Unlike the reader for answers of apps it serves any method and reads one response per connection.
"""

import zlib
from typing import Final

import httptools

from stepwell.drivers.http.inflating import Inflater
from stepwell.drivers.http.redirects import REDIRECT_STATUSES

__all__ = ["HEAD_BYTES_MAX", "ReplyReader"]

HEAD_BYTES_MAX: Final = 64 * 1024
"""Bytes without a byte of body: 1xx answers, headers, sizes of chunks, trailers."""

_CODINGS: Final = {"gzip": True, "x-gzip": True, "deflate": False}
# They tell how this connection brought the body, which is decoded when it is passed on.
_OF_CONNECTION: Final = ("connection", "keep-alive", "transfer-encoding")
_OF_CODING: Final = ("content-encoding", "content-length")


class _StopParsingError(Exception):
    """Stops the parser from inside a callback; the reader already knows why."""


class ReplyReader:
    """Reads one response: `feed` until `is_complete` or `failure`.

    The body of a redirect is not read.

    Attributes:
        status: Status code, once the headers are complete.
        is_complete: Everything that is wanted has been read.
        failure: Why the response cannot be used, for people.
        is_too_large: Whether it is because of its size.
    """

    def __init__(self, *, method: str, body_bytes_max: int) -> None:
        self.status = 0
        self.is_complete = False
        self.failure: str | None = None
        self.is_too_large = False
        self._parser = httptools.HttpResponseParser(self)
        self._method = method
        self._body_bytes_max = body_bytes_max
        self._headers: dict[str, list[str]] = {}
        self._is_head_complete = False
        self._until_eof = False
        self._inflater: Inflater | None = None
        self._body = bytearray()
        self._quiet_bytes = 0

    @property
    def body(self) -> bytes:
        """The decoded body."""
        return bytes(self._body)

    @property
    def headers(self) -> dict[str, str]:
        """Names in lower case, values of a repeated header joined by ","."""
        dropped = _OF_CONNECTION if self._inflater is None else _OF_CONNECTION + _OF_CODING
        return {
            name: ",".join(values) for name, values in self._headers.items() if name not in dropped
        }

    def feed(self, data: bytes) -> None:
        """Take what the socket gave."""
        self._quiet_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse("the server switched to another protocol")
        except httptools.HttpParserError:
            self._refuse("the answer is not HTTP/1.1")
        if self._quiet_bytes > HEAD_BYTES_MAX:
            self._refuse(f"the headers exceed {HEAD_BYTES_MAX} bytes")

    def feed_eof(self) -> None:
        """The peer has sent everything: completes a body without length, cuts off all else."""
        if self._is_head_complete and self._until_eof:
            self.on_message_complete()
        else:
            self.cut_off()

    def cut_off(self) -> None:
        """The connection is lost, so what is missing will not come."""
        if self._is_head_complete:
            self._refuse("the connection ended in the middle of the answer")
        else:
            self._refuse("the connection was closed without an answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser, for trailers too, which say nothing that would be needed."""
        if not self._is_head_complete:
            values = self._headers.setdefault(name.decode("latin-1").lower(), [])
            values.append(value.decode("latin-1").strip(" \t"))

    def on_headers_complete(self) -> None:
        """Called by the parser. Decides how the body is read, or that it is not read at all."""
        status = self._parser.get_status_code()
        if status < 200:
            self._headers.clear()
            return
        self.status = status
        self._is_head_complete = True
        headers = self._headers
        is_redirect = status in REDIRECT_STATUSES and "location" in headers
        if self._method == "HEAD" or status in {204, 304} or is_redirect:
            self.is_complete = True
            raise _StopParsingError
        self._choose_decoding(", ".join(headers.get("content-encoding", ())).lower())
        if "transfer-encoding" in headers:
            if headers["transfer-encoding"][-1].lower() != "chunked":
                self._stop("the answer has an unsupported transfer encoding")
        elif "content-length" not in headers:
            self._until_eof = True
        elif self._inflater is None and int(headers["content-length"][0]) > self._body_bytes_max:
            self._stop_too_large()

    def on_body(self, chunk: bytes) -> None:
        """Called by the parser with a piece of the body, still encoded."""
        self._quiet_bytes = 0
        if self._inflater is None:
            self._append(chunk)
            return
        try:
            for piece in self._inflater.pieces(chunk):
                self._append(piece)
        except zlib.error:
            self._stop("the compressed body is broken")

    def on_message_complete(self) -> None:
        """Called by the parser, after 1xx answers too."""
        if not self._is_head_complete:
            return
        if self._inflater is not None and not self._inflater.is_complete:
            self._refuse("the compressed body ends too early")
            return
        self.is_complete = True

    def _choose_decoding(self, coding: str) -> None:
        if coding in _CODINGS:
            self._inflater = Inflater(is_gzip=_CODINGS[coding])
        elif coding not in {"", "identity"}:
            self._stop("the answer has an unsupported content encoding")

    def _append(self, piece: bytes) -> None:
        self._body += piece
        if len(self._body) > self._body_bytes_max:
            self._stop_too_large()

    def _stop_too_large(self) -> None:
        self.is_too_large = True
        self._stop(f"the answer is longer than {self._body_bytes_max} bytes")

    def _stop(self, why: str) -> None:
        self._refuse(why)
        raise _StopParsingError

    def _refuse(self, why: str) -> None:
        """Note the first failure; after a complete answer there is none."""
        if not self.is_complete and self.failure is None:
            self.failure = why
