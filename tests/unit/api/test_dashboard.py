"""The pages of the dashboard, and the files that they ask for."""

import gzip
from pathlib import Path

import pytest

from stepwell.api.built_pages import Shell
from stepwell.api.openapi.surface import TABLES
from stepwell.api.services import DashboardSettings
from stepwell.dashboard.paths import API_SEGMENTS, first_segment
from tests.unit.api.api_server import CLOUD, Api
from tests.unit.api.dashboard_build import SCRIPT, built_into, config_of, with_dashboard


@pytest.fixture
def api(tmp_path: Path) -> Api:
    return Api(with_dashboard(built_into(tmp_path)))


PAGES = [
    *("/", "/runs", "/run/01KAJF97FJ0000000000000001", "/functions/shop-ship.v2", "/apps/ä b"),
    *("/a/b/c/d", "/functions/x/config", "/assetsx", "/" + "x" * 5_000, "/evil/..%2f..%2fetc"),
]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_the_shell(api: Api, path: str) -> None:
    """So links into the dashboard work; the browser finds out what they lead to."""
    answer = api.get(path)

    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["cache-control"] == "no-store"
    assert '<base href="/" />' in answer.text
    assert config_of(answer)["version"] == "1.2.3"
    assert api.request("HEAD", path).status == 200


def test_the_page_knows_how_its_server_was_started(tmp_path: Path) -> None:
    dashboard = DashboardSettings(
        directory=built_into(tmp_path),
        discovery=True,
        poll=True,
        poll_interval_s=2.5,
        is_in_memory=True,
    )
    config = config_of(Api(with_dashboard(tmp_path, dashboard=dashboard)).get("/"))

    assert len(config.pop("nonce")) == 24
    assert config == {
        "mode": "dev",
        "version": "1.2.3",
        "auth": "none",
        "signedIn": True,
        "features": {"mcp": False},
        "apps": {"discovery": True, "poll": True, "pollIntervalS": 2.5},
        "database": "memory",
    }


def test_in_production_the_page_says_that_one_has_to_sign_in(tmp_path: Path) -> None:
    config = config_of(Api(with_dashboard(built_into(tmp_path), CLOUD)).get("/"))

    assert (config["mode"], config["auth"], config["signedIn"]) == ("start", "session", False)
    assert config["database"] == "file"


def test_a_text_in_the_configuration_cannot_end_its_element(tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script>"
    answer = Api(with_dashboard(built_into(tmp_path), version=evil)).get("/")

    assert evil not in answer.text
    assert config_of(answer)["version"] == evil


def test_every_page_has_a_policy_with_a_nonce_of_its_own(api: Api) -> None:
    policies = set()
    for _ in range(3):
        answer = api.get("/")
        nonce = config_of(answer)["nonce"]
        policy = answer.headers["content-security-policy"]
        assert f"style-src 'self' 'nonce-{nonce}'" in policy
        assert "unsafe" not in policy
        assert "http:" not in policy
        assert "https:" not in policy
        policies.add(policy)
    assert len(policies) == 3


@pytest.mark.parametrize("path", ["/", "/assets/main-Ab1.js", "/theme.js"])
def test_what_is_served_is_what_it_is_said_to_be_and_in_no_frame(api: Api, path: str) -> None:
    headers = api.get(path).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize(
    ("path", "media_type", "caching"),
    [
        ("/assets/letters-Cd2.woff2", "font/woff2", "public, max-age=31536000, immutable"),
        ("/theme.js", "text/javascript; charset=utf-8", "no-cache"),
        ("/favicon.svg", "image/svg+xml", "no-cache"),
        ("/THIRD_PARTY_LICENSES.md", "text/plain; charset=utf-8", "no-cache"),
    ],
)
def test_files_are_served_as_what_they_are(
    api: Api, path: str, media_type: str, caching: str
) -> None:
    answer = api.get(path)

    assert (answer.status, answer.headers["content-type"]) == (200, media_type)
    assert answer.headers["cache-control"] == caching
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate", "gzip"),
        ("GZIP", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("br; q=0.000", None),
        ("gzip;q=0.001", "gzip"),
        ("identity", None),
        ("", None),
        ("*", None),
        (";;;,,=;q=", None),
        ("\xff,\x00", None),
    ],
)
def test_who_understands_it_gets_what_was_compressed_before(
    api: Api, accepted: str, encoding: str | None
) -> None:
    answer = api.get("/assets/main-Ab1.js", accept_encoding=accepted)

    assert answer.status == 200
    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["vary"] == "Origin, Accept-Encoding"
    if encoding == "gzip":
        assert gzip.decompress(answer.body) == SCRIPT
    elif encoding is None:
        assert answer.body == SCRIPT


MISSING = [
    *("/assets/gone.js", "/assets/", "/assets", "/assets/main-Ab1.js/", "/assets/unknown.exe"),
    *("/assets/../index.html", "/assets/.hidden.js", "/assets/main-Ab1.js\x00.png"),
    *("/.build-id", "/.vite/manifest.json", "/.vite/license.md", "/.well-known/oauth", "/.env"),
    *("/index.html", "/robots.txt", "/favicon.ico", "/main-Ab1.js", "//evil.example/"),
    *("//", "/a//b", "/\x00", "/a\r\nset-cookie: x=1", "/..", "/../../etc/passwd//", ""),
    *("/v0/nothing", "/v1", "/v1/nothing", "/api/anything", "/mcp", "/mcp/sse", "/invoke"),
    *("/connect", "/realtime/token", "/health/x", "/metrics/x", "/e/../x/y.js"),
]


