"""One server, its apps and one Chromium for the whole session; each test gets a fresh context."""

import os
import re
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

# Their assertions explain themselves only if pytest rewrites them, which must come first.
pytest.register_assert_rewrite(
    "tests.compat.graphql_client",
    "tests.compat.harness",
    "tests.web.accessibility",
    "tests.web.scene",
    "tests.web.stage",
)

from tests.compat.harness import ROOT  # noqa: E402
from tests.web.browser import NoBrowser, running_browser  # noqa: E402
from tests.web.scene import Scene, set_scene  # noqa: E402
from tests.web.stage import Stage, running_stage  # noqa: E402
from tests.web.watch import PageWatch  # noqa: E402

TRACES = Path(__file__).parent / ".traces"
#: How long a page may take for what a test waits for. The machine may do other things as well.
PAGE_TIMEOUT_MS = 15_000

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
        terminalreporter.section("recordings: `playwright show-trace <file>`")
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


@pytest.fixture
def context(
    request: pytest.FixtureRequest, browser: Browser, stage: Stage
) -> Iterator[BrowserContext]:
    """A fresh profile, recorded; the recording is kept when the test fails."""
    context = browser.new_context(
        base_url=stage.url,
        viewport={"width": 1280, "height": 800},
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="UTC",
    )
    context.set_default_timeout(PAGE_TIMEOUT_MS)
    context.tracing.start(screenshots=True, snapshots=True)
    try:
        yield context
    finally:
        _end_recording(request, context)
        context.close()


@pytest.fixture
def watch(
    request: pytest.FixtureRequest, context: BrowserContext, stage: Stage
) -> Iterator[PageWatch]:
    """Fails the test for faults that its pages had and it did not announce."""
    watch = PageWatch(context, stage.url)
    yield watch
    # An answer of each page, behind everything that it has reported so far.
    for page in context.pages:
        page.evaluate("0")
    problems = watch.problems()
    if problems:
        request.node.stash[_FAILED] = True
    assert not problems, "\n".join(problems)


@pytest.fixture
def page(context: BrowserContext, watch: PageWatch) -> Page:
    """An empty page that is watched."""
    return context.new_page()


def _end_recording(request: pytest.FixtureRequest, context: BrowserContext) -> None:
    if not request.node.stash.get(_FAILED, False):
        context.tracing.stop()
        return
    TRACES.mkdir(exist_ok=True)
    name = re.sub(r"[^\w.-]+", "-", request.node.name)
    path = TRACES / f"{name}.zip"
    context.tracing.stop(path=path)
    request.config.stash.setdefault(_KEPT, []).append(path)
