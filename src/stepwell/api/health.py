"""`GET /health`, for container health checks.

Source: HTTP APIs, 3.7.
"""

from starlette.types import Receive, Scope, Send

from stepwell.api.responses import send_json
from stepwell.api.services import RouteTable

__all__ = ["HealthEndpoint"]


class HealthEndpoint:
    """Answers as long as the process serves requests; it does not ask the store."""

    def routes(self) -> RouteTable:
        """Where it is mounted."""
        return {"/health": {"GET": self}}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await send_json(send, 200, {"status": 200, "message": "OK"})
