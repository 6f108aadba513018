"""Pages that a test opens: each in a fresh profile, watched and recorded."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from tests.web.watch import PageWatch

__all__ = ["DESKTOP", "PAGE_TIMEOUT_MS", "PHONE", "WIDE", "Visit", "Visits", "fresh_context"]

#: How long a page may take for what a test waits for. The machine may do other things as well.
PAGE_TIMEOUT_MS = 15_000

DESKTOP = (1280, 800)
WIDE = (1920, 1080)
PHONE = (390, 844)

TRACES = Path(__file__).parent / ".traces"


@dataclass(frozen=True)
class Visit:
    """A page, empty at first, and what watches it and all that it opens."""

    page: Page
    watch: PageWatch


class Visits:
    """The profiles of one test.

    Args:
        browser: Where they are made.
        name: Of the test; its recordings are called so.
    """

    def __init__(self, browser: Browser, name: str) -> None:
        self._browser = browser
        self._name = re.sub(r"[^\w.-]+", "-", name)
        self._visits: list[Visit] = []

    def begin(self, origin: str, *, size: tuple[int, int] = DESKTOP, **options: Any) -> Visit:
        """A page in a profile of its own, for the server at `origin`."""
        context = fresh_context(self._browser, origin, size=size, **options)
        context.set_default_timeout(PAGE_TIMEOUT_MS)
        # Pictures of every frame would cost as much as the test itself.
        context.tracing.start(screenshots=False, snapshots=True)
        watch = PageWatch(context, origin)
        visit = Visit(context.new_page(), watch)
        self._visits.append(visit)
        return visit

    def problems(self) -> Sequence[str]:
        """What the pages did that they must not, until now."""
        for visit in self._visits:
            for page in visit.page.context.pages:
                # An answer of the page comes behind everything that it has reported so far.
                page.evaluate("0")
        return [problem for visit in self._visits for problem in visit.watch.problems()]

    def end(self, *, keep_recordings: bool) -> Sequence[Path]:
        """Close the profiles; the recordings that were kept."""
        kept = []
        for number, visit in enumerate(self._visits):
            context = visit.page.context
            if keep_recordings:
                TRACES.mkdir(exist_ok=True)
                path = TRACES / f"{self._name}{f'-{number}' if number else ''}.zip"
                context.tracing.stop(path=path)
                kept.append(path)
            else:
                context.tracing.stop()
            context.close()
        self._visits.clear()
        return kept


def fresh_context(
    browser: Browser, origin: str, *, size: tuple[int, int] = DESKTOP, **options: Any
) -> BrowserContext:
    """A profile that nobody has used, the same on every machine: language, time zone, no motion."""
    width, height = size
    return browser.new_context(
        base_url=origin,
        viewport={"width": width, "height": height},
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="UTC",
        **options,
    )
