"""What the server says of itself, where it is reached, and who may see it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.compat.harness import Server
from tests.web.parts import filter_of
from tests.web.scene import Scene
from tests.web.stage import SIGNING_KEY, running_server
from tests.web.visits import Visits

BASE = "/tools/stepwell"


@pytest.fixture(scope="module")
def based_server(built_pages: None, logs: Path) -> Iterator[Server]:
    """A server below a path, as behind a proxy that has other things as well."""
    options = ("dev", "--no-persist", "--no-discovery", "--no-poll", "--base-path", BASE)
    with running_server(*options, log=logs / "based-server.log") as server:
        yield server


def test_the_server_tells_what_it_is_and_keeps(page: Page, scene: Scene) -> None:
    page.goto("/server")
    main = page.get_by_role("main")
    for term in ("Version", "Mode", "Running for", "Kind", "Queue", "Calls under way"):
        expect(main.get_by_role("term").get_by_text(term, exact=True)).to_be_visible()
    expect(main).to_contain_text("Development")
    # The scene has calls that were not answered yet.
    expect(main.get_by_role("region", name="Calls under way")).to_contain_text("Import catalogue")


def test_retention_is_changed(empty_server: Server, visits: Visits) -> None:
    page = visits.begin(empty_server.url).page
    page.goto("/server")
    page.get_by_role("button", name="Change").click()
    dialog = page.get_by_role("dialog", name="Change retention")
    events = dialog.get_by_role("textbox", name="Events")
    events.fill("soon")
    expect(dialog).to_contain_text("such as 30d or 12h, or forever")
    change = dialog.get_by_role("button", name=re.compile("^Change"))
    expect(change).to_be_disabled()
    events.fill("30m")
    expect(dialog).to_contain_text("Some will be deleted")
    events.fill("45d")
    expect(change).to_have_text("Change")
    change.click()

    expect(dialog).to_have_count(0)
    expect(page.get_by_role("main")).to_contain_text("45 days")
    page.get_by_role("button", name="Change").click()
    events.fill("")
    change.click()
    expect(dialog).to_have_count(0)


def test_addresses_are_those_of_the_server(page: Page, scene: Scene) -> None:
    page.goto("/endpoints")
    main = page.get_by_role("main")
    origin = page.url.removesuffix("/endpoints")
    for path in ("/v0/gql", "/v1", "/metrics"):
        expect(main.get_by_text(f"{origin}{path}").first).to_be_visible()
    assert SIGNING_KEY not in main.inner_text()


def test_everything_is_below_the_base_path(based_server: Server, visits: Visits) -> None:
    visit = visits.begin(based_server.url)
    page = visit.page
    paths: list[str] = []
    page.on("request", lambda request: paths.append(request.url.removeprefix(based_server.url)))
    page.on("websocket", lambda socket: paths.append(re.sub(r"^ws://[^/]+", "", socket.url)))
    page.goto(f"{BASE}/functions?query=x")

    expect(page.get_by_role("heading", name="Functions")).to_be_visible()
    expect(page.get_by_text("Live · ")).to_be_visible()
    page.get_by_role("link", name="API and MCP").click()
    expect(page).to_have_url(f"{BASE}/endpoints")
    address = page.get_by_text(f"{based_server.url}{BASE}/v0/gql").first
    expect(address).to_be_visible()
    page.reload()
    expect(address).to_be_visible()
    assert any(path.startswith(f"{BASE}/v0/changes") for path in paths)
    assert [path for path in paths if not path.startswith(f"{BASE}/")] == []


def test_one_signs_in_where_one_wanted_to_go(locked_server: Server, visits: Visits) -> None:
    visit = visits.begin(locked_server.url)
    page = visit.page
    page.goto("/runs?filterStatus=FAILED")
    key = page.get_by_label("Signing key")
    visit.watch.announce_status("/v0/session", 401)
    key.fill("5e9b" * 16)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("navigation", name="Main")).to_have_count(0)

    key.fill(SIGNING_KEY)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    expect(page).to_have_url("/runs?filterStatus=FAILED")
    expect(filter_of(page, "Status Failed")).to_be_visible()
    expect(page.get_by_text("Live · ")).to_be_visible()
    stored = page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
    assert SIGNING_KEY not in stored + page.content()
    assert "signed" not in page.evaluate("document.cookie")

    page.keyboard.press("Control+k")
    page.keyboard.type("sign out")
    page.get_by_role("option", name="Sign out").click()
    expect(page).to_have_title("Sign in · Stepwell")
    page.reload()
    expect(page.get_by_label("Signing key")).to_be_visible()
