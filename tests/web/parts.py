"""Parts of pages that many tests look for, found by what they are called on the page."""

import contextlib
import re
from collections.abc import Iterator

from playwright.sync_api import Locator, Page, expect

__all__ = [
    "badge",
    "choose",
    "filter_of",
    "run_row",
    "settle",
    "table_rows",
    "timeline_row",
    "without_reload",
    "write",
]


def settle(page: Page) -> None:
    """Wait until a page has what it shows first."""
    # Behind a dialog the page itself has no roles.
    expect(page.locator("main h1")).to_be_visible()
    expect(page.get_by_role("status", name="Loading", include_hidden=True)).to_have_count(0)


def table_rows(page: Page) -> Locator:
    """The rows of a list, without its head."""
    return page.get_by_role("row").filter(has=page.get_by_role("button", name="Details of"))


def run_row(page: Page, run_id: str) -> Locator:
    """The row of a list that stands for the run."""
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=run_id))


def timeline_row(page: Page, name: str) -> Locator:
    """The row of a timeline whose name begins like this: the step, and how it stands."""
    timeline = page.get_by_role("treegrid", name="Timeline")
    return timeline.get_by_role("row", name=re.compile(rf"^(Expand |Collapse )?{re.escape(name)}"))


def badge(page: Page, text: str) -> Locator:
    """What stands beside the heading of a page, such as the status of a run."""
    return page.get_by_role("main").locator("header").get_by_text(text, exact=True)


def filter_of(page: Page, name: str) -> Locator:
    """The filter of a list; a combobox as soon as somebody has wanted to use it."""
    begins = re.compile(rf"^{re.escape(name)}")
    main = page.get_by_role("main")
    button = main.get_by_role("button", name=begins)
    return main.get_by_role("combobox", name=begins).or_(button).first


def choose(page: Page, filter_name: str, *options: str) -> None:
    """Choose these in the filter of a list, besides those that are chosen already."""
    filter_of(page, filter_name).click()
    for option in options:
        page.get_by_role("option", name=option).click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_have_count(0)


def write(editor: Locator, text: str) -> None:
    """Put the text in place of what an editor of code holds, as typing and pasting do."""
    editor.press("Control+a")
    editor.page.keyboard.insert_text(text)


@contextlib.contextmanager
def without_reload(page: Page) -> Iterator[None]:
    """Whatever happens within happens in the document that is open now."""
    page.evaluate("window.wasOpenBefore = true")
    yield
    assert page.evaluate("window.wasOpenBefore === true"), "the page was loaded again"
