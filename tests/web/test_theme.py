"""Light, dark, or as the system, from the first moment on."""

import pytest
from playwright.sync_api import Page, expect

from tests.compat.harness import Server
from tests.web.scene import Scene
from tests.web.visits import Visits

IS_DARK = "document.documentElement.classList.contains('dark')"
BACKGROUND = "getComputedStyle(document.body).backgroundColor"
RED_GREEN_BLUE = f"""(() => {{
  const canvas = document.createElement('canvas').getContext('2d');
  canvas.fillStyle = {BACKGROUND};
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
}})()"""


def choose_theme(page: Page, title: str) -> None:
    page.get_by_role("button", name="Theme").click()
    page.get_by_role("menuitem", name=title).click()


def test_a_theme_that_was_chosen_is_kept(page: Page, scene: Scene) -> None:
    page.goto("/runs")
    light = page.evaluate(BACKGROUND)
    choose_theme(page, "Dark")
    page.wait_for_function(f"() => {IS_DARK}")
    dark = page.evaluate(BACKGROUND)
    assert dark != light

    page.reload()
    assert page.evaluate(IS_DARK)
    assert page.evaluate(BACKGROUND) == dark
    expect(page.get_by_role("button", name="Theme: Dark")).to_be_visible()

    choose_theme(page, "Light")
    page.wait_for_function(f"() => !{IS_DARK}")
    page.emulate_media(color_scheme="dark")
    page.reload()
    assert page.evaluate(BACKGROUND) == light


def test_the_theme_follows_the_system(page: Page, scene: Scene) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto("/runs")
    assert page.evaluate(IS_DARK)

    page.emulate_media(color_scheme="light")
    page.wait_for_function(f"() => !{IS_DARK}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_blinded_before_the_dashboard_is_there(
    empty_server: Server, visits: Visits, scheme: str
) -> None:
    visit = visits.begin(empty_server.url, color_scheme=scheme)
    # The dashboard itself never arrives: what is seen now is what is seen first.
    visit.page.route("**/assets/*.js", lambda route: route.abort())
    visit.watch.announce_offline()
    visit.page.goto("/runs", wait_until="commit")
    visit.page.wait_for_load_state()

    assert visit.page.evaluate(IS_DARK) == (scheme == "dark")
    assert (sum(visit.page.evaluate(RED_GREEN_BLUE)) < 200) == (scheme == "dark")
