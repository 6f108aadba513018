"""The tests of pages would notice: what a page must not do is seen, and what is announced is not."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.web.accessibility import assert_accessible
from tests.web.visits import Visit, Visits

ORIGIN = "http://stepwell.test"
POLICY = "default-src 'self'; style-src 'self'"
SHELL = "<!doctype html><html lang=en><title>A page</title><main><h1>A page</h1></main></html>"


def _answer(route: Route) -> None:
    """A host without a network: a page, and nothing else."""
    headers = {"Content-Security-Policy": POLICY, "Content-Type": "text/html"}
    if route.request.url == f"{ORIGIN}/":
        route.fulfill(status=200, headers=headers, body=SHELL)
    else:
        route.fulfill(status=404, body="no")


@pytest.fixture
def watched(browser: Browser) -> Iterator[Visit]:
    """A page whose faults are looked at, and do not fail the test."""
    visits = Visits(browser, "watched")
    visit = visits.begin(ORIGIN)
    visit.page.context.route("**/*", _answer)
    visit.page.goto("/")
    yield visit
    visits.end(keep_recordings=False)


def problems_of(visit: Visit) -> list[str]:
    visit.page.evaluate("0")
    return [problem.partition(":")[0] for problem in visit.watch.problems()]


def test_a_page_without_a_fault_has_none(watched: Visit) -> None:
    assert problems_of(watched) == []


def fetch(page: Page, url: str) -> None:
    page.evaluate("url => fetch(url).then(() => 0, () => 0)", url)


def test_errors_in_the_console_are_seen(watched: Visit) -> None:
    watched.page.evaluate("console.error('broken'); console.warn('only strange')")

    assert problems_of(watched) == ["console"]


def test_exceptions_that_nobody_catches_are_seen(watched: Visit) -> None:
    watched.page.evaluate("new Promise(done => setTimeout(() => { done(); throw new Error('x') }))")

    assert problems_of(watched) == ["not caught"]


def test_failed_answers_are_seen(watched: Visit) -> None:
    fetch(watched.page, "/missing")

    assert problems_of(watched) == ["answer 404", "console"]


def test_failed_answers_that_are_announced_are_fine(watched: Visit) -> None:
    watched.watch.announce_status("/missing", 404)
    fetch(watched.page, "/missing")
    assert problems_of(watched) == []

    fetch(watched.page, "/else")
    assert problems_of(watched) == ["answer 404", "console"]


def test_requests_to_other_hosts_are_seen(watched: Visit) -> None:
    """The policy stops them; that they were tried is enough."""
    fetch(watched.page, "http://elsewhere.test/")

    assert "console" in problems_of(watched)


def test_another_port_is_another_host(watched: Visit) -> None:
    watched.page.context.route("http://stepwell.test:81/", lambda route: route.fulfill(body="x"))
    watched.page.goto("http://stepwell.test:81/")

    assert problems_of(watched) == ["another host"]


def test_violations_of_the_policy_are_seen(watched: Visit) -> None:
    watched.page.evaluate("document.body.setAttribute('style', 'color: red')")

    assert problems_of(watched) == ["console"]


def test_a_page_that_not_everybody_can_use_is_seen(watched: Visit) -> None:
    assert_accessible(watched.page)

    watched.page.evaluate("document.querySelector('main').innerHTML += '<button></button>'")
    with pytest.raises(AssertionError, match="button-name"):
        assert_accessible(watched.page)
    assert_accessible(watched.page, within="h1")
