"""`GET /health`, for container health checks.

Source: HTTP APIs, 3.7.
"""

from typing import Final

import msgspec
from starlette.types import Receive, Scope, Send

from stepwell.api.openapi import Declaration, DeclarationTable, Tag, json
from stepwell.api.responses import send_json
from stepwell.api.services import RouteTable

__all__ = ["DECLARATIONS", "HealthEndpoint"]


class Health(msgspec.Struct, frozen=True):
    """That the server serves requests."""

    status: int = 200
    message: str = "OK"


DECLARATIONS: Final[DeclarationTable] = {
    "/health": {
        "GET": Declaration(
            "getHealth",
            "Check health",
            Tag.SERVER,
            text="Answers while the server serves requests, even if its database does not answer.",
            answers=(json(Health),),
        )
    }
}


class HealthEndpoint:
    """Answers as long as the process serves requests; it does not ask the store."""

    def routes(self) -> RouteTable:
        """Where it is mounted."""
        return {"/health": {"GET": self}}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await send_json(send, 200, Health())
