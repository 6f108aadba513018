"""The dashboard: its pages and the files they ask for.

All pages are one file, the shell; which one is shown is decided in the browser. So every GET that no
route takes is answered with it, unless the path is one that programs ask for.
"""

import secrets
from collections.abc import Awaitable, Callable
from html import escape
from typing import Final, Literal
from urllib.parse import quote

import msgspec
from starlette.types import Receive, Scope, Send

from stepwell.api.body import Headers, header, headers_of
from stepwell.api.built_pages import BuiltPages, PageFile
from stepwell.api.openapi import Declaration, DeclarationTable, Tag, text_of
from stepwell.api.plain_page import NOT_BUILT, SWITCHED_OFF, plain_page
from stepwell.api.responses import EMPTY, HTML, Header, encode_json, send_answer
from stepwell.api.routing import send_not_found
from stepwell.api.services import ApiSettings, DashboardSettings, RouteTable
from stepwell.dashboard.paths import first_segment, may_be_page

__all__ = ["DECLARATIONS", "Dashboard", "PlainPage"]

_ASSETS: Final = "assets"
#: Names of files in there change with their content.
_FOR_EVER: Final[Header] = (b"cache-control", b"public, max-age=31536000, immutable")
_ASK_AGAIN: Final[Header] = (b"cache-control", b"no-cache")
_KEEP_NOTHING: Final[Header] = (b"cache-control", b"no-store")
_VARY: Final[Header] = (b"vary", b"Accept-Encoding")
_PLAINLY: Final[tuple[Header, ...]] = (
    # Types are as told, even if the content looks like something else.
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
)
#: Nothing comes from anywhere else, and no text in a page can become a program. Libraries that write
#: styles while they run prove with the nonce that it is they.
_POLICY: Final = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_PLAIN_POLICY: Final[Header] = (
    b"content-security-policy",
    (
        b"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
        b"frame-ancestors 'none'"
    ),
)
_NONCE_BYTES: Final = 18

DECLARATIONS: Final[DeclarationTable] = {
    "/": {
        "GET": Declaration(
            "getDashboard",
            "Open the dashboard",
            Tag.SERVER,
            answers=(text_of("text/html", "A page for people"),),
        )
    }
}


class _Features(msgspec.Struct, frozen=True):
    mcp: bool


class _Apps(msgspec.Struct, frozen=True, rename={"poll_interval_s": "pollIntervalS"}):
    discovery: bool
    poll: bool
    poll_interval_s: float


class _Config(msgspec.Struct, frozen=True, kw_only=True, rename={"signed_in": "signedIn"}):
    """What the pages know without asking; `web/src/lib/config.ts` has the same type."""

    mode: Literal["dev", "start"]
    version: str
    nonce: str
    auth: Literal["none", "session"]
    signed_in: bool
    features: _Features
    apps: _Apps
    database: Literal["file", "memory"]


class Dashboard:
    """Answers GET and HEAD of every path that no route takes."""

    def __init__(
        self,
        settings: ApiSettings,
        dashboard: DashboardSettings,
        *,
        is_signed_in: Callable[[Headers], Awaitable[bool]],
    ) -> None:
        """Take note of what does not change; files are read when they are asked for.

        Args:
            settings: Of the API.
            dashboard: Where the files are, and what the pages tell of the server.
            is_signed_in: Whether a request comes from somebody who may see everything.
        """
        self._pages = BuiltPages(dashboard.directory)
        self._base_path = settings.base_path
        self._base = escape(f"{settings.base_path}/").encode()
        self._is_signed_in = is_signed_in
        self._not_built = plain_page(settings.version, NOT_BUILT)
        self._config = _Config(
            mode="dev" if settings.server_kind == "dev" else "start",
            version=settings.version,
            nonce="",
            auth="none" if settings.signing_key is None else "session",
            signed_in=False,
            features=_Features(mcp=False),
            apps=_Apps(dashboard.discovery, dashboard.poll, dashboard.poll_interval_s),
            database="memory" if dashboard.is_in_memory else "file",
        )

    def routes(self) -> RouteTable:
        """Where it is mounted, besides being asked for what no route takes."""
        return {"/": {"GET": self}}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
            await send_not_found(scope, receive, send)
            return
        built = await self._pages.newest()
        file = built.files.get(path[1:]) if built is not None else None
        headers = headers_of(scope)
        if file is not None:
            await _send_file(send, file, path, header(headers, b"accept-encoding") or "")
        elif not may_be_page(path) or first_segment(path) == _ASSETS:
            await send_not_found(scope, receive, send)
        elif path != "/" and path.endswith("/"):
            await self._send_elsewhere(send, path.rstrip("/"), scope["query_string"])
        elif built is None:
            await _send_page(send, self._not_built, _PLAIN_POLICY)
        else:
            nonce = secrets.token_urlsafe(_NONCE_BYTES)
            policy = (b"content-security-policy", _POLICY.format(nonce=nonce).encode())
            page = built.shell.filled(self._base, await self._config_for(headers, nonce))
            await _send_page(send, page, policy)

    async def _config_for(self, headers: Headers, nonce: str) -> bytes:
        config = msgspec.structs.replace(
            self._config, nonce=nonce, signed_in=await self._is_signed_in(headers)
        )
        # Otherwise a text in it could end the element that it stands in.
        return encode_json(config).replace(b"<", b"\\u003c")

    async def _send_elsewhere(self, send: Send, path: str, query: bytes) -> None:
        location = self._base_path + quote(path)
        if query:
            location += "?" + quote(query, safe="%&=+,:;/?@!$'()*~-._[]|")
        await send_answer(send, 303, EMPTY, headers=((b"location", location.encode()),))


class PlainPage:
    """The page at `/` of a server that serves no dashboard."""

    def __init__(self, settings: ApiSettings) -> None:
        self._page = plain_page(settings.version, SWITCHED_OFF)

    def routes(self) -> RouteTable:
        """Where it is mounted."""
        return {"/": {"GET": self}}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await _send_page(send, self._page, _PLAIN_POLICY)


async def _send_page(send: Send, page: bytes, policy: Header) -> None:
    await send_answer(send, 200, page, headers=(HTML, policy, _KEEP_NOTHING, *_PLAINLY))


async def _send_file(send: Send, file: PageFile, path: str, accept_encoding: str) -> None:
    form = file.best_for(accept_encoding)
    headers = [file.media_type, _FOR_EVER if first_segment(path) == _ASSETS else _ASK_AGAIN]
    if len(file.forms) > 1:
        headers.append(_VARY)
    if form.encoding is not None:
        headers.append((b"content-encoding", form.encoding))
    await send_answer(send, 200, form.body, headers=(*headers, *_PLAINLY))
