"""The dashboard arrives, and keeps to itself."""

import pytest
from playwright.sync_api import Page, expect

from tests.web.accessibility import assert_accessible
from tests.web.scene import Scene
from tests.web.stage import Stage


def test_the_first_page_says_where_one_is(page: Page, stage: Stage) -> None:
    page.goto("/")

    expect(page.get_by_role("main")).to_be_visible()
    expect(page).to_have_title("Runs · Stepwell")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_shell_can_be_used_by_everybody(page: Page, scene: Scene, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto("/runs")

    expect(page.get_by_role("main")).to_be_visible()
    assert_accessible(page)
