"""`GET /v1/openapi.json`: what this server's API is, for programs."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final

from starlette.types import Receive, Scope, Send

from stepwell.api.openapi.declaration import Declaration, DeclarationTable, Tag, json
from stepwell.api.responses import JSON, encode_json, send_answer
from stepwell.api.services import RouteTable

__all__ = ["DECLARATIONS", "OpenApiEndpoint"]

_PATH: Final = "/v1/openapi.json"

DECLARATIONS: Final[DeclarationTable] = {
    _PATH: {
        "GET": Declaration(
            "getOpenApi",
            "Read this document",
            Tag.SERVER,
            answers=(json(dict[str, Any], "OpenAPI 3.1"),),
        )
    }
}


class OpenApiEndpoint:
    """Shows a document.

    Args:
        describe: Makes it, once, when somebody asks: it takes some 30 ms, which no start has to
            wait for.
    """

    def __init__(self, describe: Callable[[], Mapping[str, Any]]) -> None:
        self._describe = describe

    def routes(self) -> RouteTable:
        """Where it is mounted."""
        return {_PATH: {"GET": self}}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await send_answer(send, 200, self._body, headers=(JSON,))

    @cached_property
    def _body(self) -> bytes:
        return encode_json(self._describe())
