"""Signing in to the dashboard of a server in production."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stepwell.api.operators import GivenToken
from stepwell.api.origins import is_foreign, is_same_origin
from stepwell.api.sessions import SESSION_S, FailedAttempts, Sessions
from stepwell.core.access_token import TokenHash
from stepwell.wire.signing import SigningKey
from tests.unit.api.api_server import (
    CLOUD,
    METRICS_TOKEN,
    OPERATOR_TOKEN,
    SIGNING_KEY,
    Answer,
    Api,
    ulid,
)
from tests.unit.api.dashboard_build import built_into, config_of, with_dashboard

OURS = {"host": "stepwell.example", "origin": "https://stepwell.example"}
FOREIGN = {"host": "stepwell.example", "origin": "https://evil.example"}
READ = "/v1/events"
CHANGE = f"/v0/runs/{ulid(1)}"
TOKEN = TokenHash.of(OPERATOR_TOKEN)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1_795_252_035

    def __call__(self) -> int:
        return self.seconds


@pytest.fixture
def api(tmp_path: Path) -> Api:
    return Api(with_dashboard(built_into(tmp_path), CLOUD))


def sign_in(api: Api, token: str = OPERATOR_TOKEN, **headers: str) -> Answer:
    return api.post("/v0/session", b'{"token":"%b"}' % token.encode(), **(OURS | headers))


def cookie_of(answer: Answer) -> str:
    """What the browser sends from now on."""
    return answer.headers["set-cookie"].partition(";")[0]


def test_who_has_the_token_gets_a_cookie_that_scripts_and_other_sites_cannot_use(api: Api) -> None:
    answer = sign_in(api)

    assert (answer.status, answer.json) == (200, {"signedIn": True})
    assert answer.headers["cache-control"] == "no-store"
    cookie, *attributes = answer.headers["set-cookie"].split("; ")
    assert cookie.startswith("stepwell_session=")
    assert attributes == ["Path=/", "Max-Age=43200", "HttpOnly", "SameSite=Strict", "Secure"]
    assert OPERATOR_TOKEN not in answer.headers["set-cookie"]


def test_the_cookie_does_for_what_operators_may_and_for_nothing_else(api: Api) -> None:
    cookie = cookie_of(sign_in(api))

    assert api.get(READ, cookie=cookie).status == 200
    assert api.get(READ, cookie=f"other=1; {cookie}; more=2").status == 200
    assert api.delete(CHANGE, cookie=cookie, **OURS).status != 401
    for method, path in (
        ("POST", "/fn/register"),
        ("POST", "/v1/checkpoint"),
        ("POST", "/v1/traces/userland"),
        ("GET", f"/v0/runs/{ulid(1)}/batch"),
        ("POST", "/v0/connect/start"),
    ):
        answer = api.request(method, path, b"", cookie=cookie, **OURS)
        assert (answer.status, answer.text) == (401, "Authentication failed\n")
    assert api.post("/e/some-key", b"{}", cookie=cookie, **OURS).status == 401


def test_the_page_knows_who_is_signed_in(api: Api) -> None:
    assert config_of(api.get("/"))["signedIn"] is False
    assert config_of(api.get("/", cookie=cookie_of(sign_in(api))))["signedIn"] is True
    assert config_of(api.get("/", cookie="stepwell_session=1.2"))["signedIn"] is False


@pytest.mark.parametrize(
    ("headers", "may_change", "may_read"),
    [
        (OURS, True, True),
        ({"sec_fetch_site": "same-origin"}, True, True),
        ({"host": "proxied", "origin": "https://x.y", "sec_fetch_site": "same-origin"}, True, True),
        ({}, False, True),
        ({"host": "stepwell.example"}, False, True),
        ({"host": "stepwell.example", "sec_fetch_site": "none"}, False, True),
        (FOREIGN, False, False),
        ({"sec_fetch_site": "same-site"}, False, False),
        ({"sec_fetch_site": "cross-site", "host": "stepwell.example"}, False, False),
        ({"host": "stepwell.example", "origin": "null"}, False, False),
        ({"host": "", "origin": ""}, False, False),
    ],
)
def test_only_our_pages_can_use_the_cookie(
    api: Api, headers: dict[str, str], *, may_change: bool, may_read: bool
) -> None:
    """A page of another origin can have it sent, if it is of the same site."""
    cookie = cookie_of(sign_in(api))

    assert (api.delete(CHANGE, cookie=cookie, **headers).status != 401) is may_change
    assert (api.get(READ, cookie=cookie, **headers).status != 401) is may_read


def test_with_the_token_in_the_header_the_origin_does_not_matter(api: Api) -> None:
    authorization = f"Bearer {OPERATOR_TOKEN}"

    assert api.delete(CHANGE, authorization=authorization, **FOREIGN).status != 401


@pytest.mark.parametrize(
    "token",
    [
        *("", "first-key", SIGNING_KEY, METRICS_TOKEN, OPERATOR_TOKEN[:-1], OPERATOR_TOKEN.upper()),
        *(f"{OPERATOR_TOKEN}0", TOKEN.digest.hex(), "x" * 4000, "ä", " "),
    ],
)
def test_a_wrong_token_opens_nothing(api: Api, token: str) -> None:
    answer = sign_in(api, token)

    assert (answer.status, answer.json["code"]) == (401, "SW1020")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{}", 400),
        (b"[]", 400),
        (b'{"token":1}', 400),
        (b'{"token":null}', 400),
        (b'{"token":"abc123def456"', 400),
        (b"\xff", 400),
        (b"token=abc123def456", 400),
        (b"[" * 4000, 400),
        (b'{"token":"%b"}' % (b"x" * 5000), 413),
    ],
)
def test_what_is_no_token_is_refused_and_not_repeated(api: Api, body: bytes, status: int) -> None:
    answer = api.post("/v0/session", body, **OURS)

    assert answer.status == status
    assert b"abc123" not in answer.body


@pytest.mark.parametrize("headers", [FOREIGN, {}, {"host": "a"}, {"sec_fetch_site": "same-site"}])
def test_other_pages_can_neither_sign_in_nor_out(api: Api, headers: dict[str, str]) -> None:
    """A page that signs its visitor in would have them work in somebody else's name."""
    for answer in (
        api.post("/v0/session", b'{"token":"%b"}' % OPERATOR_TOKEN.encode(), **headers),
        api.delete("/v0/session", **headers),
    ):
        assert (answer.status, answer.json["code"]) == (403, "SW1022")
        assert "set-cookie" not in answer.headers


