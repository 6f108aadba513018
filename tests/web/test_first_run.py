"""A newcomer follows the first page to a function that has run, with what stands there."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.compat.harness import Process, Server, answers, free_port, wait_until
from tests.web.accessibility import assert_accessible
from tests.web.parts import badge, without_reload
from tests.web.stage import running_server
from tests.web.visits import Visits


@dataclass(frozen=True)
class WrittenApp:
    """What the page says to write, started as it says; on a port that is free here."""

    process: Process
    url: str


@pytest.fixture
def new_server(built_pages: None, logs: Path) -> Iterator[Server]:
    """A server that nobody has used, and that looks for no app by itself."""
    options = ("dev", "--no-persist", "--no-discovery", "--no-poll")
    with running_server(*options, log=logs / "new-server.log") as server:
        yield server


@pytest.fixture
def newcomer(new_server: Server, visits: Visits) -> Page:
    page = visits.begin(new_server.url).page
    page.goto("/")
    return page


@pytest.fixture
def written_app(newcomer: Page, tmp_path: Path) -> Iterator[WrittenApp]:
    expect(newcomer.get_by_role("radio", name="FastAPI")).to_be_checked()
    (tmp_path / "main.py").write_text(code_of(newcomer, "main.py"))
    export, start = code_of(newcomer, "export INNGEST_DEV").splitlines()
    name, _, value = export.removeprefix("export ").partition("=")
    program, *arguments = start.split()
    assert program == "uvicorn"
    port = free_port()
    arguments[arguments.index("--port") + 1] = str(port)
    arguments.remove("--reload")
    process = Process(
        [sys.executable, "-m", program, *arguments],
        log=tmp_path / "app.log",
        environ={name: value},
        cwd=tmp_path,
    )
    yield WrittenApp(process, f"localhost:{port}/api/inngest")
    process.stop()


def code_of(page: Page, words: str) -> str:
    """The code that is shown under this heading, or that has these words in it."""
    return page.get_by_role("figure").filter(has_text=words).locator("code").inner_text()


def test_a_newcomer_is_led_to_a_run_that_completed(newcomer: Page, written_app: WrittenApp) -> None:
    page = newcomer
    expect(page.get_by_role("heading", name="Run your first function")).to_be_visible()
    send = page.get_by_role("button", name="Send the event")
    address = page.get_by_role("textbox", name="URL of the app")
    with without_reload(page):
        address.fill(f"localhost:{free_port()}/api/inngest")
        address.press("Enter")
        alert = page.get_by_role("alert").filter(has_text="Nothing answers at the URL")
        expect(alert).to_contain_text("Start the app, and check that it listens on this port.")
        expect(send).to_be_disabled()

        wait_until(lambda: answers(f"http://{written_app.url}"), what="the app of the page")
        written_app.process.assert_running()
        address.fill(written_app.url)
        address.press("Enter")
        expect(page.get_by_text("Your app is here")).to_contain_text("1 function")

        send.click()
        expect(page.get_by_role("list").get_by_text("Completed")).to_be_visible()
        assert_accessible(page)
        page.get_by_role("link", name="Show the run").click()
        expect(badge(page, "Completed")).to_be_visible()
        expect(page).to_have_url(re.compile(r"/runs/[0-9A-Z]{26}$"))


def test_every_framework_has_what_one_needs(empty_server: Server, visits: Visits) -> None:
    page = visits.begin(empty_server.url).page
    page.goto("/")
    for framework in ("Flask", "Express", "Next.js", "Node.js"):
        page.get_by_role("radio", name=framework).check()
        assert "inngest" in code_of(page, "Install")
        assert empty_server.url.removeprefix("http://") in code_of(page, "export INNGEST_DEV")
