"""What a page must not do while a test looks elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, Response, WebError

__all__ = ["PageWatch"]

# Addresses that are not of a host: the page made what they stand for.
_OF_THE_PAGE = ("data", "blob")


@dataclass(frozen=True)
class _Announced:
    path: str
    status: int


class PageWatch:
    """Collects faults of all pages of a context.

    These are: an error in the console (violations of the content security policy are there too), an
    exception nobody caught, an answer of 400 or more, and a request to another host. What a test
    provokes on purpose it announces first.

    Args:
        context: Whose pages are watched, from now on.
        origin: The only one that may be asked, such as `http://127.0.0.1:8288`.
    """

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self._origin = urlsplit(origin)
        self._problems: list[str] = []
        self._statuses: list[_Announced] = []
        self._texts: list[str] = []
        context.on("console", self._on_console)
        context.on("weberror", self._on_error)
        context.on("request", self._on_request)
        context.on("response", self._on_response)

    def announce_status(self, path: str, status: int) -> None:
        """Answers of this status are expected at this path, from now on."""
        self._statuses.append(_Announced(path, status))

    def announce_text(self, text: str) -> None:
        """Errors whose text contains this are expected in the console, from now on."""
        self._texts.append(text)

    def announce_offline(self) -> None:
        """The server will not be reachable, from now on."""
        self.announce_text("net::ERR_")
        self.announce_text("WebSocket connection to")

    def problems(self) -> Sequence[str]:
        """What was seen and not announced."""
        return tuple(self._problems)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type != "error" or any(text in message.text for text in self._texts):
            return
        # The browser reports each failed answer here again.
        place = urlsplit(message.location["url"]).path
        if any(
            f"status of {each.status}" in message.text and each.path == place
            for each in self._statuses
        ):
            return
        self._problems.append(f"console: {message.text}")

    def _on_error(self, error: WebError) -> None:
        self._problems.append(f"not caught: {error.error}")

    def _on_request(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme not in _OF_THE_PAGE and url.netloc != self._origin.netloc:
            self._problems.append(f"another host: {request.url}")

    def _on_response(self, response: Response) -> None:
        if response.status < 400:
            return
        announced = _Announced(urlsplit(response.url).path, response.status)
        if announced not in self._statuses:
            self._problems.append(f"answer {response.status}: {response.url}")