def test_who_signs_out_has_no_cookie_any_more(api: Api) -> None:
    answer = api.delete("/v0/session", **OURS)

    assert (answer.status, answer.json) == (200, {"signedIn": False})
    assert answer.headers["set-cookie"].startswith("stepwell_session=; Path=/; Max-Age=0;")


def test_a_page_can_ask_whether_there_is_a_session(api: Api) -> None:
    """Browsers leave the cookie out when they follow a link from another site."""
    cookie = cookie_of(sign_in(api))

    for sent, is_signed_in in (({}, False), ({"cookie": cookie}, True), ({"cookie": "x"}, False)):
        answer = api.get("/v0/session", **sent)
        assert (answer.status, answer.json) == (200, {"signedIn": is_signed_in})
        assert answer.headers["cache-control"] == "no-store"
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("headers", "is_secure"),
    [
        ({"origin": "http://stepwell.example"}, False),
        ({"origin": "http://stepwell.example", "x_forwarded_proto": "https"}, True),
        ({"origin": "http://stepwell.example", "x_forwarded_proto": "HTTPS, http"}, True),
        ({"origin": "http://stepwell.example", "x_forwarded_proto": "http"}, False),
        ({"origin": "https://stepwell.example", "x_forwarded_proto": "http"}, True),
    ],
)
def test_over_an_encrypted_connection_the_cookie_stays_on_such_ones(
    api: Api, headers: dict[str, str], *, is_secure: bool
) -> None:
    assert sign_in(api, **headers).headers["set-cookie"].endswith("; Secure") is is_secure


def test_the_cookie_is_sent_below_the_base_path_only(tmp_path: Path) -> None:
    settings = replace(with_dashboard(built_into(tmp_path), CLOUD), base_path="/tools/stepwell")

    assert "; Path=/tools/stepwell; " in sign_in(Api(settings)).headers["set-cookie"]


def test_after_too_many_wrong_tokens_nobody_can_sign_in_for_a_while(api: Api) -> None:
    cookie = cookie_of(sign_in(api))
    for _ in range(FailedAttempts.COUNT_MAX):
        assert sign_in(api, "0" * 12).status == 401

    answer = sign_in(api)
    assert (answer.status, answer.json["code"]) == (429, "SW1021")
    assert answer.headers["retry-after"] == "60"
    assert api.get(READ, cookie=cookie).status == 200, "who is signed in does not notice"


