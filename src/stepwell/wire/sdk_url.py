"""The address of an app's SDK endpoint, in the one form by which it is compared and called."""

from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

__all__ = ["SDK_URL_SCHEMES", "has_sdk_url_scheme", "normalise_url"]

SDK_URL_SCHEMES = frozenset({"http", "https", "ws", "wss"})

# Query parameters of a single request, not of the address.
_DROPPED_PARAMETERS = frozenset({"deployId", "probe"})
_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_LOCAL_HOSTS = frozenset({"127.0.0.1", "0.0.0.0"})  # noqa: S104 - compared, nothing listens


def normalise_url(url: str) -> str:
    """The URL without what does not identify the app, so that equal addresses are equal texts.

    `deployId` and `probe` are removed, the query is encoded anew and sorted by key, the scheme's
    default port is removed; with another port, 127.0.0.1 and 0.0.0.0 become localhost. A text that
    is no URL comes back unchanged. Normalising twice changes nothing.

    Departs from the protocol in that a port is only removed if it is the default of the URL's own
    scheme: `http://host:443` is another address than `http://host`.

    Source: SDK protocol, 4.6, step 1.
    """
    try:
        parts = urlsplit(url)
        authority = _authority(parts)
        parameters = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:  # a malformed IPv6 address or port, or a query with too many parameters
        return url
    kept = sorted(
        (pair for pair in parameters if pair[0] not in _DROPPED_PARAMETERS),
        key=lambda pair: pair[0],
    )
    return urlunsplit(parts._replace(netloc=authority, query=urlencode(kept)))


def has_sdk_url_scheme(url: str) -> bool:
    """Whether the URL can be called: `http`, `https`, `ws` or `wss`, a host, and a sane port."""
    if any(character < " " or character == "\x7f" for character in url):
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme in SDK_URL_SCHEMES and bool(parts.hostname) and port != 0


def _authority(parts: SplitResult) -> str:
    port = parts.port
    if port is None:
        return parts.netloc
    credentials, at, _ = parts.netloc.rpartition("@")
    host = parts.netloc[len(credentials) + len(at) :].rpartition(":")[0]
    if port == _DEFAULT_PORTS.get(parts.scheme):
        return f"{credentials}{at}{host}"
    return f"{credentials}{at}{'localhost' if host in _LOCAL_HOSTS else host}:{port}"