def test_a_page_of_older_dashboards_is_one_although_an_api_is_beside_it(api: Api) -> None:
    assert api.get("/mcp/setup").headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("path", MISSING)
def test_what_is_no_page_is_not_found(api: Api, path: str) -> None:
    """A program must never take the shell for what it looked for."""
    answer = api.get(path)

    assert answer.status in {404, 405}
    assert "html" not in answer.headers.get("content-type", "")


def test_what_is_served_are_the_files_of_the_build_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    dist = built_into(tmp_path / "dist")
    (dist / "assets" / "link.txt").symlink_to(tmp_path / "secret.txt")
    (dist / "linked").symlink_to(tmp_path)
    api = Api(with_dashboard(dist))

    for path in (
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/assets/link.txt",
        "/linked/secret.txt",
        str(tmp_path / "secret.txt"),
        "/" + str(tmp_path / "secret.txt"),
    ):
        assert api.get(path).body != b"secret"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "BREW"])
def test_pages_can_only_be_read(api: Api, method: str) -> None:
    assert api.request(method, "/runs").status == 404
    assert api.request(method, "/assets/main-Ab1.js").status == 404
    assert api.request(method, "/").status == 405


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/runs/", "/runs"),
        ("/run/x/?a=b%20c&d=%22[1]", "/run/x?a=b%20c&d=%22[1]"),
        ("/ä b/", "/%C3%A4%20b"),
        ("/\\evil.example/", "/%5Cevil.example"),
        ("/runs/?x=\x7f\u00ff", "/runs?x=%7F%C3%BF"),
    ],
)
def test_an_address_with_a_slash_at_its_end_leads_to_the_one_without(
    api: Api, target: str, location: str
) -> None:
    answer = api.get(target)

    assert (answer.status, answer.headers["location"], answer.body) == (303, location, b"")


def test_the_base_path_is_in_the_page_and_in_redirections(tmp_path: Path) -> None:
    api = Api(with_dashboard(built_into(tmp_path), base_path="/tools/stepwell"))

    assert '<base href="/tools/stepwell/" />' in api.get("/runs").text
    assert api.get("/runs/").headers["location"] == "/tools/stepwell/runs"


def test_without_a_build_the_page_says_how_to_make_one(tmp_path: Path) -> None:
    """The rest of the server does not mind, and a build is noticed without a new start."""
    api = Api(with_dashboard(tmp_path / "dist"))

    for path in ("/", "/runs"):
        answer = api.get(path)
        assert answer.status == 200
        assert "python hatch_build.py" in answer.text
        assert answer.headers["cache-control"] == "no-store"
    assert api.get("/health").status == 200
    assert api.get("/assets/main-Ab1.js").status == 404

    built_into(tmp_path / "dist")
    assert 'id="root"' in api.get("/runs").text
    assert api.get("/assets/main-Ab1.js").status == 200


def test_a_new_build_is_served_in_place_of_the_old_one(tmp_path: Path) -> None:
    api = Api(with_dashboard(built_into(tmp_path)))
    assert "another" not in api.get("/").text

    index = tmp_path / "index.html"
    new = tmp_path / "new"
    new.write_text(index.read_text().replace("<body>", "<body>another"))
    new.replace(index)
    assert "another" in api.get("/").text

    # Between two builds there is none.
    index.unlink()
    assert "another" in api.get("/").text


def test_a_build_of_another_form_is_an_error_in_the_log_only(tmp_path: Path) -> None:
    built_into(tmp_path)
    (tmp_path / "index.html").write_text("<html></html>")

    answer = Api(with_dashboard(tmp_path)).get("/")
    assert (answer.status, answer.json["error"]) == (500, "Internal server error")


@pytest.mark.parametrize(
    "page",
    [
        b"",
        b'<base href="/">',
        b'<script id="stepwell-config"></script>',
        b'<script id="stepwell-config"></script><base href="/">',
        b'<base href="/"><script id="stepwell-config">{}</script>',
    ],
)
def test_a_page_with_nothing_to_fill_in_is_no_shell(page: bytes) -> None:
    with pytest.raises(ValueError, match="stepwell-config"):
        Shell.parse(page)


def test_the_sources_of_the_page_are_a_shell() -> None:
    index = Path(__file__).parents[3] / "web" / "index.html"
    page = Shell.parse(index.read_bytes()).filled(b"/base/", b'{"a":1}')

    assert b'<base href="/base/"' in page
    assert b'type="application/json">{"a":1}</script>' in page


def test_switched_off_there_is_a_plain_page() -> None:
    api = Api()

    assert "--no-ui" in api.get("/").text
    assert api.get("/runs").status == 404


def test_no_page_stands_where_a_route_of_the_api_does() -> None:
    first = {first_segment(path) for table in TABLES for path in table} - {""}

    assert first <= API_SEGMENTS


def test_the_files_are_read_once(tmp_path: Path) -> None:
    api = Api(with_dashboard(built_into(tmp_path)))
    assert api.get("/theme.js").status == 200

    (tmp_path / "theme.js").unlink()
    assert api.get("/theme.js").status == 200
