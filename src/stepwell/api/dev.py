"""`GET /dev`: what a development server is and knows. SDKs find it by this route.

Source: HTTP APIs, 5.1.
"""

import msgspec
from starlette.types import Receive, Scope, Send

from stepwell.api.function_view import function_view
from stepwell.api.responses import Header, encode_json, send_answer
from stepwell.api.routing import send_not_found
from stepwell.api.services import ApiServices, ApiSettings, RouteTable

__all__ = ["DevEndpoint"]

_JSON: Header = (b"content-type", b"application/json; charset=utf-8")


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
        info = {
            "version": settings.version,
            "authed": False,
            "startOpts": settings.dev_options,
            "functions": [function_view(each) for each in functions if not each.archived],
            "handlers": None,
            "isSingleNodeService": False,
            "isMissingSigningKey": settings.signing_key is None,
            "isMissingEventKeys": not settings.event_keys,
            "features": {},
        }
        body = msgspec.json.format(encode_json(info), indent=2)
        await send_answer(send, 200, body, headers=(_JSON,))
