"""The dashboard arrives, and keeps to itself."""

import pytest
from playwright.sync_api import Page, expect

from tests.compat.harness import Server
from tests.web.accessibility import assert_accessible
from tests.web.scene import Scene
from tests.web.visits import Visits


def test_the_start_page_of_a_server_with_apps_is_what_runs(page: Page) -> None:
    page.goto("/")

    expect(page).to_have_url("/runs")
    expect(page).to_have_title("Runs · Stepwell")


def test_the_start_page_of_a_server_without_apps_is_how_to_get_one(
    visits: Visits, empty_server: Server
) -> None:
    page = visits.begin(empty_server.url).page
    page.goto("/")

    expect(page).to_have_url("/apps")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_shell_can_be_used_by_everybody(page: Page, scene: Scene, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto("/runs")

    expect(page.get_by_role("main")).to_be_visible()
    assert_accessible(page)


def test_a_server_in_production_shows_nothing_before_one_has_signed_in(
    visits: Visits, locked_server: Server
) -> None:
    page = visits.begin(locked_server.url).page
    page.goto("/runs")

    expect(page).to_have_title("Sign in · Stepwell")
    expect(page.get_by_role("navigation")).to_have_count(0)
    assert_accessible(page)
