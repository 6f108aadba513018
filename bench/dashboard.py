"""Measure what somebody waits for who works with the dashboard, in a real Chromium.

    uv run python -m bench.dashboard                   100,000 runs, some minutes
    uv run python -m bench.dashboard --runs 2000       a little of everything

Two servers: one whose database was filled with runs, and one with the apps of `tests/web`, of which a
run has 999 steps and another an output of 4 MB. Browser, servers and apps share the machine, as on
a laptop. An interaction lasts from the key or click until the page has painted what it led to, as
the browser itself measures it (Event Timing), in steps of 8 ms; what takes less than 16 ms counts
as 16.
"""

import argparse
import asyncio
import contextlib
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Locator, Page

from bench.machine import this_machine
from bench.run_search import BEGIN_MS, DAYS, create_database
from tests.compat.harness import ROOT
from tests.web.browser import running_browser
from tests.web.stage import running_server, running_stage
from tests.web.visits import fresh_context

OPENINGS: Final = 5
SHORTEST_MS: Final = 16.0
#: Watches interactions from before the page's own programs begin.
_WATCH: Final = f"""
window.interactions = [];
new PerformanceObserver((list) => {{
  for (const entry of list.getEntries()) {{
    if (entry.interactionId) window.interactions.push([entry.interactionId, entry.duration]);
  }}
}}).observe({{ type: 'event', durationThreshold: {SHORTEST_MS:.0f}, buffered: true }});
"""
#: Entries come after the frame that they are about.
_SETTLE: Final = """() => new Promise((done) =>
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 50))))"""
_FRAMES: Final = """(count) => new Promise((done) => {
  const times = [];
  const look = (now) => {
    times.push(now);
    if (times.length <= count) requestAnimationFrame(look);
    else done(times.slice(1).map((time, place) => time - times[place]));
  };
  requestAnimationFrame(look);
})"""
_SCROLL: Final = """(box, step) => {
  const go = () => { box.scrollTop += step; requestAnimationFrame(go); };
  requestAnimationFrame(go);
}"""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.dashboard",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--runs", type=int, default=100_000)
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stepwell-bench-")))
        machine = this_machine(folder)
        print(f"{machine.date}, {machine.cpu}, {machine.cores} cores, commit {machine.commit}")
        print(f"load average before: {machine.load_average}\n")
        _report_first_load()
        data = folder / "data"
        data.mkdir()
        # Before the browser, which brings an event loop of its own.
        asyncio.run(create_database(data / "main.db", arguments.runs))
        browser = stack.enter_context(running_browser())
        print(f"Chromium {browser.version}\n")
        print("| What | Times | p50 ms | p95 ms | max ms |\n|---|---|---|---|---|")
        _measure_list(browser, data, arguments.runs)
        _measure_runs(browser, folder)


