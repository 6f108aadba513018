"""What happens is seen while it happens, and does not move what one reads."""

import re

from playwright.sync_api import Page, expect

from tests.web.parts import badge, run_row, table_rows, timeline_row, without_reload
from tests.web.scene import Scene
from tests.web.stage import Stage


def test_a_run_is_watched_to_its_end(page: Page, stage: Stage) -> None:
    run_id = stage.started("shop/catalogue", {"gate": "watched"})
    page.goto(f"/runs/{run_id}")
    with without_reload(page):
        expect(timeline_row(page, "download Completed")).to_be_visible()
        # The SDK tells the name of a step that it carries out at once only when that has ended.
        expect(timeline_row(page, "Function call Running")).to_be_visible()
        expect(badge(page, "Running")).to_be_visible()

        stage.open_gate("watched")

        expect(timeline_row(page, "read rows Completed")).to_be_visible()
        expect(badge(page, "Completed")).to_be_visible()
        expect(page.get_by_role("tabpanel", name="Output")).to_contain_text("18,204 rows")
        expect(page.get_by_role("button", name="Cancel")).to_be_disabled()


def test_a_run_that_is_cancelled_says_so(page: Page, stage: Stage) -> None:
    run_id = stage.started("shop/catalogue", {"gate": "never"})
    page.goto(f"/runs/{run_id}")
    with without_reload(page):
        page.get_by_role("button", name="Cancel").click()
        question = page.get_by_role("alertdialog", name="Cancel this run?")
        question.get_by_role("button", name="Cancel the run").click()

        expect(question).to_have_count(0)
        expect(badge(page, "Cancelled")).to_be_visible()
        expect(page.get_by_role("note").filter(has_text="Cancelled")).to_be_visible()
    assert stage.status(run_id) == "CANCELLED"


def test_the_status_of_a_listed_run_changes_where_it_stands(page: Page, stage: Stage) -> None:
    run_id = stage.started("shop/catalogue", {"gate": "listed"})
    page.goto("/runs")
    with without_reload(page):
        expect(run_row(page, run_id)).to_contain_text("Running")

        stage.open_gate("listed")

        expect(run_row(page, run_id)).to_contain_text("Completed")


def test_new_runs_do_not_move_what_one_reads(page: Page, stage: Stage, scene: Scene) -> None:
    page.goto("/runs")
    row = table_rows(page).nth(1)
    row.get_by_role("button", name="Details of run").click()
    expect(page.get_by_role("region", name="Details of run")).to_be_visible()
    first = table_rows(page).first.get_by_role("link").inner_text()
    place = row.bounding_box()

    run_id = stage.ended("shop/label.requested", {"parcel": "new"})

    announcement = page.get_by_role("button", name=re.compile(r"^\d+ new runs?$"))
    expect(announcement).to_be_visible()
    assert table_rows(page).first.get_by_role("link").inner_text() == first
    assert row.bounding_box() == place

    announcement.click()
    expect(run_row(page, run_id)).to_be_visible()
    expect(announcement).to_have_count(0)


def test_new_runs_appear_by_themselves_where_nobody_reads(page: Page, stage: Stage) -> None:
    page.goto("/runs")
    expect(table_rows(page).first).to_be_visible()
    with without_reload(page):
        run_id = stage.ended("shop/label.requested", {"parcel": "newer"})

        expect(run_row(page, run_id)).to_contain_text("Completed")


def test_what_a_run_waits_for_is_said(page: Page, scene: Scene) -> None:
    page.goto(f"/runs/{scene.waiting}")
    timeline_row(page, "payment").click()
    step = page.get_by_role("region", name="Step payment")
    expect(step).to_contain_text("Waiting for shop/payment.received until")

    page.goto(f"/runs/{scene.sleeping}")
    timeline_row(page, "give them a week").click()
    step = page.get_by_role("region", name="Step give them a week")
    expect(step).to_contain_text("Sleeping until")
    expect(step).to_contain_text("in 7 d")


def test_why_a_queued_run_waits_is_said(page: Page, scene: Scene) -> None:
    page.goto(f"/runs/{scene.queued}")

    notice = page.get_by_role("note").filter(has_text="Waiting to start")
    expect(notice).to_contain_text("concurrency")
    expect(notice).to_contain_text("1 of 1 in use")
    expect(notice).to_contain_text("event.data.customer")
