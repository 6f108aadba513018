"""Pictures of every page: `uv run python -m tests.web.screenshots [--only name]`.

Each page of `pages.py` in its states, light and dark, in each size, as
`web/screenshots/<page>-<state>-<theme>-<width>.png`. The clock of the pages stands still, fonts are
those of the dashboard, and there is no motion; ids and durations are those of the moment.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.compat.harness import ROOT
from tests.web.browser import running_browser
from tests.web.pages import PAGES, SIGN_IN, PageState, ShownPage
from tests.web.scene import Scene, set_scene
from tests.web.stage import PRODUCTION_KEYS, running_server, running_stage
from tests.web.visits import fresh_context

FOLDER = ROOT / "web" / "screenshots"
THEMES = ("light", "dark")
QUESTIONS = "**/v0/gql"
#: How much later than the scene the clock of the pages stands.
LATER = timedelta(seconds=12)


@dataclass(frozen=True)
class Shot:
    """One picture that is to be made."""

    page: ShownPage
    state: PageState
    theme: str
    size: tuple[int, int]

    @property
    def name(self) -> str:
        return f"{self.page.name}-{self.state}-{self.theme}-{self.size[0]}"


@dataclass(frozen=True)
class Hosts:
    """Where the pages come from, and when."""

    full: str
    empty: str
    scene: Scene
    now: datetime


def main(arguments: Sequence[str]) -> int:
    """Make the pictures; returns the exit status."""
    parser = argparse.ArgumentParser(description="Make pictures of every page of the dashboard.")
    parser.add_argument("--only", help="pages whose name matches this pattern", default="")
    only = re.compile(parser.parse_args(arguments).only)
    shots = [shot for shot in _shots(*PAGES) if only.search(shot.name)]
    sign_ins = [shot for shot in _shots(SIGN_IN) if only.search(shot.name)]
    if not shots and not sign_ins:
        names = (page.name for page in (*PAGES, SIGN_IN))
        print(f"no picture has such a name; there are those of {', '.join(names)}")
        return 2

    FOLDER.mkdir(exist_ok=True)
    subprocess.run([sys.executable, "hatch_build.py"], cwd=ROOT, check=True)
    started_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="stepwell-") as logs, running_browser() as browser:
        if sign_ins:
            _shoot_sign_ins(browser, sign_ins, Path(logs))
        if shots:
            _shoot_all(browser, shots, Path(logs))
    print(f"{time.monotonic() - started_s:.0f} s, {FOLDER.relative_to(ROOT)}/")
    return 0


def _shots(*pages: ShownPage) -> Iterator[Shot]:
    for page in pages:
        for state in page.states:
            for theme in THEMES:
                for size in page.sizes:
                    yield Shot(page, state, theme, size)


def _shoot_all(browser: Browser, shots: Sequence[Shot], logs: Path) -> None:
    options = ("dev", "--no-persist", "--no-discovery", "--no-poll")
    with running_stage(logs) as stage, running_server(*options, log=logs / "empty.log") as empty:
        scene = set_scene(stage)
        stage.wait_for_end(scene.thousand_steps)
        hosts = Hosts(stage.url, empty.url, scene, datetime.now(UTC) + LATER)
        for number, shot in enumerate(shots, 1):
            print(f"{number:4} of {len(shots)}  {shot.name}", flush=True)
            _shoot(browser, shot, hosts)


def _shoot(browser: Browser, shot: Shot, hosts: Hosts) -> None:
    origin = hosts.empty if shot.state is PageState.EMPTY else hosts.full
    context = _context(browser, origin, shot)
    page = context.new_page()
    page.clock.set_fixed_time(hosts.now)
    held: list[Route] = []
    if shot.state is PageState.LOADING:
        page.route(QUESTIONS, lambda route: held.append(route))  # noqa: PLW0108
    elif shot.state is PageState.ERROR:
        page.route(QUESTIONS, _refuse)
    page.goto(shot.page.path(hosts.scene))
    if shot.state is PageState.LOADING:
        page.get_by_role("main").wait_for()
    else:
        page.wait_for_load_state("networkidle")
        expect(page.get_by_role("status", name="Loading")).to_have_count(0)
    if shot.state is PageState.FULL:
        shot.page.act(page)
    _save(page, shot)
    for route in held:
        route.abort()
    context.close()


def _shoot_sign_ins(browser: Browser, shots: Sequence[Shot], logs: Path) -> None:
    """What a server in production shows to somebody it does not know."""
    options = ("start", "--sqlite-dir", str(logs / "locked"), *PRODUCTION_KEYS)
    with running_server(*options, log=logs / "locked.log") as server:
        for shot in shots:
            print(f"              {shot.name}", flush=True)
            context = _context(browser, server.url, shot)
            page = context.new_page()
            page.goto("/", wait_until="networkidle")
            _save(page, shot)
            context.close()


def _context(browser: Browser, origin: str, shot: Shot) -> BrowserContext:
    return fresh_context(browser, origin, size=shot.size, color_scheme=shot.theme)


def _save(page: Page, shot: Shot) -> None:
    page.evaluate("document.fonts.ready.then(() => 0)")
    page.screenshot(path=FOLDER / f"{shot.name}.png", animations="disabled", caret="hide")


def _refuse(route: Route) -> None:
    route.fulfill(
        status=503,
        content_type="application/json",
        body='{"error": "the store does not answer", "status": 503}',
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
