"""Apps are synchronised, looked at and removed."""

import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.compat.harness import App, Process, Server, free_port
from tests.web.parts import badge, without_reload
from tests.web.scene import Scene
from tests.web.stage import running_server
from tests.web.visits import Visits


@dataclass(frozen=True)
class Workshop:
    """A server whose apps come and go, and an app that it does not know at first."""

    server: Server
    app: App


@pytest.fixture(scope="module")
def workshop(built_pages: None, logs: Path) -> Iterator[Workshop]:
    options = ("dev", "--no-persist", "--no-discovery", "--no-poll")
    with running_server(*options, log=logs / "workshop.log") as server:
        port = free_port()
        process = Process(
            [sys.executable, "-m", "tests.web.apps", str(port)],
            log=logs / "workshop-app.log",
            environ={"INNGEST_DEV": server.url},
        )
        app = App(process, port=port, app_id="shop", prefix="shop", server=server)
        try:
            app.wait_until_serving()
            yield Workshop(server, app)
        finally:
            process.stop(signal.SIGKILL)


def test_an_app_is_synchronised_looked_at_and_removed(workshop: Workshop, visits: Visits) -> None:
    page = visits.begin(workshop.server.url).page
    page.goto("/apps?sync=true")
    with without_reload(page):
        sync(page, workshop.app.url)
        expect(page.get_by_role("region", name="Notifications")).to_contain_text("shop is synced")
        page.get_by_role("link", name="Show the app").click()
        expect(page.get_by_role("heading", level=1, name="shop")).to_be_visible()
        main = page.get_by_role("main")
        # 127.0.0.1 is written as localhost, so that an app is not listed twice.
        expect(main).to_contain_text(workshop.app.url.replace("127.0.0.1", "localhost"))
        expect(main).to_contain_text("FastAPI")
        expect(main.get_by_role("link", name="Nightly report")).to_be_visible()

        page.get_by_role("button", name="Resync shop").click()
        expect(main).to_contain_text("No change")

        page.get_by_role("button", name="More actions for shop").click()
        page.get_by_role("menuitem", name="Remove").click()
        question = page.get_by_role("alertdialog", name="Remove shop?")
        expect(question).to_contain_text("13 functions start no new runs")
        question.get_by_role("button", name="Remove").click()
        expect(page).to_have_url("/apps")
        expect(page.get_by_role("article", name="shop")).to_have_count(0)


def test_an_app_that_fails_says_what_to_do(workshop: Workshop, visits: Visits) -> None:
    page = visits.begin(workshop.server.url).page
    page.goto("/apps?sync=true")
    port = free_port()
    sync(page, f"localhost:{port}")
    dialog = page.get_by_role("dialog", name="Sync an app")
    expect(dialog.get_by_role("alert")).to_contain_text("Nothing answers at the URL")
    expect(dialog.get_by_role("alert")).to_contain_text("Start the app")
    dialog.get_by_role("button", name="Close").last.click()

    page.goto("/apps")
    card = page.get_by_role("article", name=f":{port}")
    expect(card).to_contain_text("Nothing answers at the URL")
    sidebar = page.get_by_role("navigation", name="Main")
    expect(sidebar.get_by_role("link", name="Apps")).to_contain_text("1 failing")
    card.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Remove").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Remove").click()
    expect(card).to_have_count(0)


def test_an_address_that_is_none_is_not_asked(page: Page, scene: Scene) -> None:
    page.goto("/apps?sync=true")
    sync(page, "http://")
    field = page.get_by_role("dialog").get_by_role("textbox", name="URL of the app")
    expect(field).to_have_attribute("aria-invalid", "true")


def test_apps_at_a_glance(page: Page, scene: Scene) -> None:
    page.goto("/apps")
    shop = page.get_by_role("article", name="shop")
    expect(shop).to_contain_text("Python")
    expect(shop.get_by_role("link", name="13 functions")).to_be_visible()
    expect(page.get_by_role("article", name="warehouse")).to_contain_text("TypeScript")
    shop.get_by_role("link", name="shop").click()
    expect(page).to_have_url(f"/apps/{scene.shop}")
    expect(badge(page, "Synced")).to_be_visible()


def sync(page: Page, url: str) -> None:
    field = page.get_by_role("dialog", name="Sync an app").get_by_role("textbox")
    field.fill(url)
    field.press("Enter")
