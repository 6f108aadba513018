"""Events are sent, sent again, and followed to what they start."""

import re
from collections.abc import Sequence

from playwright.sync_api import Locator, Page, Request, expect

from tests.web.parts import badge, choose, table_rows, timeline_row, write
from tests.web.scene import Scene
from tests.web.stage import Stage


def open_editor(page: Page) -> Locator:
    page.goto("/events")
    page.get_by_role("button", name="Send event").click()
    dialog = page.get_by_role("dialog", name="Send an event")
    expect(editor_of(dialog)).to_be_visible()
    return dialog


def editor_of(dialog: Locator) -> Locator:
    return dialog.get_by_role("textbox", name="Event or list of events")


def sent_by(page: Page) -> Sequence[str]:
    """What the page asks the server to take, from now on."""
    bodies: list[str] = []

    def note(request: Request) -> None:
        if "SendEvents" in (request.post_data or ""):
            bodies.append(request.post_data or "")

    page.on("request", note)
    return bodies


def test_an_event_is_sent_and_leads_to_its_run(page: Page, stage: Stage) -> None:
    dialog = open_editor(page)
    write(editor_of(dialog), '{"name": "shop/label.requested", "data": {"parcel": "P-77"}}')
    dialog.get_by_role("button", name="Send event").click()

    sent = page.get_by_role("dialog", name="The event was sent")
    expect(sent.get_by_text("Completed")).to_be_visible()
    sent.get_by_role("link", name=re.compile(r"^[0-9A-Z]{26}$")).last.click()

    expect(sent).to_have_count(0)
    expect(page.get_by_role("heading", name="Print label")).to_be_visible()
    expect(page.get_by_role("tabpanel", name="Output")).to_contain_text("labels.test/P-77.pdf")


def test_what_is_not_json_is_never_sent(page: Page, stage: Stage) -> None:
    dialog = open_editor(page)
    bodies = sent_by(page)
    write(editor_of(dialog), '{"name": "shop/label.requested",\n "data": {"parcel": 1},}')
    dialog.get_by_role("button", name="Send event").click()

    alert = dialog.get_by_role("alert").filter(has_text="Nothing was sent")
    expect(alert).to_contain_text("Line 2")
    editor_of(dialog).press("Control+Enter")
    expect(alert).to_be_visible()
    write(editor_of(dialog), '{"data": {}}')
    dialog.get_by_role("button", name="Send event").click()
    expect(alert).to_contain_text("name")
    assert list(bodies) == []

    write(editor_of(dialog), '{"name": "shop/nobody.listens"}')
    dialog.get_by_role("button", name="Send event").click()
    expect(page.get_by_role("dialog", name="The event was sent")).to_be_visible()
    assert len(bodies) == 1


def test_numbers_arrive_as_they_were_written(page: Page, stage: Stage) -> None:
    dialog = open_editor(page)
    write(
        editor_of(dialog), '{"name": "shop/counted", "data": {"n": 12345678901234567890, "x": 0.1}}'
    )
    editor_of(dialog).press("Control+Enter")
    sent = page.get_by_role("dialog", name="The event was sent")
    sent.get_by_role("link").first.click()

    expect(page.get_by_role("figure", name="Payload")).to_contain_text("12345678901234567890")


def test_what_was_sent_is_remembered(page: Page, stage: Stage) -> None:
    dialog = open_editor(page)
    write(editor_of(dialog), '{"name": "shop/remembered", "data": {"first": true}}')
    dialog.get_by_role("button", name="Send event").click()
    page.get_by_role("dialog", name="The event was sent").get_by_role("button", name="Done").click()
    page.reload()

    dialog = open_editor(page)
    history = dialog.get_by_role("region", name="Sent from here")
    write(editor_of(dialog), "{}")
    history.get_by_role("button", name="shop/remembered").first.click()
    expect(editor_of(dialog)).to_contain_text('"first": true')
    history.get_by_role("button", name="Forget shop/remembered").click()
    expect(history.get_by_role("listitem")).to_have_count(0)


def test_an_event_is_sent_again(page: Page, scene: Scene) -> None:
    page.goto(f"/events/{scene.order_event}")
    functions = page.get_by_role("region", name="Functions")
    expect(functions.get_by_role("link", name="Fulfil order")).to_be_visible()
    expect(functions).to_contain_text("Completed")

    page.get_by_role("button", name="Send again").click()
    dialog = page.get_by_role("dialog", name="Send an event")
    expect(editor_of(dialog)).to_contain_text("Ada Lovelace")
    expect(editor_of(dialog)).not_to_contain_text(scene.order_event)
    dialog.get_by_role("button", name="Send event").click()

    sent = page.get_by_role("dialog", name="The event was sent")
    expect(sent.get_by_text("Completed")).to_be_visible()


def test_a_failed_run_is_found_from_its_event(page: Page, scene: Scene) -> None:
    page.goto("/events")
    choose(page, "Event", "shop/refund.asked")
    expect(page).to_have_url("/events?filterEvent=shop/refund.asked")
    expect(table_rows(page)).to_have_count(1)
    table_rows(page).get_by_role("button", name="Details of").click()

    page.get_by_role("region", name="Details of").get_by_role("link", name=scene.refused).click()
    expect(badge(page, "Failed")).to_be_visible()
    expect(timeline_row(page, "Function error Failed")).to_be_visible()


def test_events_of_the_server_are_shown_on_request(page: Page, scene: Scene) -> None:
    page.goto("/events")
    expect(table_rows(page).first).to_be_visible()
    expect(page.get_by_role("cell", name="inngest/function.finished")).to_have_count(0)

    page.get_by_role("switch", name="Internal events").click()

    expect(page).to_have_url("/events?includeInternal=true")
    expect(page.get_by_role("cell", name="inngest/function.finished").first).to_be_visible()


def test_a_skipped_event_says_why(page: Page, scene: Scene, stage: Stage) -> None:
    page.goto(f"/runs/{scene.skipped}")
    notice = page.get_by_role("note").filter(has_text="Skipped: nothing was run")
    expect(notice).to_contain_text("paused")

    page.get_by_role("region", name="Run").get_by_role("link", name=re.compile("^01")).click()
    functions = page.get_by_role("region", name="Functions")
    expect(functions.get_by_role("link", name="Send newsletter")).to_be_visible()
    expect(functions).to_contain_text("Skipped")
