"""Everything is done without a mouse, and one sees where one is."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.web.parts import settle, table_rows, timeline_row
from tests.web.scene import Scene

#: What marks the element with the focus: an outline of its own or of a part of it or around it.
_MARKED = """async () => {
  const frame = () => new Promise((drawn) => requestAnimationFrame(drawn));
  const marks = (each) => {
    const style = getComputedStyle(each);
    return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
  };
  const problem = (element) => {
    const box = element.getBoundingClientRect();
    const isSeen =
      box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
    const isMarked = marks(element) || marks(element.parentElement)
      || marks(element.closest('.cm-editor')?.parentElement?.parentElement ?? element);
    return isSeen && isMarked ? '' : element.outerHTML.slice(0, 160);
  };
  await frame();
  const element = document.activeElement;
  if (!element || element === document.body) return 'nothing has the focus';
  // A busy machine draws late.
  for (let frames = 0; problem(element) && frames < 120; frames += 1) await frame();
  return problem(element);
}"""


def open_palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog", name="Search").get_by_role("combobox")).to_be_focused()


def test_the_palette_finds_by_name(page: Page, scene: Scene) -> None:
    page.goto("/runs")
    expect(table_rows(page).first).to_be_visible()
    open_palette(page)
    page.keyboard.type("fulfil")
    expect(page.get_by_role("option", name="Fulfil order").first).to_be_visible()
    page.keyboard.press("Enter")

    expect(page).to_have_url("/functions/shop-fulfil-order")


@pytest.mark.parametrize(
    ("what", "path"), [("fulfilled", "/runs/{}"), ("order_event", "/events/{}")]
)
def test_the_palette_finds_by_id(page: Page, scene: Scene, what: str, path: str) -> None:
    found = getattr(scene, what)
    page.goto("/apps")
    expect(page.get_by_role("heading", name="Apps")).to_be_visible()
    open_palette(page)
    page.keyboard.insert_text(found)
    expect(page.get_by_role("option").first).to_contain_text(found)
    page.keyboard.press("Enter")

    expect(page).to_have_url(path.format(found))


def test_the_palette_gives_the_focus_back(page: Page, scene: Scene) -> None:
    page.goto("/runs")
    refresh = page.get_by_role("button", name="Refresh")
    refresh.focus()
    open_palette(page)
    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(refresh).to_be_focused()


def test_pages_are_reached_by_two_keys(page: Page, scene: Scene) -> None:
    page.goto("/runs")
    expect(table_rows(page).first).to_be_visible()
    for key, title in (("e", "Events"), ("f", "Functions"), ("a", "Apps"), ("m", "Metrics")):
        page.keyboard.press("g")
        page.keyboard.press(key)
        expect(page.get_by_role("heading", level=1, name=title)).to_be_visible()


def test_the_keys_are_listed(page: Page, scene: Scene) -> None:
    page.goto("/runs")
    expect(table_rows(page).first).to_be_visible()
    page.keyboard.press("?")
    help_ = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(help_).to_contain_text("Search")
    page.keyboard.press("Escape")
    expect(help_).to_have_count(0)


def test_one_walks_through_a_list(page: Page, scene: Scene) -> None:
    page.goto("/runs")
    rows = table_rows(page)
    expect(rows.nth(2)).to_be_visible()
    page.get_by_role("region", name="Runs", exact=True).focus()
    page.keyboard.press("j")
    expect(rows.nth(0).get_by_role("button", name="Details of")).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("k")
    details = rows.nth(1).get_by_role("button", name="Details of")
    expect(details).to_be_focused()

    page.keyboard.press("Enter")
    expect(details).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Enter")
    expect(details).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("x")
    expect(rows.nth(1).get_by_role("checkbox")).to_be_checked()
    run_id = rows.nth(1).get_by_role("link").inner_text()
    page.keyboard.press("o")
    expect(page).to_have_url(f"/runs/{run_id}")


def test_one_walks_through_a_timeline(page: Page, scene: Scene) -> None:
    page.goto(f"/runs/{scene.picked}")
    run = timeline_row(page, "Run Completed")
    run.focus()
    page.keyboard.press("ArrowDown")
    step = timeline_row(page, "find shelves")
    expect(step).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(step).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowRight")
    expect(timeline_row(page, "query stock")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Step query stock")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(step).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("End")
    last = page.get_by_role("treegrid", name="Timeline").get_by_role("row").last
    expect(last).to_be_focused()
    page.keyboard.press("Home")
    expect(run).to_be_focused()


def test_a_question_is_answered_by_keys_and_gives_the_focus_back(page: Page, scene: Scene) -> None:
    page.goto(f"/runs/{scene.running}")
    cancel = page.get_by_role("main").get_by_role("button", name="Cancel")
    cancel.focus()
    page.keyboard.press("Enter")
    question = page.get_by_role("alertdialog", name="Cancel this run?")
    expect(question).to_be_visible()
    # Whoever goes on by Tab stays within it.
    for _ in range(4):
        page.keyboard.press("Tab")
        assert question.evaluate("element => element.contains(document.activeElement)")
    page.keyboard.press("Escape")

    expect(question).to_have_count(0)
    expect(cancel).to_be_focused()


@pytest.mark.parametrize(
    "path", ["/runs", "/functions/shop-fulfil-order", "/apps", "/events?send=true"]
)
def test_one_sees_where_one_is(page: Page, scene: Scene, path: str) -> None:
    page.goto(path)
    settle(page)
    unmarked = []
    for _ in range(25):
        page.keyboard.press("Tab")
        problem = page.evaluate(_MARKED)
        if problem and problem != "nothing has the focus":
            unmarked.append(problem)
    assert unmarked == []


def test_the_page_is_reached_past_the_navigation(page: Page, scene: Scene) -> None:
    page.goto("/runs")
    expect(table_rows(page).first).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Skip to the page")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.get_by_role("main").evaluate("main => main.contains(document.activeElement)")


def test_a_row_that_is_opened_keeps_the_focus(page: Page, scene: Scene) -> None:
    page.goto("/runs")
    row = table_rows(page).nth(2)
    row.get_by_role("button", name="Details of").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name=re.compile("^Details of run"))).to_be_visible()
    expect(row.get_by_role("button", name="Details of")).to_be_focused()
