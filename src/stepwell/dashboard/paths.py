"""Which paths belong to the API, and which are left to pages of the dashboard."""

from typing import Final

__all__ = ["API_SEGMENTS", "first_segment", "may_be_page"]

#: First segments of the paths that programs ask for, also where there is no route: who looks for an
#: API, or for the endpoint of an SDK, must hear that it is not here, and not be shown a page.
API_SEGMENTS: Final = frozenset(
    {
        *("api", "connect", "debug", "demo", "dev", "e", "fn", "health", "invoke", "mcp"),
        *("metrics", "realtime", "v0", "v1", "v2", "v3", "x"),
    }
)

#: Where older dashboards had a page all the same; ours leads from there to its own.
_PAGES_AMONG_APIS: Final = frozenset({"/mcp/setup"})


def first_segment(path: str) -> str:
    """What stands between the first two slashes."""
    return path[1:].partition("/")[0]


def may_be_page(path: str) -> bool:
    """Whether the path can be that of a page.

    No page is called like a file at the root, such as `/robots.txt`, or `/.well-known`.
    """
    if path in _PAGES_AMONG_APIS:
        return True
    first = first_segment(path)
    if first in API_SEGMENTS or first.startswith(".") or "//" in path or not path.isprintable():
        return False
    return path.startswith("/") and not ("." in first and path == f"/{first}")
