"""Every page has its name, and what is not there says so."""

import pytest
from playwright.sync_api import Page, expect

from tests.web.scene import Scene
from tests.web.visits import Visit

UNKNOWN_ULID = "01AAAAAAAAAAAAAAAAAAAAAAAA"
UNKNOWN_UUID = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/runs", "Runs"),
        ("/events", "Events"),
        ("/event-types", "Event types"),
        ("/functions", "Functions"),
        ("/functions/shop-fulfil-order", "Fulfil order"),
        ("/apps", "Apps"),
        ("/charts", "Metrics"),
        ("/server", "Server"),
        ("/endpoints", "API and MCP"),
    ],
)
def test_pages_are_named(page: Page, scene: Scene, path: str, title: str) -> None:
    page.goto(path)
    expect(page).to_have_title(f"{title} · Stepwell")
    expect(page.get_by_role("heading", level=1, name=title)).to_be_visible()


def test_pages_of_one_thing_are_named_by_it(page: Page, scene: Scene) -> None:
    page.goto(f"/runs/{scene.fulfilled}")
    expect(page).to_have_title(f"Fulfil order · {scene.fulfilled} · Stepwell")
    page.goto(f"/events/{scene.order_event}")
    expect(page).to_have_title(f"shop/order.placed · {scene.order_event} · Stepwell")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (f"/runs/{UNKNOWN_ULID}", "Run not found"),
        ("/runs/nonsense", "Run not found"),
        (f"/events/{UNKNOWN_ULID}", "Event not found"),
        (f"/apps/{UNKNOWN_UUID}", "App not found"),
        ("/apps/nonsense", "App not found"),
        ("/functions/shop-missing", "There is no such function"),
        ("/no/such/page", "There is no such page"),
    ],
)
def test_what_is_not_there_says_so(page: Page, scene: Scene, path: str, text: str) -> None:
    page.goto(path)
    expect(page.get_by_role("heading", name=text)).to_be_visible()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/mcp/setup", "/endpoints"),
        ("/functions/config?slug=shop-fulfil-order", "/functions/shop-fulfil-order/configuration"),
    ],
)
def test_addresses_of_older_dashboards_lead_somewhere(
    page: Page, scene: Scene, old: str, new: str
) -> None:
    page.goto(old)
    expect(page).to_have_url(new)


def test_a_part_that_cannot_be_fetched_is_fetched_with_the_page(visit: Visit, scene: Scene) -> None:
    """As after an update of the server: it has no files any more that the page may still want."""
    page = visit.page
    page.goto("/events")
    expect(page.get_by_role("heading", name="Events")).to_be_visible()
    visit.watch.announce_text("dynamically imported module")
    visit.watch.announce_text("net::ERR_FAILED")
    page.route("**/assets/*.js", lambda route: route.abort())
    page.get_by_role("button", name="Send event").click()
    expect(page.get_by_role("heading", name="could not be fetched")).to_be_visible()

    page.unroute("**/assets/*.js")
    page.get_by_role("button", name="Load the page again").click()
    expect(page.get_by_role("dialog", name="Send an event")).to_be_visible()
