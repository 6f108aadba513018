"""URLs as the client needs them: an origin to connect to and a target to ask for."""

from functools import lru_cache
from urllib.parse import quote, unquote_plus, urljoin, urlsplit

from msgspec import Struct

_PORTS = {"http": 80, "https": 443}
# Everything that may stand in a target as it is (RFC 3986), and "%" so that nothing is quoted twice.
_TARGET_SAFE = "/?:@!$&'()*+,;=-._~%[]"
_HOST_FORBIDDEN = frozenset('%/\\?#@<>^`{|}" ')
# Distinct URLs are functions times steps; beyond this the least used are parsed again.
_CACHE_SIZE = 4096


class Origin(Struct, frozen=True):
    """Scheme, host and port: what a connection belongs to.

    Attributes:
        text: Such as "https://example.com:443"; equal exactly when the origins are equal.
        is_tls: True for https.
        host: Name in lower case (IDNA), or an address without brackets.
        port: Always present, also when it is the scheme's own.
        authority: Value of the Host header: the port only when it is not the scheme's own.
    """

    text: str
    is_tls: bool
    host: str
    port: int
    authority: str


class Url(Struct, frozen=True):
    """An absolute http or https URL, ready to be sent.

    Attributes:
        origin: Where to connect.
        target: Path and query, ASCII, at least "/". A fragment is dropped.
    """

    origin: Origin
    target: str

    def __str__(self) -> str:
        scheme = "https" if self.origin.is_tls else "http"
        return f"{scheme}://{self.origin.authority}{self.target}"


class InvalidUrl(Struct, frozen=True):
    """Why a text is not a URL the client can call."""

    reason: str


@lru_cache(maxsize=_CACHE_SIZE)
def parse_url(text: str) -> Url | InvalidUrl:
    """Read an absolute http or https URL.

    User names and passwords are refused rather than sent on, control characters because they could
    add lines to the request. Other characters that need it are percent-encoded.
    """
    if any(character < " " or character == "\x7f" for character in text):
        return InvalidUrl("the URL contains control characters")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        return InvalidUrl(f"the URL cannot be read: {error}")

    if parts.scheme not in _PORTS:
        return InvalidUrl(f'the URL has scheme "{parts.scheme}"; only http and https can be called')
    if "@" in parts.netloc:
        return InvalidUrl("the URL contains a user name or password")
    host = _host(parts.hostname or "")
    if host is None or port == 0:
        return InvalidUrl("the URL has no valid host and port")

    try:
        target = quote(parts.path or "/", safe=_TARGET_SAFE)
        query = quote(parts.query, safe=_TARGET_SAFE)
    except UnicodeEncodeError:
        return InvalidUrl("the URL contains characters that cannot be encoded")
    return Url(_origin(parts.scheme, host, port), f"{target}?{query}" if query else target)


def redirect_url(current: Url, location: str, original: Url) -> Url | InvalidUrl:
    """The URL a redirect leads to, with the query parameters of the original call set on it.

    A parameter that both have keeps the original's values.

    Source: SDK protocol, 6.8.
    """
    try:
        absolute = urljoin(str(current), location)
    except ValueError as error:
        return InvalidUrl(f"the URL cannot be read: {error}")
    url = parse_url(absolute)
    _, _, original_query = original.target.partition("?")
    if isinstance(url, InvalidUrl) or not original_query:
        return url

    path, _, query = url.target.partition("?")
    kept = original_query.split("&")
    names = {_parameter_name(parameter) for parameter in kept}
    added = [p for p in query.split("&") if p and _parameter_name(p) not in names]
    return Url(url.origin, f"{path}?{'&'.join(added + kept)}")


def _host(hostname: str) -> str | None:
    if not hostname or not _HOST_FORBIDDEN.isdisjoint(hostname):
        return None
    if hostname.isascii():
        return hostname
    try:
        return hostname.encode("idna").decode("ascii")
    except UnicodeError:
        return None


def _origin(scheme: str, host: str, port: int | None) -> Origin:
    bracketed = f"[{host}]" if ":" in host else host
    number = _PORTS[scheme] if port is None else port
    return Origin(
        text=f"{scheme}://{bracketed}:{number}",
        is_tls=scheme == "https",
        host=host,
        port=number,
        authority=bracketed if number == _PORTS[scheme] else f"{bracketed}:{number}",
    )


def _parameter_name(parameter: str) -> str:
    return unquote_plus(parameter.partition("=")[0])
