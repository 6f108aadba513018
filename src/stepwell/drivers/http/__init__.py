"""Calls to apps over HTTP/1.1."""

from stepwell.drivers.http.call import Call
from stepwell.drivers.http.client import HttpClient
from stepwell.drivers.http.driver import HttpDriver, OutcomeDone
from stepwell.drivers.http.message import (
    REQUEST_TIMEOUT_S,
    RESPONSE_BYTES_MAX,
    Done,
    FailureKind,
    HttpFailure,
    HttpReply,
    HttpRequest,
    HttpResult,
)
from stepwell.drivers.http.pool import PoolLimits
from stepwell.drivers.http.url import InvalidUrl, Origin, Url, parse_url

__all__ = [
    "REQUEST_TIMEOUT_S",
    "RESPONSE_BYTES_MAX",
    "Call",
    "Done",
    "FailureKind",
    "HttpClient",
    "HttpDriver",
    "HttpFailure",
    "HttpReply",
    "HttpRequest",
    "HttpResult",
    "InvalidUrl",
    "Origin",
    "OutcomeDone",
    "PoolLimits",
    "Url",
    "parse_url",
]
