"""One server, its apps and one Chromium for the whole session; each test gets a fresh profile.

These tests need a pytest process of their own: Playwright keeps an event loop running in it, beside
which no asynchronous test can run.
"""

import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

# Their assertions explain themselves only if pytest rewrites them, which must come first.
pytest.register_assert_rewrite(
    "tests.compat.graphql_client",
    "tests.compat.harness",
    "tests.web.accessibility",
    "tests.web.scene",
    "tests.web.stage",
)

from tests.compat.harness import ROOT, Server  # noqa: E402
from tests.web.browser import NoBrowser, running_browser  # noqa: E402
from tests.web.scene import Scene, set_scene  # noqa: E402
from tests.web.stage import (  # noqa: E402
    PRODUCTION_KEYS,
    SIGNING_KEY,
    Stage,
    running_server,
    running_stage,
)
from tests.web.visits import PAGE_TIMEOUT_MS, Visit, Visits  # noqa: E402
from tests.web.watch import PageWatch  # noqa: E402

expect.set_options(timeout=PAGE_TIMEOUT_MS)

_FAILED = pytest.StashKey[bool]()
_KEPT = pytest.StashKey[list[Path]]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say where the recordings of failed tests are."""
    kept = terminalreporter.config.stash.get(_KEPT, [])
    if kept:
        terminalreporter.section("recordings: `playwright show-trace --port 0 <file>`")
        for path in kept:
            terminalreporter.line(str(path))


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="session")
def built_pages() -> None:
    """The dashboard in the package is of the sources that are there now."""
    done = subprocess.run(
        [sys.executable, "hatch_build.py"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium. Without one the tests are left out, but never where CI counts on them."""
    try:
        with running_browser() as browser:
            yield browser
    except NoBrowser as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no browser: {error}")


@pytest.fixture(scope="session")
def stage(built_pages: None, logs: Path) -> Iterator[Stage]:
    """The server of most tests, with both apps. Tests share it and send events of their own."""
    with running_stage(logs) as stage:
        yield stage


@pytest.fixture(scope="session")
def scene(stage: Stage) -> Scene:
    """Something of everything that pages can show, on the shared server."""
    return set_scene(stage)


@pytest.fixture(scope="session")
def empty_server(built_pages: None, logs: Path) -> Iterator[Server]:
    """A server in development that knows no app; nobody may change that."""
    options = ("dev", "--no-persist", "--no-discovery", "--no-poll")
    with running_server(*options, log=logs / "empty-server.log") as server:
        yield server


@pytest.fixture(scope="session")
def locked_server(built_pages: None, logs: Path) -> Iterator[Server]:
    """A server in production, which asks people for `OPERATOR_TOKEN`."""
    options = ("start", "--sqlite-dir", str(logs / "locked"), *PRODUCTION_KEYS)
    log = logs / "locked-server.log"
    with running_server(*options, log=log, signing_key=SIGNING_KEY) as server:
        yield server


@pytest.fixture
def visits(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Visits]:
    """Opens pages; fails the test for faults that they had and it did not announce."""
    visits = Visits(browser, request.node.name)
    problems: list[str] = []
    try:
        yield visits
        problems += visits.problems()
    finally:
        is_failed = bool(problems) or request.node.stash.get(_FAILED, False)
        kept = visits.end(keep_recordings=is_failed)
        request.config.stash.setdefault(_KEPT, []).extend(kept)
    assert not problems, "\n".join(problems)


@pytest.fixture
def visit(visits: Visits, stage: Stage) -> Visit:
    """A page for the shared server."""
    return visits.begin(stage.url)


@pytest.fixture
def page(visit: Visit) -> Page:
    """The page of `visit`."""
    return visit.page


@pytest.fixture
def watch(visit: Visit) -> PageWatch:
    """What watches the page of `visit`."""
    return visit.watch
