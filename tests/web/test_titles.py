"""Every page has its name, and what is not there says so."""

from playwright.sync_api import Page, expect

from tests.web.scene import Scene
from tests.web.visits import Visit

UNKNOWN_ULID = "01AAAAAAAAAAAAAAAAAAAAAAAA"
UNKNOWN_UUID = "00000000-0000-4000-8000-000000000000"


PLACES = (
    "Events",
    "Event types",
    "Functions",
    "Apps",
    "Metrics",
    "Server",
    "API and MCP",
    "Runs",
)


def test_pages_are_named(page: Page, scene: Scene) -> None:
    page.goto("/runs")
    sidebar = page.get_by_role("navigation", name="Main")
    for title in PLACES:
        link = sidebar.get_by_role("link", name=title, exact=True)
        link.click()
        expect(page).to_have_title(f"{title} · Stepwell")
        expect(page.get_by_role("heading", level=1, name=title, exact=True)).to_be_visible()
        expect(link).to_have_attribute("aria-current", "page")


def test_pages_of_one_thing_are_named_by_it(page: Page, scene: Scene) -> None:
    page.goto(f"/runs/{scene.fulfilled}")
    expect(page).to_have_title(f"Fulfil order · {scene.fulfilled} · Stepwell")
    page.goto(f"/events/{scene.order_event}")
    expect(page).to_have_title(f"shop/order.placed · {scene.order_event} · Stepwell")


MISSING = {
    f"/runs/{UNKNOWN_ULID}": "Run not found",
    "/runs/nonsense": "Run not found",
    f"/events/{UNKNOWN_ULID}": "Event not found",
    f"/apps/{UNKNOWN_UUID}": "App not found",
    "/apps/nonsense": "App not found",
    "/functions/shop-missing": "There is no such function",
    "/no/such/page": "There is no such page",
}


def test_what_is_not_there_says_so(page: Page, scene: Scene) -> None:
    for path, text in MISSING.items():
        page.goto(path)
        expect(page.get_by_role("heading", name=text)).to_be_visible()
        expect(page.get_by_role("navigation", name="Main")).to_be_visible()


def test_addresses_of_older_dashboards_lead_somewhere(page: Page, scene: Scene) -> None:
    slug = "shop-fulfil-order"
    moved = {
        "/mcp/setup": "/endpoints",
        f"/functions/config?slug={slug}": f"/functions/{slug}/configuration",
        f"/event?eventID={scene.order_event}": f"/events/{scene.order_event}",
    }
    for old, new in moved.items():
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
