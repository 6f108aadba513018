"""The dashboard can be read on a phone."""

import pytest
from playwright.sync_api import Page, expect

from tests.web.parts import badge, run_row, table_rows
from tests.web.scene import Scene
from tests.web.stage import Stage
from tests.web.visits import PHONE, Visits


@pytest.fixture
def phone(stage: Stage, visits: Visits) -> Page:
    return visits.begin(stage.url, size=PHONE, has_touch=True, is_mobile=True).page


def test_one_finds_and_reads_a_failed_run(phone: Page, scene: Scene) -> None:
    phone.goto("/events")
    phone.get_by_role("button", name="Menu").tap()
    phone.get_by_role("navigation", name="Main").get_by_role("link", name="Runs").tap()
    expect(phone.get_by_role("navigation", name="Main")).to_have_count(0)
    expect(table_rows(phone).first).to_be_visible()

    phone.goto("/runs?filterStatus=FAILED")
    row = table_rows(phone).filter(has_text="Book delivery")
    row.get_by_role("button", name="Details of").tap()
    details = phone.get_by_role("region", name="Details of run")
    expect(details.get_by_text("the carrier refused the delivery", exact=True)).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth") == PHONE[0]


def test_one_watches_a_run(phone: Page, stage: Stage) -> None:
    run_id = stage.started("shop/catalogue", {"gate": "on the phone"})
    phone.goto(f"/runs/{run_id}")
    expect(badge(phone, "Running")).to_be_visible()
    stage.open_gate("on the phone")
    expect(badge(phone, "Completed")).to_be_visible()
    expect(run_row(phone, run_id)).to_have_count(0)
    assert phone.evaluate("document.documentElement.scrollWidth") == PHONE[0]
