"""The server goes and comes back while somebody looks."""

from pathlib import Path

from playwright.sync_api import expect

from tests.compat.harness import Server
from tests.web.parts import without_reload
from tests.web.visits import Visits

OPTIONS = ("dev", "--no-persist", "--no-discovery", "--no-poll")


def test_an_outage_is_told_and_overcome(built_pages: None, logs: Path, visits: Visits) -> None:
    log = logs / "flaky-server.log"
    server = Server(OPTIONS, log=log).wait_until_healthy()
    visit = visits.begin(server.url)
    page = visit.page
    banner = page.get_by_role("status").filter(has_text="The server does not answer")
    try:
        page.goto("/events?last=7d")
        expect(page.get_by_text("Live · ")).to_be_visible()
        with without_reload(page):
            visit.watch.announce_offline()
            server.stop()
            expect(page.get_by_text("Reconnecting")).to_be_visible()
            banner.get_by_role("button", name="Try now").click()
            expect(banner).to_be_visible()

            # The page tries again by itself, at the latest every ten seconds.
            server = Server(OPTIONS, log=log, port=server.port).wait_until_healthy()
            expect(banner).to_have_count(0)
            expect(page.get_by_text("Live · ")).to_be_visible()

            # What came meanwhile and what comes now is shown.
            server.send("shop/after.the.storm")
            expect(
                page.get_by_role("cell", name="shop/after.the.storm", exact=True)
            ).to_be_visible()
        page.goto("about:blank")
    finally:
        server.stop()
