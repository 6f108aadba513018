"""Which path a server in production opens to whom.

Apps have the signing key, and need what SDKs call and the REST API of the reference. What looks into
everything or changes how functions run is for those who run the server, who have the operator token.

Source: HTTP APIs, 1.3 and 2.2.
"""

import enum
import re
from typing import Final

from stepwell.api.checkpoint import is_output_path
from stepwell.dashboard.paths import first_segment, may_be_page

__all__ = ["SIGN_IN_PATH", "Access", "access_of"]

SIGN_IN_PATH: Final = "/v0/session"


class Access(enum.Flag):
    """What opens a path: any of these, or nothing is asked for."""

    OPEN = 0
    SIGNING_KEY = enum.auto()
    OPERATOR = enum.auto()
    METRICS = enum.auto()


#: First segments of the paths that nobody may use without proof, whether there is a route or not.
_PROTECTED: Final = frozenset(
    {"api", "debug", "dev", "fn", "invoke", "mcp", "metrics", "v0", "v1", "v2"}
)

#: What SDKs call. That they prove themselves with the signing key is a part of their protocol.
_OF_SDKS: Final = re.compile(
    r"/fn/.*|/v0/connect/.*|/v0/runs/[^/]+/(batch|actions)|/v1/(checkpoint|traces|realtime)(/.*)?",
    # A segment may be any text, also of several lines.
    re.DOTALL,
)
#: What the reference opens to the signing key, and operators want, too.
_SHARED: Final = re.compile(
    r"/dev|/invoke(/.*)?|/v0/runs/[^/]+|/v0/telemetry|(/api)?/v2(/.*)?"
    r"|/v1/events(/[^/]+(/runs)?)?|/v1/runs/[^/]+(/jobs|/metadata)?|/v1/apps/.+/functions"
    r"|/v1/signals|/v1/cancellations(/[^/]+)?|/v1/openapi\.json",
    re.DOTALL,
)
_ENVIRONMENT_METRICS: Final = re.compile(r"/v1/prom/[^/]+")


def access_of(path: str) -> Access:
    """What a server in production asks for; whatever is new is for operators until it is listed."""
    if first_segment(path) not in _PROTECTED or may_be_page(path):
        return Access.OPEN
    # Who signs in has no session yet. The output of a run needs the run's own token instead, because
    # browsers are sent there.
    if path == SIGN_IN_PATH or is_output_path(path):
        return Access.OPEN
    if path == "/metrics":
        return Access.OPERATOR | Access.METRICS
    if _ENVIRONMENT_METRICS.fullmatch(path):
        return Access.SIGNING_KEY | Access.OPERATOR | Access.METRICS
    if _OF_SDKS.fullmatch(path):
        return Access.SIGNING_KEY
    if _SHARED.fullmatch(path):
        return Access.SIGNING_KEY | Access.OPERATOR
    return Access.OPERATOR
