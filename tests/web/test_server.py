"""What the server says of itself, where it is reached, and who may see it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.compat.harness import Server
from tests.web.accessibility import assert_accessible
from tests.web.parts import filter_of
from tests.web.scene import Scene
from tests.web.stage import OPERATOR_TOKEN, SIGNING_KEY, running_server
from tests.web.visits import DESKTOP, PHONE, Visits

BASE = "/tools/stepwell"


@pytest.fixture(scope="module")
def based_server(built_pages: None, logs: Path) -> Iterator[Server]:
    """A server below a path, as behind a proxy that has other things as well."""
    options = ("dev", "--no-persist", "--no-discovery", "--no-poll", "--base-path", BASE)
    with running_server(*options, log=logs / "based-server.log") as server:
        yield server


def test_the_server_tells_what_it_is_and_keeps(page: Page, scene: Scene) -> None:
    page.goto("/server")
    main = page.get_by_role("main")
    for term in ("Version", "Mode", "Running for", "Kind", "Queue", "Calls under way"):
        expect(main.get_by_role("term").get_by_text(term, exact=True)).to_be_visible()
    expect(main).to_contain_text("Development")
    # The scene has calls that were not answered yet.
    expect(main.get_by_role("region", name="Calls under way")).to_contain_text("Import catalogue")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_all_servers_are_shown_with_what_they_own(
    empty_server: Server, visits: Visits, size: tuple[int, int], theme: str
) -> None:
    """The server is alone, so the page is told of others in its stead."""
    page = visits.begin(empty_server.url, size=size, color_scheme=theme).page
    page.route("**/v0/gql", _among_others)
    page.goto("/server")

    servers = page.get_by_role("region", name="Servers")
    expect(servers.get_by_role("row")).to_have_count(1 + 4)
    expect(servers).to_contain_text("this one")
    for text in ("Nobody owns partition 15", "host-a:97 is dead", "host-b:12 stops"):
        expect(page.get_by_text(text)).to_be_visible()
    owners = page.get_by_role("term").filter(has_text=re.compile("^host-|^Nobody"))
    expect(owners).to_have_count(3)
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") == size[0]


def _among_others(route: Route) -> None:
    """The answer of the server, with three others that own most partitions."""
    answer = route.fetch()
    told = answer.json()
    server = (told.get("data") or {}).get("server")
    if server and "nodes" in server:
        (this,) = server["nodes"]
        others = [
            {"id": 900, "name": "host-a:97", "state": "DEAD", "partitions": [5, 6, 7, 8, 9]},
            {"id": 901, "name": "host-b:12", "state": "DRAINING", "partitions": [10, 11, 12]},
            {"id": 902, "name": "host-c:4711", "state": "LIVE", "partitions": []},
        ]
        lease = {"leaseUntil": this["joinedAt"], "isThis": False}
        server["nodes"] = [this | {"partitions": [0, 1, 2, 3, 4, 13, 14]}] + [
            this | lease | other for other in others
        ]
        owners = {part: node["id"] for node in server["nodes"] for part in node["partitions"]}
        server["partitions"] = [{"id": n, "nodeID": owners.get(n)} for n in range(16)]
    route.fulfill(response=answer, json=told)


def test_retention_is_changed(empty_server: Server, visits: Visits) -> None:
    page = visits.begin(empty_server.url).page
    page.goto("/server")
    page.get_by_role("button", name="Change").click()
    dialog = page.get_by_role("dialog", name="Change retention")
    events = dialog.get_by_role("textbox", name="Events")
    events.fill("soon")
    expect(dialog).to_contain_text("such as 30d or 12h, or forever")
    change = dialog.get_by_role("button", name=re.compile("^Change"))
    expect(change).to_be_disabled()
    events.fill("30m")
    expect(dialog).to_contain_text("Some will be deleted")
    events.fill("45d")
    expect(change).to_have_text("Change")
    change.click()

    expect(dialog).to_have_count(0)
    expect(page.get_by_role("main")).to_contain_text("45 days")
    page.get_by_role("button", name="Change").click()
    events.fill("")
    change.click()
    expect(dialog).to_have_count(0)


def test_addresses_are_those_of_the_server(page: Page, scene: Scene) -> None:
    page.goto("/endpoints")
    main = page.get_by_role("main")
    origin = page.url.removesuffix("/endpoints")
    for path in ("/v0/gql", "/v1", "/metrics"):
        expect(main.get_by_text(f"{origin}{path}").first).to_be_visible()
    assert SIGNING_KEY not in main.inner_text()


def test_everything_is_below_the_base_path(based_server: Server, visits: Visits) -> None:
    visit = visits.begin(based_server.url)
    page = visit.page
    paths: list[str] = []
    page.on("request", lambda request: paths.append(request.url.removeprefix(based_server.url)))
    page.on("websocket", lambda socket: paths.append(re.sub(r"^ws://[^/]+", "", socket.url)))
    page.goto(f"{BASE}/functions?query=x")

    expect(page.get_by_role("heading", name="Functions", exact=True)).to_be_visible()
    expect(page.get_by_text("Live · ")).to_be_visible()
    page.get_by_role("link", name="API and MCP").click()
    expect(page).to_have_url(f"{BASE}/endpoints")
    address = page.get_by_text(f"{based_server.url}{BASE}/v0/gql").first
    expect(address).to_be_visible()
    page.reload()
    expect(address).to_be_visible()
    assert any(path.startswith(f"{BASE}/v0/changes") for path in paths)
    assert [path for path in paths if not path.startswith(f"{BASE}/")] == []


def test_one_signs_in_where_one_wanted_to_go(locked_server: Server, visits: Visits) -> None:
    visit = visits.begin(locked_server.url)
    page = visit.page
    page.goto("/runs?filterStatus=FAILED")
    token = page.get_by_label("Operator token")
    for wrong in ("5e9b" * 16, SIGNING_KEY):
        visit.watch.announce_status("/v0/session", 401)
        token.fill(wrong)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_have_text("the operator token is wrong")
        expect(page.get_by_role("navigation", name="Main")).to_have_count(0)

    token.fill(f" {OPERATOR_TOKEN} ")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    expect(page).to_have_url("/runs?filterStatus=FAILED")
    expect(filter_of(page, "Status Failed")).to_be_visible()
    expect(page.get_by_text("Live · ")).to_be_visible()
    stored = page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
    assert OPERATOR_TOKEN not in stored + page.content()
    assert "signed" not in page.evaluate("document.cookie")

    page.keyboard.press("Control+k")
    page.keyboard.type("sign out")
    page.get_by_role("option", name="Sign out").click()
    expect(page).to_have_title("Sign in · Stepwell")
    page.reload()
    expect(page.get_by_label("Operator token")).to_be_visible()


def test_replacing_the_token_signs_everybody_out(
    built_pages: None, logs: Path, visits: Visits
) -> None:
    """The token that the first start shows opens the dashboard until there is another one."""
    log = logs / "own-token-server.log"
    keys = ("--signing-key", SIGNING_KEY, "--event-key", "test")
    options = ("start", "--sqlite-dir", str(logs / "own-token"), *keys)
    with running_server(*options, log=log, signing_key=SIGNING_KEY) as server:
        shown = re.search(r"^Operator token: (\S+)$", log.read_text(), re.MULTILINE)
        assert shown is not None
        visit = visits.begin(server.url)
        page = visit.page
        page.goto("/functions")
        page.get_by_label("Operator token").fill(shown[1])
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Functions", exact=True)).to_be_visible()

        bearer = {"Authorization": f"Bearer {shown[1]}"}
        replaced = server.http.post("/v1/operator-token", headers=bearer)
        assert replaced.status_code == 200, replaced.text
        page.reload()
        expect(page).to_have_title("Sign in · Stepwell")
        page.get_by_label("Operator token").fill(replaced.json()["token"])
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Functions", exact=True)).to_be_visible()
        # It would miss the server, which ends here.
        page.goto("about:blank")
