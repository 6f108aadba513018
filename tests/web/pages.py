"""Every page of the dashboard, and what it looks like in each state: the table of the screenshots."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from playwright.sync_api import Page

from tests.web.scene import Scene
from tests.web.visits import DESKTOP, PHONE, WIDE

__all__ = ["PAGES", "SIGN_IN", "PageState", "ShownPage"]


class PageState(StrEnum):
    """What a page has to show."""

    FULL = "full"
    EMPTY = "empty"
    LOADING = "loading"
    ERROR = "error"


_ALL = tuple(PageState)
# A page about one thing has no empty state: the thing is there, or it is an error.
_OF_ONE = (PageState.FULL, PageState.LOADING, PageState.ERROR)
_FULL = (PageState.FULL,)
_USUAL = (DESKTOP, PHONE)
_WITH_WIDE = (DESKTOP, PHONE, WIDE)


def _as_is(_: Page) -> None:
    """The page as it opens."""


@dataclass(frozen=True)
class ShownPage:
    """One page.

    Attributes:
        name: The beginning of its screenshots' names.
        path: Where it is; knows the scene for the ids in it.
        states: Those it can be in.
        sizes: Width and height of the window.
        act: What somebody does after it opened, in the state FULL.
    """

    name: str
    path: Callable[[Scene], str]
    states: tuple[PageState, ...] = _ALL
    sizes: tuple[tuple[int, int], ...] = _USUAL
    act: Callable[[Page], None] = field(default=_as_is)


def _at(path: str) -> Callable[[Scene], str]:
    return lambda _: path


def _open_palette(page: Page) -> None:
    page.get_by_role("main").wait_for()
    page.keyboard.press("Control+k")
    page.get_by_role("dialog").wait_for()


def _run(name: str, of: Callable[[Scene], str]) -> ShownPage:
    return ShownPage(f"run-{name}", lambda scene: f"/runs/{of(scene)}", _FULL, _WITH_WIDE)


_FUNCTION = "/functions/shop-fulfil-order"

PAGES = (
    ShownPage("runs", _at("/runs"), sizes=_WITH_WIDE),
    ShownPage("run", lambda scene: f"/runs/{scene.fulfilled}", _OF_ONE, _WITH_WIDE),
    _run("failed", lambda scene: scene.refused),
    _run("failed-with-causes", lambda scene: scene.undeliverable),
    _run("retried", lambda scene: scene.retried),
    _run("sleeping", lambda scene: scene.sleeping),
    _run("waiting", lambda scene: scene.waiting),
    _run("running", lambda scene: scene.running),
    _run("queued", lambda scene: scene.queued),
    _run("cancelled", lambda scene: scene.withdrawn),
    _run("skipped", lambda scene: scene.skipped),
    _run("batch", lambda scene: scene.batch),
    _run("large-output", lambda scene: scene.large),
    _run("spans", lambda scene: scene.picked),
    _run("model", lambda scene: scene.modelled),
    _run("thousand-steps", lambda scene: scene.thousand_steps),
    ShownPage("events", _at("/events")),
    ShownPage("event", lambda scene: f"/events/{scene.order_event}", _OF_ONE),
    ShownPage("event-types", _at("/event-types")),
    ShownPage("functions", _at("/functions")),
    ShownPage("function", _at(_FUNCTION), _OF_ONE),
    ShownPage("apps", _at("/apps")),
    ShownPage("app", lambda scene: f"/apps/{scene.shop}", _OF_ONE),
    ShownPage("metrics", _at("/charts")),
    ShownPage("server", _at("/server"), _OF_ONE),
    # It knows everything without asking, so it is always there.
    ShownPage("endpoints", _at("/endpoints"), _FULL),
    ShownPage("palette", _at("/runs"), _FULL, act=_open_palette),
)

#: Of a server in production, which has nothing else for somebody it does not know.
SIGN_IN = ShownPage("sign-in", _at("/"), _FULL)
