"""What is sent, to where: the first request, and those that redirects ask for."""

import base64
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from msgspec import Struct

from stepwell import __version__
from stepwell.drivers.gateway.failure import RequestStoppedError
from stepwell.drivers.http.request_head import (
    InvalidHeaderError,
    header_lines,
    request_head,
)
from stepwell.drivers.http.url import InvalidUrl, Url, parse_url
from stepwell.engine.gateways import GatewayRequest

__all__ = ["REDIRECTS_MAX", "Hop", "first_hop", "next_hop"]

REDIRECTS_MAX: Final = 5

_METHOD_CHARS_MAX: Final = 32
# Tunnels, and a method that only shows what was sent, credentials included.
_METHODS_REFUSED: Final = frozenset({"CONNECT", "TRACE", "TRACK"})
# They concern one connection, or what the client itself decides.
_IGNORED: Final = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# What proves who asks is not for whoever is asked next.
_CREDENTIALS: Final = frozenset(
    {"api-key", "authorization", "cookie", "cookie2", "x-api-key", "x-goog-api-key"}
)
_OF_BODY: Final = frozenset(
    {"content-encoding", "content-language", "content-location", "content-type"}
)
_DEFAULTS: Final = {"accept": "*/*", "user-agent": f"stepwell/{__version__}"}
_URL_INVALID: Final = "the URL is not an absolute http or https URL"


class Hop(Struct, frozen=True):
    """One request.

    Attributes:
        headers: Names in lower case.
    """

    method: str
    url: Url
    headers: Mapping[str, str]
    body: bytes

    @property
    def shown_url(self) -> str:
        """Where it goes, without the query."""
        scheme = "https" if self.url.origin.is_tls else "http"
        path = self.url.target.partition("?")[0]
        return f"{scheme}://{self.url.origin.authority}{path}"

    def head(self) -> bytes:
        """Request line and headers with the empty line.

        Raises:
            RequestStoppedError: A header cannot be written.
        """
        try:
            lines = header_lines(tuple(self.headers.items()))
        except InvalidHeaderError:
            message = "a header has a name or a value that cannot be sent"
            raise RequestStoppedError(message, retryable=False) from None
        lines = b"Connection: close\r\n" + lines
        return request_head(self.method, self.url, lines, body_bytes=len(self.body))


def first_hop(request: GatewayRequest) -> Hop:
    """What is sent first.

    Headers that are not the app's to decide are left out. A user name and password in the URL are
    sent as such, unless there is an Authorization header.

    Raises:
        RequestStoppedError: The request cannot be made; repeating it could not help.
    """
    method = request.method
    letters = method.replace("-", "")
    is_sane = len(method) <= _METHOD_CHARS_MAX and letters.isascii() and letters.isalpha()
    if not is_sane or method in _METHODS_REFUSED:
        raise RequestStoppedError("requests with this method cannot be sent", retryable=False)
    address, authorization = _without_user(request.url)
    given = {name.lower(): text for name, text in request.headers.items()}
    headers = _DEFAULTS | authorization | _but(_IGNORED, given)
    return Hop(method, _parsed(address), headers, request.body)


def next_hop(hop: Hop, *, status: int, location: str) -> Hop:
    """Follow one redirect.

    307 and 308 repeat the request, 303 turns everything into GET, 301 and 302 do so with POST. To
    another origin go no credentials.

    Raises:
        RequestStoppedError: It leads to nothing that can be called.

    Source: the Fetch standard, HTTP-redirect fetch.
    """
    try:
        address = urljoin(str(hop.url), location)
    except ValueError:
        address = ""
    url = _parsed(address, wrong="the answer is a redirect that cannot be followed")
    method, headers, body = hop.method, hop.headers, hop.body
    is_changed = method == "POST" if status in {301, 302} else status == 303 and method != "HEAD"
    if is_changed:
        method, headers, body = "GET", _but(_OF_BODY, headers), b""
    if url.origin != hop.url.origin:
        headers = _but(_CREDENTIALS, headers)
    return Hop(method, url, headers, body)


def _but(names: Iterable[str], headers: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in headers.items() if name not in names}


def _parsed(address: str, *, wrong: str = _URL_INVALID) -> Url:
    # The function behind the cache: what is asked here can be secret, and is seldom asked again.
    url = parse_url.__wrapped__(address)
    if isinstance(url, InvalidUrl):
        raise RequestStoppedError(wrong, retryable=False)
    assert isinstance(url, Url)
    return url


def _without_user(address: str) -> tuple[str, dict[str, str]]:
    """The URL without user name and password, and the header that says them instead."""
    try:
        parts = urlsplit(address)
        user, at, host = parts.netloc.rpartition("@")
        if "\\" in parts.netloc:
            raise ValueError("browsers read another host")  # noqa: TRY301 - the same end
        if not at:
            return address, {}
        credentials = base64.b64encode(unquote(user).encode("utf-8", "replace")).decode()
        return urlunsplit(parts._replace(netloc=host)), {"authorization": f"Basic {credentials}"}
    except ValueError:
        raise RequestStoppedError(_URL_INVALID, retryable=False) from None