def test_the_limit_on_wrong_tokens_moves_with_time() -> None:
    clock = Clock()
    failed = FailedAttempts(clock)
    for _ in range(failed.COUNT_MAX):
        assert failed.pause_s() == 0
        failed.add()
        clock.seconds += 1
    assert failed.pause_s() == 50
    clock.seconds += 49
    assert failed.pause_s() == 1
    clock.seconds += 1
    assert failed.pause_s() == 0
    failed.add()
    assert failed.pause_s() == 1, "the second of the ten was a second later"


def test_a_development_server_knows_no_sessions(tmp_path: Path) -> None:
    api = Api(with_dashboard(built_into(tmp_path)))

    assert sign_in(api).status == 404
    assert api.get("/v0/session").status == 404
    assert api.delete("/v0/session", **OURS).status == 404
    assert config_of(api.get("/"))["signedIn"] is True


def test_a_server_without_a_dashboard_knows_none_either() -> None:
    assert sign_in(Api(CLOUD)).status == 404


def sessions(
    token: TokenHash = TOKEN, key: str = SIGNING_KEY, clock: Clock | None = None
) -> Sessions:
    held = GivenToken(token)
    return Sessions(held, SigningKey.parse(key), clock or Clock(), base_path="")


def value_of(made: Sessions, token: TokenHash = TOKEN) -> bytes:
    return made.begin(token, is_secure=False).partition(b";")[0]


def admits(made: Sessions, cookie: bytes) -> bool:
    return asyncio.run(made.admit({b"cookie": cookie}))


def test_a_session_outlives_a_restart_but_neither_another_token_nor_another_key() -> None:
    cookie = value_of(sessions())

    assert admits(sessions(), cookie)
    assert admits(sessions(key="signkey-other-abc123def456"), cookie), "the prefix does not count"
    assert not admits(sessions(key="abc123def457"), cookie)
    assert not admits(sessions(TokenHash.of("another")), cookie)


def test_a_session_that_is_begun_with_a_replaced_token_has_ended() -> None:
    """The token may be replaced between the look at it and the cookie."""
    assert not admits(sessions(), value_of(sessions(), TokenHash.of("the one before")))


def test_a_session_ends_after_its_time() -> None:
    clock = Clock()
    made = sessions(clock=clock)
    cookie = value_of(made)

    clock.seconds += SESSION_S - 1
    assert admits(made, cookie)
    clock.seconds += 1
    assert not admits(made, cookie)


def test_no_byte_of_a_session_can_be_changed() -> None:
    made = sessions()
    cookie = value_of(made)
    token = cookie.partition(b"=")[2]
    expiry, mac = token.split(b".")

    for index in range(len(token)):
        changed = bytearray(token)
        changed[index] ^= 1
        assert not admits(made, b"stepwell_session=" + changed)
    for other in (
        b"",
        b".",
        token[:-1],
        token + b"0",
        b" " + token + b"x",
        b"%d.%b" % (int(expiry) + 1, mac),
        b"0" + token,
        b"9" * 5000 + b"." + mac,
        b"-1." + mac,
        expiry + b"." + mac.upper(),
        expiry + b"." + b"\xff" * 64,
    ):
        assert not admits(made, b"stepwell_session=" + other)
    assert not admits(made, b"stepwell_sessions=" + token)
    assert not admits(made, b"")
    assert not asyncio.run(made.admit({}))


def test_of_several_sessions_one_that_holds_is_enough() -> None:
    """Another server on the host may have set one for a longer or shorter path."""
    made = sessions()

    assert admits(made, b"stepwell_session=1.2; a=b;" + value_of(made) + b";stepwell_session=")


@pytest.mark.parametrize(
    ("origin", "host", "is_same"),
    [
        ("http://localhost:8288", "localhost:8288", True),
        ("https://A.example", "a.EXAMPLE", True),
        ("https://a.example", "a.example:443", True),
        ("http://a.example:80", "a.example", True),
        ("http://[::1]:8288", "[::1]:8288", True),
        ("https://a.example", "a.example:80", False),
        ("http://localhost:8288", "localhost:8289", False),
        ("http://a.example.evil", "a.example", False),
        ("http://evil/a.example", "a.example", False),
        ("http://a.example@evil", "a.example", False),
        ("ftp://a.example", "a.example", False),
        ("a.example", "a.example", False),
        ("null", "null", False),
        ("http://", "", False),
        ("", "", False),
    ],
)
def test_an_origin_is_that_of_the_host_or_foreign(origin: str, host: str, *, is_same: bool) -> None:
    headers: Any = {b"origin": origin.encode(), b"host": host.encode()}

    assert is_same_origin(headers) is is_same
    assert is_foreign(headers) is not is_same
