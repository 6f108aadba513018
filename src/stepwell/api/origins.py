"""Whether a request comes from our own pages: what browsers say, and pages cannot change."""

from typing import Final

from stepwell.api.body import Headers

__all__ = ["is_foreign", "is_same_origin"]

_DEFAULT_PORTS: Final = {b"http": b":80", b"https": b":443"}


def is_same_origin(headers: Headers) -> bool:
    """Whether a browser says that the page that asks is of this server; False if nobody says so.

    Either header is enough: proxies may change `Host`, and browsers send `Sec-Fetch-Site` only where
    connections are safe.

    Source: Fetch, 3.2; Fetch Metadata Request Headers, 2.3.
    """
    if headers.get(b"sec-fetch-site") == b"same-origin":
        return True
    scheme, _, origin = headers.get(b"origin", b"").lower().partition(b"://")
    host = headers.get(b"host", b"").lower()
    port = _DEFAULT_PORTS.get(scheme)
    if not host or port is None:
        return False
    return origin.removesuffix(port) == host.removesuffix(port)


def is_foreign(headers: Headers) -> bool:
    """Whether a browser says that the page that asks is of another server.

    Programs that are no browsers say nothing, and are not foreign.
    """
    if is_same_origin(headers):
        return False
    return b"origin" in headers or headers.get(b"sec-fetch-site", b"none") != b"none"
