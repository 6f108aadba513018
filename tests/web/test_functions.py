"""A function is watched, and stood still and let go on."""

import re
import uuid

from playwright.sync_api import Locator, Page, expect

from tests.web.parts import badge, table_rows, write
from tests.web.scene import Scene
from tests.web.stage import Stage

LONG = "shop-a-function-whose-name-is-as-long-as-somebody-who-describes-everything-would-make-it"


def act(page: Page, action: str) -> Locator:
    """Choose an action of the function; the dialog that asks about it."""
    page.get_by_role("button", name="Actions").click()
    page.get_by_role("menuitem", name=action).click()
    dialog = page.get_by_role("dialog").or_(page.get_by_role("alertdialog"))
    expect(dialog).to_be_visible()
    return dialog


def outcome_of(page: Page, event_id: str) -> Locator:
    page.goto(f"/events/{event_id}")
    return page.get_by_role("region", name="Functions")


def test_events_of_a_paused_function_are_skipped_until_it_goes_on(
    page: Page, scene: Scene, stage: Stage
) -> None:
    page.goto("/functions/shop-fetch-rates")
    dialog = act(page, "Pause…")
    new_runs = dialog.get_by_role("group", name="New runs")
    expect(new_runs.get_by_role("radio", name="Skip them")).to_be_checked()
    expect(new_runs).to_contain_text("recorded as skipped")
    expect(new_runs).to_contain_text("start when the function is resumed")
    running = dialog.get_by_role("group", name="Runs that have started")
    expect(running.get_by_role("radio")).to_have_count(3)
    dialog.get_by_role("button", name="Pause").click()
    expect(badge(page, "Paused")).to_be_visible()

    functions = outcome_of(page, stage.send("shop/rates.wanted"))
    expect(functions.get_by_role("link", name="Fetch rates")).to_be_visible()
    expect(functions).to_contain_text("Skipped")
    expect(functions).to_contain_text("paused")

    page.goto("/functions/shop-fetch-rates")
    act(page, "Resume…").get_by_role("button", name="Resume").click()
    expect(badge(page, "Paused")).to_have_count(0)
    expect(outcome_of(page, stage.send("shop/rates.wanted"))).to_contain_text("Completed")


def test_runs_of_a_paused_function_can_wait(page: Page, scene: Scene, stage: Stage) -> None:
    page.goto("/functions/shop-print-label")
    dialog = act(page, "Pause…")
    dialog.get_by_role("radio", name="Let them wait").check()
    dialog.get_by_role("button", name="Pause").click()
    expect(badge(page, "Paused")).to_be_visible()

    run_id = stage.started("shop/label.requested", {"parcel": "P-1"})
    page.goto(f"/runs/{run_id}")
    expect(badge(page, "Queued")).to_be_visible()
    notice = page.get_by_role("note").filter(has_text="Waiting to start")
    expect(notice).to_contain_text("end of the pause")

    page.get_by_role("main").get_by_role("link", name="Print label").click()
    act(page, "Resume…").get_by_role("button", name="Resume").click()
    expect(badge(page, "Paused")).to_have_count(0)
    page.goto(f"/runs/{run_id}")
    expect(badge(page, "Completed")).to_be_visible()


def test_a_function_is_invoked_with_a_payload(page: Page, scene: Scene) -> None:
    page.goto("/functions/shop-print-label")
    page.get_by_role("button", name="Invoke").click()
    dialog = page.get_by_role("dialog", name="Invoke")
    editor = dialog.get_by_role("textbox").first
    write(editor, '{"parcel": "by hand"')
    start = dialog.get_by_role("button", name="Invoke and open the run")
    expect(start).to_be_disabled()
    write(editor, '{"parcel": "by hand"}')
    start.click()

    expect(page).to_have_url(re.compile(r"/runs/[0-9A-Z]{26}"))
    expect(badge(page, "Completed")).to_be_visible()
    expect(page.get_by_role("tabpanel", name="Output")).to_contain_text("by hand.pdf")


def test_runs_of_a_function_are_cancelled_and_replayed(
    page: Page, scene: Scene, stage: Stage
) -> None:
    gate = uuid.uuid4().hex
    runs = [stage.started("shop/customer.changed", {"customer": n, "gate": gate}) for n in "xy"]
    page.goto("/functions/shop-sync-customer")
    dialog = act(page, "Cancel runs…")
    condition = dialog.get_by_role("textbox", name="Only runs whose event fits")
    condition.fill(f'event.data.gate == "{gate}"')
    expect(dialog).to_contain_text("those whose event fits are cancelled")
    dialog.get_by_role("button", name="Cancel these runs").click()
    for run_id in runs:
        assert stage.wait_for_end(run_id) == "CANCELLED"
    assert stage.status(scene.holding) == "RUNNING"
    page.get_by_role("link", name="Cancellations").click()
    expect(page.get_by_role("main")).to_contain_text("2 cancelled of")

    stage.open_gate(gate)
    dialog = act(page, "Replay runs…")
    dialog.get_by_role("checkbox", name="Failed").uncheck()
    expect(dialog.get_by_role("button", name="Replay")).to_be_disabled()
    dialog.get_by_role("checkbox", name="Cancelled").check()
    dialog.get_by_role("button", name="Replay").click()
    page.get_by_role("link", name="Watch the replay").click()
    expect(page).to_have_url("/functions/shop-sync-customer/replays")
    found = f'filterStatus=COMPLETED&search=event.data.gate=="{gate}"'
    page.goto(f"/functions/shop-sync-customer/runs?{found}")
    expect(table_rows(page)).to_have_count(2)


def test_the_page_of_a_function_draws_its_numbers(page: Page, scene: Scene) -> None:
    page.goto("/functions/shop-fulfil-order")
    runs = page.get_by_role("figure", name=re.compile("^Runs"))
    # What is drawn is read from its table: the numbers of the scene.
    runs.first.get_by_role("button", name="as a table").click()
    expect(runs.first.get_by_role("table")).to_contain_text("1")
    for title in ("Run throughput", "Steps running", "Backlog", "SDK requests"):
        figure = page.get_by_role("figure", name=title)
        expect(figure.get_by_role("button", name=f"{title} as a table")).to_be_visible()
        expect(figure.locator("svg").last).to_be_visible()


def test_every_option_of_a_function_is_shown(page: Page, scene: Scene) -> None:
    page.goto(f"/functions/{LONG}/configuration")
    main = page.get_by_role("main")
    for option in ("Rate limit", "Throttle", "Priority", "Timeouts", "Idempotency", "Retries"):
        expect(main.get_by_role("heading", name=option)).to_be_visible()
    for value in ("100", "event.data.urgent ? 120 : 0", "event.data.quarter", "shop/audit.*"):
        expect(main).to_contain_text(value)
    expect(page.get_by_role("figure", name="As it was registered")).to_contain_text('"throttle"')


def test_the_list_of_functions_is_searched(page: Page, scene: Scene) -> None:
    page.goto("/functions")
    page.get_by_role("searchbox", name="Search functions by name").fill("newsl")
    expect(page).to_have_url("/functions?query=newsl")
    expect(page.get_by_role("status").filter(has_text="1 function")).to_be_visible()
    expect(page.get_by_role("main").get_by_text("Paused")).to_be_visible()
    page.get_by_role("link", name="Send newsletter").click()
    expect(page.get_by_role("heading", name="Send newsletter")).to_be_visible()
