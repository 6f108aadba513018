"""`GET /`: what a person sees who opens the server's address in a browser."""

from typing import Final

from starlette.types import Receive, Scope, Send

from stepwell.api.openapi import Declaration, DeclarationTable, Tag, text_of
from stepwell.api.responses import HTML, send_answer
from stepwell.api.services import ApiSettings, RouteTable

__all__ = ["DECLARATIONS", "LandingPage"]

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Stepwell</title>
<style>
  body {{ font: 1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto }}
  code {{ font-size: .95em }}
</style>
</head>
<body>
<h1>Stepwell</h1>
<p>This is a Stepwell server, version {version}: it accepts events and runs functions step by step.
It serves these APIs:</p>
<ul>
<li><code>POST /e/&lt;event key&gt;</code> accepts events.</li>
<li><code>/v1/events</code> and <code>/v1/runs</code> show events and runs.</li>
<li><code>POST /fn/register</code> is where SDKs register the functions of an app.</li>
<li><a href="/health"><code>/health</code></a> tells that the server answers.</li>
</ul>
<p>A dashboard will be on this page in a later version.</p>
</body>
</html>
"""


DECLARATIONS: Final[DeclarationTable] = {
    "/": {
        "GET": Declaration(
            "getLandingPage",
            "Read what this is",
            Tag.SERVER,
            answers=(text_of("text/html", "A page for people"),),
        )
    }
}


class LandingPage:
    """A page of text; it shows nothing about events, runs or functions."""

    def __init__(self, settings: ApiSettings) -> None:
        self._page = _PAGE.format(version=settings.version).encode()

    def routes(self) -> RouteTable:
        """Where it is mounted."""
        return {"/": {"GET": self}}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await send_answer(send, 200, self._page, headers=(HTML,))
