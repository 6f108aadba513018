"""Everybody can use every page and the main dialogs: axe, both themes, and a very narrow window."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.web.accessibility import assert_accessible
from tests.web.pages import PAGES, PageState, ShownPage
from tests.web.parts import filter_of, settle, table_rows, timeline_row
from tests.web.scene import Scene
from tests.web.visits import Visit

#: What WCAG 2.2 asks for under "reflow": a window of 1280 pixels at 400 %.
NARROW = (320, 640)
#: Pages that are looked at in the dark as well. Of one thing in many states, these have every colour.
IN_THE_DARK = {shown.name for shown in PAGES if len(shown.states) > 1} | {
    *("run-failed", "run-waiting", "run-queued", "run-cancelled", "endpoints", "palette")
}
#: What lies above a page.
LAYERS = "[role=dialog], [role=alertdialog], [role=listbox], [data-row-detail]"
#: Of the pages that are left: how much is wider than the window, and cannot be scrolled by itself.
_TOO_WIDE = "document.documentElement.scrollWidth - innerWidth"


def _settled(page: Page, path: str) -> None:
    page.goto(path)
    settle(page)


def _darken(page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("() => document.documentElement.classList.contains('dark')")


@pytest.mark.parametrize("shown", PAGES, ids=lambda shown: shown.name)
def test_pages(page: Page, scene: Scene, shown: ShownPage) -> None:
    _settled(page, shown.path(scene))
    shown.act(page)
    assert_accessible(page)
    if shown.name in IN_THE_DARK:
        _darken(page)
        assert_accessible(page)

    width, height = NARROW
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_function(f"() => innerWidth === {width}")
    assert page.evaluate(_TOO_WIDE) <= 0


def test_pages_that_cannot_be_loaded(visit: Visit, scene: Scene) -> None:
    refusal = '{"error": "the store does not answer", "status": 503}'
    visit.watch.announce_status("/v0/gql", 503)
    visit.page.route(
        "**/v0/gql",
        lambda route: route.fulfill(status=503, content_type="application/json", body=refusal),
    )
    for shown in PAGES:
        if PageState.ERROR in shown.states:
            visit.page.goto(shown.path(scene))
            expect(visit.page.get_by_role("alert").first).to_contain_text("does not answer")
            assert_accessible(visit.page, within="main")


def _open_event_editor(page: Page, _: Scene) -> None:
    _settled(page, "/events?send=true")
    expect(page.get_by_role("textbox", name="Event or list of events")).to_be_visible()


def _open_search(page: Page, _: Scene) -> None:
    _settled(page, "/runs")
    page.keyboard.press("/")
    expect(page.get_by_role("textbox", name="Search")).to_be_focused()
    page.keyboard.type("event.")
    expect(page.get_by_role("listbox", name="Completions")).to_be_visible()


def _open_status_filter(page: Page, _: Scene) -> None:
    _settled(page, "/runs")
    filter_of(page, "Status").click()
    expect(page.get_by_role("listbox")).to_be_visible()


def _open_range(page: Page, _: Scene) -> None:
    _settled(page, "/runs")
    page.get_by_role("button", name="Time range").click()
    expect(page.get_by_role("dialog", name="Time range")).to_be_visible()


def _open_row(page: Page, _: Scene) -> None:
    _settled(page, "/runs")
    table_rows(page).nth(1).get_by_role("button", name="Details of").click()
    expect(page.get_by_role("region", name="Details of run")).to_contain_text("Started by")


def _open_rerun(page: Page, scene: Scene) -> None:
    _settled(page, f"/runs/{scene.undeliverable}")
    timeline_row(page, "book carrier").click()
    page.get_by_role("button", name="Rerun from here").click()
    expect(page.get_by_role("textbox", name="New input")).to_be_visible()


def _open_action(name: str) -> Callable[[Page, Scene], None]:
    def opened(page: Page, _: Scene) -> None:
        _settled(page, "/functions/shop-fulfil-order")
        page.get_by_role("button", name="Actions").click()
        page.get_by_role("menuitem", name=name).click()
        expect(page.get_by_role("dialog")).to_be_visible()

    return opened


def _open_invoke(page: Page, _: Scene) -> None:
    _settled(page, "/functions/shop-fulfil-order")
    page.get_by_role("button", name="Invoke").click()
    expect(page.get_by_role("dialog").get_by_role("textbox").first).to_be_visible()


def _open_bulk(page: Page, _: Scene) -> None:
    _settled(page, "/runs")
    table_rows(page).first.get_by_role("checkbox").check()
    page.get_by_role("button", name="Rerun 1").click()
    expect(page.get_by_role("dialog", name="Rerun")).to_be_visible()


def _open_at(path: str, dialog: str) -> Callable[[Page, Scene], None]:
    def opened(page: Page, _: Scene) -> None:
        _settled(page, path)
        expect(page.get_by_role("dialog", name=dialog)).to_be_visible()

    return opened


def _open_shortcuts(page: Page, _: Scene) -> None:
    _settled(page, "/runs")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()


def _open_retention(page: Page, _: Scene) -> None:
    _settled(page, "/server")
    page.get_by_role("button", name="Change").click()
    expect(page.get_by_role("dialog", name="Change retention")).to_be_visible()


def _open_removal(page: Page, scene: Scene) -> None:
    _settled(page, f"/apps/{scene.shop}")
    page.get_by_role("button", name="More actions for shop").click()
    page.get_by_role("menuitem", name="Remove").click()
    expect(page.get_by_role("alertdialog")).to_be_visible()


DIALOGS = {
    "send event": _open_event_editor,
    "search": _open_search,
    "status filter": _open_status_filter,
    "time range": _open_range,
    "run in the list": _open_row,
    "rerun from a step": _open_rerun,
    "invoke": _open_invoke,
    "pause": _open_action("Pause…"),
    "replay": _open_action("Replay runs…"),
    "cancel runs": _open_action("Cancel runs…"),
    "bulk rerun": _open_bulk,
    "sync an app": _open_at("/apps?sync=true", "Sync an app"),
    "shortcuts": _open_shortcuts,
    "retention": _open_retention,
    "remove an app": _open_removal,
}


@pytest.mark.parametrize("opened", DIALOGS.values(), ids=DIALOGS.keys())
def test_dialogs(page: Page, scene: Scene, opened: Callable[[Page, Scene], None]) -> None:
    opened(page, scene)
    assert_accessible(page)
    _darken(page)
    assert_accessible(page, within=LAYERS)
