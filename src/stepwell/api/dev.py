"""`GET /dev`: what a development server is and knows. SDKs find it by this route.

Source: HTTP APIs, 5.1.
"""

from typing import Any, Final

import msgspec
from starlette.types import Receive, Scope, Send

from stepwell.api.function_view import function_view
from stepwell.api.openapi import Declaration, DeclarationTable, Tag, json, text_of
from stepwell.api.responses import Header, encode_json, send_answer
from stepwell.api.routing import send_not_found
from stepwell.api.services import ApiServices, ApiSettings, DevOptions, RouteTable

__all__ = ["DECLARATIONS", "DevEndpoint"]

_JSON: Header = (b"content-type", b"application/json; charset=utf-8")


class DevInfo(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={
        "options": "startOpts",
        "is_single_node_service": "isSingleNodeService",
        "is_missing_signing_key": "isMissingSigningKey",
        "is_missing_event_keys": "isMissingEventKeys",
    },
):
    """What a development server says about itself.

    Attributes:
        options: How it was started.
        functions: Those that are registered, in the spelling of the SDKs.
    """

    version: str
    authed: bool = False
    options: DevOptions
    functions: list[dict[str, Any]]
    handlers: None = None
    is_single_node_service: bool = False
    is_missing_signing_key: bool
    is_missing_event_keys: bool
    features: dict[str, bool] = {}


DECLARATIONS: Final[DeclarationTable] = {
    "/dev": {
        "GET": Declaration(
            "getDevInfo",
            "Read what a development server knows",
            Tag.SERVER,
            answers=(json(DevInfo), text_of("text/plain", "In production", status=404)),
        )
    }
}


class DevEndpoint:
    """Shows how the server was started and which functions are registered; in production, 404."""

    def __init__(self, services: ApiServices, settings: ApiSettings) -> None:
        self._catalogue = services.catalogue
        self._settings = settings

    def routes(self) -> RouteTable:
        """Where it is mounted."""
        return {"/dev": {"GET": self}}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        settings = self._settings
        if settings.server_kind != "dev":
            await send_not_found(scope, receive, send)
            return
        functions = self._catalogue.functions
        info = DevInfo(
            version=settings.version,
            options=settings.dev_options,
            functions=[function_view(each) for each in functions if not each.archived],
            is_missing_signing_key=settings.signing_key is None,
            is_missing_event_keys=not settings.event_keys,
        )
        body = msgspec.json.format(encode_json(info), indent=2)
        await send_answer(send, 200, body, headers=(_JSON,))