def _report_first_load() -> None:
    """Bytes of scripts and styles, as `web/scripts/first-load.mjs` counts them."""
    with tempfile.TemporaryDirectory(prefix="stepwell-pages-") as pages:
        web = ROOT / "web"
        build = ["node", str(web / "node_modules" / "vite" / "bin" / "vite.js"), "build"]
        subprocess.run(
            [*build, "--outDir", pages, "--logLevel", "error"], cwd=web, check=True, timeout=300
        )
        count = subprocess.run(
            ["node", "scripts/first-load.mjs", pages, f"{pages}/.vite"],
            cwd=web,
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
    print(count.stdout.splitlines()[-1])


def _measure_list(browser: Browser, data: Path, runs: int) -> None:
    begin = datetime.fromtimestamp(BEGIN_MS / 1000, UTC)
    end = begin + timedelta(days=DAYS + 1)
    path = f"/runs?start={_text(begin)}&end={_text(end)}"
    options = ("dev", "--no-discovery", "--no-poll", "--retention", "forever")
    with running_server(*options, "--sqlite-dir", str(data), log=data / "list.log") as server:
        openings = []
        for _ in range(OPENINGS):
            with _page(browser, server.url) as page:
                page.goto(path)
                page.get_by_role("checkbox").nth(1).wait_for()
                openings.append(_now(page))
        _report(f"runs of {runs:,}: from navigation to the first rows", openings)
        with _page(browser, server.url) as page:
            page.goto(path)
            page.get_by_role("checkbox").nth(1).wait_for()
            page.get_by_role("checkbox").nth(1).focus()
            keys = ["j"] * 20 + ["x", "k", "x", "j"]
            _report("list: a key", _interactions(page, [_press(page, key) for key in keys]))
            _report_frames(page, "list: frames while it is scrolled", "Runs")


def _measure_runs(browser: Browser, folder: Path) -> None:
    with running_stage(folder) as stage:
        steps = stage.ended("warehouse/inventory.due")
        large = stage.ended("shop/export.wanted")
        openings = []
        for _ in range(OPENINGS):
            with _page(browser, stage.url) as page:
                _open_steps(page, steps)
                openings.append(_now(page))
        _report("trace of 999 steps: from navigation to the timeline", openings)
        with _page(browser, stage.url) as page:
            _open_steps(page, steps)
            page.get_by_role("treegrid", name="Timeline").get_by_role("row").nth(1).focus()
            keys = ["ArrowDown"] * 20 + ["End", "Home", "PageDown", "PageDown", "Enter", "z"]
            _report(
                "trace of 999 steps: a key",
                _interactions(page, [_press(page, key) for key in keys]),
            )
            rows = page.get_by_role("treegrid", name="Timeline").get_by_role("row")
            clicks = [_click(rows, place) for place in (3, 6, 9, 12, 4)]
            _report("trace of 999 steps: a click on a step", _interactions(page, clicks))
            find = page.get_by_role("searchbox", name="Find a step by its name")
            find.focus()
            letters = [_press(page, letter) for letter in "shelf7"]
            _report("trace of 999 steps: a letter of a filter", _interactions(page, letters))
        openings = []
        for _ in range(OPENINGS):
            with _page(browser, stage.url) as page:
                page.goto(f"/runs/{large}")
                page.get_by_text("too large to show here").first.wait_for()
                openings.append(_now(page))
        _report("output of 4 MB: from navigation to it", openings)


def _open_steps(page: Page, run_id: str) -> None:
    page.goto(f"/runs/{run_id}")
    page.get_by_role("row", name="count shelf 9 ").wait_for()


def _report_frames(page: Page, name: str, table: str) -> None:
    box = page.get_by_role("region", name=table)
    box.evaluate(_SCROLL, 120)
    frames: list[float] = page.evaluate(_FRAMES, 120)
    _report(name, frames)


@contextlib.contextmanager
def _page(browser: Browser, origin: str) -> Iterator[Page]:
    context = fresh_context(browser, origin)
    context.add_init_script(_WATCH)
    try:
        yield context.new_page()
    finally:
        context.close()


def _interactions(page: Page, actions: Sequence[Callable[[], None]]) -> list[float]:
    """How long each took; one after the other, as people do."""
    page.evaluate("window.interactions.length = 0")
    for action in actions:
        action()
        page.evaluate(_SETTLE)
    longest: dict[int, float] = {}
    for identity, ms in page.evaluate("window.interactions"):
        longest[identity] = max(longest.get(identity, 0.0), ms)
    unreported = max(0, len(actions) - len(longest))
    return [*longest.values(), *([SHORTEST_MS] * unreported)]


def _press(page: Page, key: str) -> Callable[[], None]:
    return lambda: page.keyboard.press(key)


def _click(rows: Locator, place: int) -> Callable[[], None]:
    return lambda: rows.nth(place).click()


def _now(page: Page) -> float:
    ms: float = page.evaluate("performance.now()")
    return ms


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _report(name: str, times_ms: Sequence[float]) -> None:
    p95_ms = statistics.quantiles(times_ms, n=20, method="inclusive")[-1]
    middle_ms = statistics.median(times_ms)
    numbers = f"{middle_ms:.0f} | {p95_ms:.0f} | {max(times_ms):.0f}"
    print(f"| {name} | {len(times_ms)} | {numbers} |", flush=True)


if __name__ == "__main__":
    main()
