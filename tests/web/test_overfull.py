"""More than anybody expects: large outputs, long traces, long names."""

import json
import re
import uuid
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.web.apps.shop import LARGE_OUTPUT_BYTES
from tests.web.parts import settle, timeline_row
from tests.web.scene import Scene
from tests.web.stage import Stage

LONG = "shop-a-function-whose-name-is-as-long-as-somebody-who-describes-everything-would-make-it"


def test_a_large_output_is_shown_and_downloaded(page: Page, scene: Scene, tmp_path: Path) -> None:
    page.goto(f"/runs/{scene.large}")
    output = page.get_by_role("figure", name="Output")
    expect(output).to_contain_text("too large to show here")
    output.get_by_role("button", name="Show the beginning").click()
    expect(output.get_by_role("textbox")).to_contain_text("Ada Lovelace")
    # The page answers, although the output is as large as may be.
    timeline_row(page, "export Completed").click()
    expect(page.get_by_role("region", name="Step export")).to_be_visible()

    with page.expect_download() as download:
        page.get_by_role("button", name="Download export-output.json").click()
    download.value.save_as(tmp_path / "output.json")
    text = (tmp_path / "output.json").read_text()
    assert len(text) > LARGE_OUTPUT_BYTES * 0.9
    rows = json.loads(text)
    assert rows[-1]["order"] == "1001"


def test_a_thousand_steps_are_walked_through(page: Page, scene: Scene, stage: Stage) -> None:
    stage.wait_for_end(scene.thousand_steps)
    page.goto(f"/runs/{scene.thousand_steps}")
    timeline = page.get_by_role("treegrid", name="Timeline")
    expect(timeline).to_have_attribute("aria-rowcount", re.compile(r"^100\d$"))
    assert timeline.get_by_role("row").count() < 100

    timeline_row(page, "Run Completed").focus()
    page.keyboard.press("End")
    expect(timeline.get_by_role("row").last).to_be_focused()
    expect(timeline_row(page, "count shelf 999 ")).to_be_visible()
    page.get_by_role("searchbox", name="Find a step by its name").fill("shelf 777")
    row = timeline_row(page, "count shelf 777 ")
    row.click()
    expect(page.get_by_role("region", name="Step count shelf 777")).to_be_visible()
    expect(page.get_by_role("tabpanel", name="Output")).to_have_text("Output0")


def test_long_names_do_not_widen_the_page(page: Page, scene: Scene, stage: Stage) -> None:
    run_id = stage.ended("shop/quarter.closed", {"quarter": uuid.uuid4().hex})
    for path in (f"/runs/{run_id}", f"/functions/{LONG}", "/functions", "/runs"):
        page.goto(path)
        settle(page)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 1280, path
