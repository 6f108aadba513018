"""Where redirects lead and what is sent there."""

import pytest

from stepwell.drivers.http import FailureKind, HttpClient, HttpFailure, HttpReply, HttpRequest, Url
from stepwell.drivers.http.redirects import Hop, next_hop
from stepwell.drivers.http.url import parse_url
from tests.unit.drivers.http.scripted_app import Peer, always, answer, serving

_SIGNED = b"X-Inngest-Signature: t=1&s=2\r\nX-Run-ID: r\r\nauthorization: Bearer x\r\n"


def _url(text: str) -> Url:
    url = parse_url(text)
    assert isinstance(url, Url)
    return url


def _follow(start: str, location: str, *, status: int = 307, original: str = "") -> Hop:
    hop = next_hop(
        Hop("POST", _url(start), _SIGNED),
        _url(original or start),
        status=status,
        location=location,
    )
    assert isinstance(hop, Hop)
    return hop


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("https://b.example/x", "https://b.example/x"),
        ("/y?q=1", "http://a.example:3000/y?q=1"),
        ("y", "http://a.example:3000/api/y"),
        ("//b.example/y#part", "http://b.example/y"),
        ("?q=ü r", "http://a.example:3000/api/inngest?q=%C3%BC%20r"),
        ("HTTP://B.example:80", "http://b.example/"),
    ],
)
def test_a_location_may_be_relative(location: str, url: str) -> None:
    assert str(_follow("http://a.example:3000/api/inngest", location).url) == url


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/b", "/b?fnId=f&stepId=s"),
        ("/b?token=t", "/b?token=t&fnId=f&stepId=s"),
        ("/b?stepId=other&fn%49d=other&x", "/b?x&fnId=f&stepId=s"),
    ],
)
def test_the_original_parameters_are_set_on_the_location(location: str, target: str) -> None:
    """The original values win, also over those of the redirect before."""
    hop = _follow(
        "http://a.example/?stepId=lost",
        location,
        original="http://a.example/?fnId=f&stepId=s",
    )

    assert hop.url.target == target


@pytest.mark.parametrize(
    ("status", "method"),
    [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")],
)
def test_only_307_and_308_keep_the_method(status: int, method: str) -> None:
    assert _follow("http://a.example/", "/b", status=status).method == method


def test_headers_go_to_other_origins_but_credentials_not_into_clear_text() -> None:
    assert _follow("https://a.example/", "https://b.example/").headers == _SIGNED
    assert _follow("http://a.example/", "http://b.example/").headers == _SIGNED
    assert _follow("https://a.example/", "http://a.example/").headers == b"X-Run-ID: r\r\n"


@pytest.mark.parametrize(
    "location",
    ["ftp://a.example/", "http://user@a.example/", "http://a.example:x/", "//[::1/", "/a\x00b"],
)
def test_a_redirect_to_what_cannot_be_called_is_a_failure(location: str) -> None:
    url = _url("http://a.example/")
    result = next_hop(Hop("POST", url, b""), url, status=302, location=location)

    assert isinstance(result, HttpFailure)
    assert (result.kind, result.value) == (FailureKind.INVALID_REDIRECT, location)


@pytest.mark.anyio
async def test_body_and_headers_are_sent_to_every_stop(client: HttpClient) -> None:
    async with serving(always(answer(b"done"))) as second:
        moved = answer(
            b"gone", status=307, headers=f"Location: {second.origin}/b\nContent-Encoding: br"
        )
        async with serving(always(moved)) as first:
            result = await client.fetch(
                HttpRequest("POST", f"{first.origin}/a?stepId=s", (("X-Run-ID", "r"),), b"{}")
            )

    assert isinstance(result, HttpReply)
    assert (result.body, str(result.url)) == (b"done", f"{second.origin}/b?stepId=s")
    (request,) = second.requests
    assert (request.method, request.target, request.body) == ("POST", "/b?stepId=s", b"{}")
    assert request.header("x-run-id") == "r"
    assert request.header("host") == second.origin.removeprefix("http://")


@pytest.mark.anyio
async def test_a_see_other_is_fetched_with_get_and_the_body(client: HttpClient) -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer(status=303, headers="Location: /result"))
        await peer.request()
        await peer.send(answer(b"done"))

    async with serving(talk) as app:
        result = await client.fetch(HttpRequest("POST", app.origin, (), b"{}"))

    assert isinstance(result, HttpReply)
    assert result.body == b"done"
    assert [(r.method, r.target, r.body) for r in app.requests] == [
        ("POST", "/", b"{}"),
        ("GET", "/result", b"{}"),
    ]
    assert app.connections == 1


@pytest.mark.anyio
@pytest.mark.parametrize("redirects", [60, 61])
async def test_sixty_redirects_are_followed_and_no_more(redirects: int, client: HttpClient) -> None:
    moved = answer(status=302, headers="Location: /again")
    async with serving(always(*[moved] * redirects, answer(b"at last"))) as app:
        result = await client.fetch(HttpRequest("POST", app.origin))

    if redirects == 60:
        assert isinstance(result, HttpReply)
        assert result.body == b"at last"
    else:
        assert isinstance(result, HttpFailure)
        assert result.kind is FailureKind.TOO_MANY_REDIRECTS
    assert len(app.requests) == 61


@pytest.mark.anyio
async def test_a_redirect_without_location_is_an_answer(client: HttpClient) -> None:
    async with serving(always(answer(b"lost", status=302))) as app:
        result = await client.fetch(HttpRequest("POST", app.origin))

    assert isinstance(result, HttpReply)
    assert (result.status, result.body) == (302, b"lost")
