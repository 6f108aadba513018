"""Somebody looks for what failed, sees why, and makes it right."""

import re

from playwright.sync_api import Page, expect

from tests.web.parts import badge, choose, run_row, table_rows, timeline_row, write
from tests.web.scene import Scene
from tests.web.stage import Stage


def test_failed_runs_are_found_by_their_status(page: Page, scene: Scene) -> None:
    page.goto("/runs")
    expect(table_rows(page).first).to_be_visible()

    choose(page, "Status", "Failed")

    expect(page).to_have_url("/runs?filterStatus=FAILED")
    expect(run_row(page, scene.refused)).to_contain_text("Failed")
    expect(run_row(page, scene.undeliverable)).to_contain_text("Failed")
    expect(table_rows(page).filter(has_not_text="Failed")).to_have_count(0)


def test_a_filter_outlives_reloading_and_coming_back(page: Page, scene: Scene) -> None:
    page.goto("/runs?filterStatus=FAILED,CANCELLED")
    page.reload()
    expect(run_row(page, scene.withdrawn)).to_contain_text("Cancelled")

    page.get_by_role("link", name=scene.refused).click()
    expect(page).to_have_url(f"/runs/{scene.refused}")
    page.go_back()

    expect(page).to_have_url("/runs?filterStatus=FAILED,CANCELLED")
    expect(run_row(page, scene.refused)).to_be_visible()
    expect(table_rows(page).filter(has_text="Completed")).to_have_count(0)


def test_links_of_older_dashboards_open_what_they_mean(page: Page, scene: Scene) -> None:
    page.goto("/runs?filterStatus=%22%5B%5C%22FAILED%5C%22%5D%22&nonsense=1")
    expect(page).to_have_url("/runs?filterStatus=FAILED")
    expect(run_row(page, scene.refused)).to_be_visible()
    expect(table_rows(page).filter(has_not_text="Failed")).to_have_count(0)

    page.goto(f"/run?runID={scene.refused}")
    expect(page).to_have_url(f"/runs/{scene.refused}")
    expect(badge(page, "Failed")).to_be_visible()


def test_values_that_mean_nothing_are_left_out(page: Page, scene: Scene) -> None:
    page.goto("/runs?filterStatus=FAILED,SHINY&last=soon&timeField=SOMETIME")

    expect(page).to_have_url("/runs?filterStatus=FAILED")
    expect(run_row(page, scene.refused)).to_be_visible()


def test_a_range_without_runs_offers_a_longer_one(page: Page, scene: Scene) -> None:
    page.goto("/runs?start=2020-01-01T00:00:00Z&end=2020-01-02T00:00:00Z")

    expect(page.get_by_role("heading", name="No runs in this range")).to_be_visible()
    page.get_by_role("button", name="Look at 30 days").click()
    expect(table_rows(page).first).to_be_visible()
    expect(page).to_have_url("/runs?last=30d")


def test_the_error_of_a_run_comes_with_its_stack_and_its_causes(page: Page, scene: Scene) -> None:
    page.goto("/runs?filterStatus=FAILED")
    page.get_by_role("link", name=scene.undeliverable).click()

    expect(badge(page, "Failed")).to_be_visible()
    error = page.get_by_role("tabpanel", name="Error")
    expect(error.get_by_text("NonRetriableError", exact=True)).to_be_visible()
    expect(error.get_by_text("the carrier refused the delivery", exact=True)).to_be_visible()
    expect(error.get_by_role("figure", name="Stack")).to_contain_text("functions.js:")
    cause = error.get_by_role("figure", name="Cause")
    expect(cause).to_contain_text("TypeError: postcode is missing")
    expect(cause).to_contain_text("empty address")


def test_a_run_is_repeated_from_a_step_with_another_input(
    page: Page, scene: Scene, stage: Stage
) -> None:
    page.goto(f"/runs/{scene.undeliverable}")
    timeline_row(page, "book carrier").click()
    page.get_by_role("button", name="Rerun from here").click()

    dialog = page.get_by_role("dialog", name="Rerun from book carrier")
    expect(dialog.get_by_role("textbox", name="Input in this run")).to_contain_text('""')
    editor = dialog.get_by_role("textbox", name="New input")
    start = dialog.get_by_role("button", name="Rerun from here")
    write(editor, '["Graz"')
    expect(start).to_be_disabled()
    write(editor, '["Graz"]')
    start.click()

    # The new run has its own page, and that becomes current by itself.
    expect(page).not_to_have_url(re.compile(scene.undeliverable))
    expect(badge(page, "Completed")).to_be_visible()
    expect(page.get_by_role("tabpanel", name="Output")).to_contain_text("booked to Graz")
    page.get_by_role("tab", name="Linked runs").click()
    expect(page.get_by_role("link", name=scene.undeliverable)).to_be_visible()
    assert stage.status(scene.undeliverable) == "FAILED"
