"""What goes into the HTTP client and what comes out: requests, replies, and failures as values."""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import TypeAlias

from msgspec import Struct

from stepwell.drivers.http.url import Url

REQUEST_TIMEOUT_S = 7_200.0
"""Two hours from `send` to the last byte of the answer. Source: SDK protocol, 6.1."""

RESPONSE_BYTES_MAX = 8 * 1024 * 1024
"""Decoded bytes of one answer. Source: SDK protocol, 7.1."""


class HttpRequest(Struct, frozen=True):
    """One request, sent as it is; redirects are followed.

    Attributes:
        method: A token such as "POST". HEAD and CONNECT are refused.
        url: Absolute http or https URL; a parsed one saves the look-up of the text.
        headers: Pairs, checked before they are sent; or the bytes of whole header lines, each
            ended by CR LF, which are trusted. The client itself writes Host, Content-Length and
            Accept-Encoding.
        body: Sent with its length, never chunked.
        timeout_s: From `send` to the last byte of the answer, over all redirects.
        response_bytes_max: Decoded bytes of the answer; one more is `TOO_LARGE`.
        may_send: Asked once a connection was opened for it; as long as it says no, nothing is sent.
    """

    method: str
    url: Url | str
    headers: tuple[tuple[str, str], ...] | bytes = ()
    body: bytes = b""
    timeout_s: float = REQUEST_TIMEOUT_S
    response_bytes_max: int = RESPONSE_BYTES_MAX
    may_send: Callable[[], bool] | None = None


class HttpReply(Struct, frozen=True):
    """A complete answer of any status.

    Attributes:
        status: 200 to 999; 1xx never arrive here.
        headers: Names in lower case; values of a repeated header joined by ", ". Not to be changed:
            other replies may have the same ones.
        body: Decoded.
        url: What answered, after redirects; `str(url)` is its text.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: Url


class FailureKind(Enum):
    """Why there is no answer. Each says how far the request got."""

    INVALID_REQUEST = "invalid_request"
    """Nothing was sent: the URL cannot be called or a header cannot be written."""
    UNREACHABLE = "unreachable"
    """No connection (refused, no route, no such host), or closed before an answer began."""
    TLS = "tls"
    """Connected, but there was no agreement on TLS: bad certificate, or the peer speaks none."""
    RESET = "reset"
    """The answer began and the connection ended before it was complete."""
    TIMEOUT = "timeout"
    """`timeout_s` passed. The app may still be working on it."""
    TOO_LARGE = "too_large"
    """The answer is longer than `response_bytes_max`."""
    BAD_RESPONSE = "bad_response"
    """What arrived is not HTTP/1.1, or its compressed body is broken."""
    UNSUPPORTED_ENCODING = "unsupported_encoding"
    """The answer has a content encoding other than gzip."""
    TOO_MANY_REDIRECTS = "too_many_redirects"
    """More than 60 redirects."""
    INVALID_REDIRECT = "invalid_redirect"
    """A redirect leads to something that is not an http or https URL."""
    CLOSED = "closed"
    """The client was closed before the answer came."""


class HttpFailure(Struct, frozen=True):
    """Why there is no answer: a kind to decide by and a sentence to show.

    Attributes:
        kind: What went wrong.
        detail: One sentence for a person, without secrets.
        value: What was at fault: the content encoding, or the location of the redirect.
    """

    kind: FailureKind
    detail: str
    value: str = ""


HttpResult: TypeAlias = HttpReply | HttpFailure
Done: TypeAlias = Callable[[HttpResult], object]
