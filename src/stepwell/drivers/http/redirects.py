"""Where a redirect leads, and what is sent there."""

from msgspec import Struct
from msgspec.structs import replace

from stepwell.drivers.http.message import FailureKind, HttpFailure
from stepwell.drivers.http.request_head import without_credentials
from stepwell.drivers.http.url import InvalidUrl, Url, redirect_url

REDIRECTS_MAX = 60
"""Source: SDK protocol, 6.8."""

REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
_KEEP_METHOD = frozenset({307, 308})


class Hop(Struct, frozen=True):
    """One request of a call: the first, or one that a redirect asked for.

    Attributes:
        method: As sent.
        url: As sent.
        headers: Whole header lines.
        redirects: How many led here.
    """

    method: str
    url: Url
    headers: bytes
    redirects: int = 0


def next_hop(hop: Hop, original: Url, *, status: int, location: str) -> Hop | HttpFailure:
    """Follow one redirect.

    307 and 308 keep the method, 301, 302 and 303 turn it into GET. Body and headers are sent again
    to wherever the redirect leads, as the reference does: hosts answer long calls by redirecting
    to another origin, and the SDK there checks the same signature. Only on the way from https to
    http are signature and authorization left out, because anyone on that way could reuse them.

    Args:
        hop: The request that was answered with a redirect.
        original: URL of the call, whose query parameters are set on every location.
        status: One of `REDIRECT_STATUSES`.
        location: The Location header; may be relative.

    Source: SDK protocol, 6.8.
    """
    assert status in REDIRECT_STATUSES
    if hop.redirects >= REDIRECTS_MAX:
        return HttpFailure(
            FailureKind.TOO_MANY_REDIRECTS, f"stopped after {REDIRECTS_MAX} redirects"
        )
    url = redirect_url(hop.url, location, original)
    if isinstance(url, InvalidUrl):
        detail = f"redirect that cannot be followed: {url.reason}"
        return HttpFailure(FailureKind.INVALID_REDIRECT, detail, location)

    headers = hop.headers
    if hop.url.origin.is_tls and not url.origin.is_tls:
        headers = without_credentials(headers)
    method = hop.method if status in _KEEP_METHOD else "GET"
    return replace(hop, method=method, url=url, headers=headers, redirects=hop.redirects + 1)
