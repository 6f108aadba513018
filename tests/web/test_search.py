"""Runs and events are found by what is in them."""

import uuid

import pytest
from playwright.sync_api import Page, expect

from tests.web.parts import run_row, table_rows, write
from tests.web.scene import Scene
from tests.web.stage import Stage


def open_search(page: Page, path: str) -> None:
    page.goto(path)
    expect(table_rows(page).first).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_role("textbox", name="Search")).to_be_focused()


def test_a_search_is_completed_while_it_is_written(page: Page, scene: Scene) -> None:
    open_search(page, "/runs")
    page.keyboard.type("err")
    completions = page.get_by_role("listbox", name="Completions")
    expect(completions.get_by_role("option", name="error.message")).to_be_visible()

    page.keyboard.type("or.m")
    expect(completions.get_by_role("option")).to_have_count(1)
    completions.get_by_role("option", name="error.message").click()
    page.keyboard.type(".con")
    completions.get_by_role("option", name="contains").click()
    page.keyboard.type("carrier refused")
    page.keyboard.press("Control+Enter")

    expect(page.get_by_role("textbox", name="Search")).to_have_text(
        'error.message.contains("carrier refused")'
    )
    expect(run_row(page, scene.undeliverable)).to_be_visible()
    expect(run_row(page, scene.refused)).to_have_count(0)


def test_a_search_is_in_the_address(page: Page, scene: Scene) -> None:
    open_search(page, "/runs")
    page.keyboard.insert_text('event.data.order == "1002"')
    page.get_by_role("button", name="Search", exact=True).last.click()
    expect(run_row(page, scene.refused)).to_be_visible()
    expect(run_row(page, scene.fulfilled)).to_have_count(0)
    address = page.url

    page.goto("/events")
    page.goto(address)

    expect(page.get_by_role("textbox", name="Search")).to_have_text('event.data.order == "1002"')
    expect(run_row(page, scene.refused)).to_be_visible()
    expect(run_row(page, scene.fulfilled)).to_have_count(0)
    page.get_by_role("button", name="Reset").click()
    expect(page).to_have_url("/runs")
    expect(table_rows(page).nth(5)).to_be_visible()


@pytest.mark.parametrize("path", ["/runs", "/events"])
def test_what_is_wrong_is_underlined_until_it_is_right(page: Page, scene: Scene, path: str) -> None:
    open_search(page, path)
    editor = page.get_by_role("textbox", name="Search")
    page.keyboard.insert_text("event.data.order == 1002 && event.name")

    alert = page.get_by_role("search").get_by_role("alert")
    expect(alert).to_contain_text("column 29")
    expect(alert).to_contain_text("this is compared with nothing")
    # CodeMirror marks what a diagnostic is about by a class only.
    underlined = editor.locator(".cm-lintRange-error")
    expect(underlined).to_have_text("event.name")

    write(editor, 'event.name == "shop/refund.asked"')
    expect(alert).to_have_count(0)
    expect(underlined).to_have_count(0)
    page.keyboard.press("Control+Enter")
    expect(table_rows(page)).to_have_count(1)
    expect(table_rows(page)).to_contain_text("shop/refund.asked")


def test_a_search_that_is_wrong_is_not_begun(page: Page, scene: Scene) -> None:
    open_search(page, "/runs")
    page.keyboard.insert_text('event.data.order = "1002"')
    page.keyboard.press("Control+Enter")

    expect(page.get_by_role("search").get_by_role("alert")).to_be_visible()
    expect(page).to_have_url("/runs")
    expect(table_rows(page).nth(5)).to_be_visible()


def test_events_are_found_by_their_data(page: Page, scene: Scene, stage: Stage) -> None:
    colour = uuid.uuid4().hex
    event_id = stage.send("shop/nobody.listens", {"colour": colour})
    open_search(page, "/events")
    page.keyboard.insert_text(f'event.data.colour.startsWith("{colour[:12]}")')
    page.keyboard.press("Control+Enter")

    expect(table_rows(page)).to_have_count(1)
    details = page.get_by_role("button", name=f"Details of shop/nobody.listens {event_id}")
    expect(details).to_be_visible()
