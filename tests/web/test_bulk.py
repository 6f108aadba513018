"""Many runs at once: selected, cancelled and repeated, each time after a question."""

from collections.abc import Sequence

from playwright.sync_api import Page, expect

from tests.web.parts import run_row
from tests.web.stage import Stage


def started(stage: Stage, gate: str, count: int) -> Sequence[str]:
    """Runs that stand at a gate."""
    return [stage.started("shop/catalogue", {"gate": gate}) for _ in range(count)]


def select(page: Page, run_ids: Sequence[str]) -> None:
    for run_id in run_ids:
        run_row(page, run_id).get_by_role("checkbox").check()
    selection = page.get_by_role("region", name="Selection")
    expect(selection).to_contain_text(f"{len(run_ids)} runs selected")


def test_runs_are_cancelled_together(page: Page, stage: Stage) -> None:
    runs = started(stage, "never", 3)
    page.goto("/runs?filterStatus=RUNNING,CANCELLED")
    select(page, runs)

    page.get_by_role("button", name="Cancel 3").click()
    dialog = page.get_by_role("dialog", name="Cancel runs")
    expect(dialog).to_contain_text("3 runs will end as cancelled")
    dialog.get_by_role("button", name="Keep as it is").click()
    assert [stage.status(run_id) for run_id in runs] == ["RUNNING"] * 3

    page.get_by_role("button", name="Cancel 3").click()
    dialog.get_by_role("button", name="Cancel 3 runs").click()

    expect(page.get_by_role("region", name="Notifications")).to_contain_text("3 runs cancelled")
    for run_id in runs:
        expect(run_row(page, run_id)).to_contain_text("Cancelled")
        assert stage.wait_for_end(run_id) == "CANCELLED"


def test_runs_are_repeated_together(page: Page, stage: Stage) -> None:
    stage.open_gate("open")
    runs = started(stage, "open", 2)
    for run_id in runs:
        assert stage.wait_for_end(run_id) == "COMPLETED"
    page.goto("/runs")
    select(page, runs)
    expect(page.get_by_role("button", name="Cancel 0")).to_be_disabled()

    page.get_by_role("button", name="Rerun 2").click()
    dialog = page.get_by_role("dialog", name="Rerun")
    expect(dialog).to_contain_text("2 new runs start")
    dialog.get_by_role("button", name="Rerun 2 runs").click()

    expect(page.get_by_role("region", name="Notifications")).to_contain_text("2 runs started again")
    page.get_by_role("button", name="Clear the selection").click()
    page.get_by_role("button", name="Refresh").click()
    first_rows = page.get_by_role("row").filter(has_text="Import catalogue")
    expect(first_rows.nth(3)).to_be_visible()


def test_what_had_ended_meanwhile_is_told(page: Page, stage: Stage) -> None:
    runs = [*started(stage, "meanwhile", 1), *started(stage, "never", 1)]
    page.goto("/runs")
    select(page, runs)
    page.get_by_role("button", name="Cancel 2").click()
    dialog = page.get_by_role("dialog", name="Cancel runs")
    expect(dialog).to_contain_text("2 runs will end")
    stage.open_gate("meanwhile")
    assert stage.wait_for_end(runs[0]) == "COMPLETED"

    dialog.get_by_role("button", name="Cancel 2 runs").click()

    notifications = page.get_by_role("region", name="Notifications")
    expect(notifications).to_contain_text("1 run cancelled; 1 run had ended before")
    assert stage.wait_for_end(runs[1]) == "CANCELLED"


def test_a_range_is_selected_with_shift(page: Page, stage: Stage) -> None:
    runs = started(stage, "never", 4)
    page.goto("/runs")
    run_row(page, runs[3]).get_by_role("checkbox").check()
    run_row(page, runs[0]).get_by_role("checkbox").click(modifiers=["Shift"])

    expect(page.get_by_role("region", name="Selection")).to_contain_text("4 runs selected")
    page.keyboard.press("x")
    expect(page.get_by_role("region", name="Selection")).to_contain_text("3 runs selected")
    for run_id in runs:
        stage.graphql.data("mutation ($id: ULID!) { cancelRun(runID: $id) { id } }", {"id": run_id})
