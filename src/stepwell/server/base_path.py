"""A server below a path of a host that serves other things, too, such as `/tools/stepwell`."""

import re
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from stepwell.dashboard.paths import API_SEGMENTS, first_segment
from stepwell.server.errors import SettingInvalid

__all__ = ["BelowBasePath", "base_path"]

_NAME: Final = "base-path"
#: Characters that mean the same in a path, a header and a page.
_SEGMENTS: Final = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")
_CHARS_MAX: Final = 200


def base_path(text: str) -> str:
    """The path without a slash at its end; empty for `/`.

    Raises:
        SettingInvalid: It is no path, or looks like one of the API.
    """
    path = text.removesuffix("/")
    if len(path) > _CHARS_MAX or _SEGMENTS.fullmatch(path) is None:
        told = "must be a path such as /tools/stepwell, of letters, digits, and . _ ~ - / only"
        raise SettingInvalid(_NAME, f"--{_NAME}: {told}")
    if not {".", ".."}.isdisjoint(path.split("/")):
        raise SettingInvalid(_NAME, f"--{_NAME}: must not contain the segments . and ..")
    if (first := first_segment(path)) in API_SEGMENTS:
        told = f"must not begin with /{first}, because paths of the API do"
        raise SettingInvalid(_NAME, f"--{_NAME}: {told}")
    return path


class BelowBasePath:
    """Takes the base path off what is asked for.

    Requests without it are served as well: a proxy may have taken it off before.
    """

    def __init__(self, app: ASGIApp, path: str) -> None:
        assert path, "without a base path there is nothing to take off"
        self._app = app
        self._path = path
        self._below = f"{path}/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        if path.startswith(self._below) or path == self._path:
            scope = {**scope, "path": path[len(self._path) :] or "/"}
            # It would contradict the path.
            scope.pop("raw_path", None)
        await self._app(scope, receive, send)
