"""What is sent at first, and what after a redirect."""

import pytest

from stepwell import __version__
from stepwell.drivers.gateway.failure import RequestStoppedError
from stepwell.drivers.gateway.hops import Hop, first_hop, next_hop
from stepwell.engine.gateways import GatewayRequest

DEFAULTS = {"accept": "*/*", "user-agent": f"stepwell/{__version__}"}


def hop_of(url: str = "http://a.test/x?q=1", *, method: str = "POST", **headers: str) -> Hop:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return first_hop(GatewayRequest(method=method, url=url, headers=named, body=b"body"))


def failure_of(url: str = "http://a.test/", *, method: str = "POST") -> str:
    with pytest.raises(RequestStoppedError) as stopped:
        first_hop(GatewayRequest(method=method, url=url))
    assert not stopped.value.failure.retryable
    return stopped.value.failure.message


def test_headers_of_the_app_win_over_those_of_the_server() -> None:
    hop = hop_of(X_A="b", User_Agent="mine")
    assert hop.headers == {"accept": "*/*", "user-agent": "mine", "x-a": "b"}


def test_headers_that_are_not_the_apps_to_decide_are_ignored() -> None:
    hop = hop_of(
        Accept_Encoding="br",
        Connection="keep-alive",
        Content_Length="1",
        Expect="100-continue",
        Host="other",
        Keep_Alive="x",
        Proxy_Authorization="x",
        Proxy_Connection="x",
        TE="trailers",
        Trailer="x",
        Transfer_Encoding="chunked",
        Upgrade="h2c",
    )
    assert hop.headers == DEFAULTS
    assert hop.head() == (
        b"POST /x?q=1 HTTP/1.1\r\nHost: a.test\r\nAccept-Encoding: gzip\r\nContent-Length: 4\r\n"
        b"Connection: close\r\naccept: */*\r\nuser-agent: stepwell/%b\r\n\r\n"
        % __version__.encode()
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"x": "a\r\nHost: evil"},
        {"x": "a\nb"},
        {"x": "a\0b"},
        {"x y": "s3cret"},
        {"x\r\ny": "s3cret"},
        {"": "s3cret"},
    ],
)
def test_a_header_cannot_add_lines(headers: dict[str, str]) -> None:
    request = GatewayRequest(method="GET", url="http://a.test/", headers=headers)
    with pytest.raises(RequestStoppedError) as stopped:
        first_hop(request).head()
    message = "a header has a name or a value that cannot be sent"
    assert stopped.value.failure.message == message
    assert not stopped.value.failure.retryable


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/path",
        "a.test/path",
        "ftp://a.test/",
        "file:///etc/passwd",
        "gopher://a.test/",
        "http://",
        "http://:80/",
        "http://a.test:0/",
        "http://a.test:x/",
        "http://a.test:99999/",
        "http://user:pa/ss@a.test/",
        "http://[::1/",
        "http://a b/",
        "http://a.test/\r\nHost: evil",
        "http://a\\@b/",
    ],
)
def test_only_whole_urls_of_http_are_asked(url: str) -> None:
    assert failure_of(url) == "the URL is not an absolute http or https URL"


@pytest.mark.parametrize(
    "method", ["", "GE T", "GET\r\n", "G/T", "CONNECT", "TRACE", "X" * 33, "É"]
)
def test_methods_that_cannot_be_sent_are_refused(method: str) -> None:
    assert failure_of(method=method) == "requests with this method cannot be sent"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PROPFIND", "M-SEARCH"])
def test_other_methods_are_sent(method: str) -> None:
    assert hop_of(method=method).head().startswith(method.encode() + b" /x?q=1 HTTP/1.1\r\n")


def test_a_user_in_the_url_is_sent_as_a_header() -> None:
    hop = hop_of("http://m%65:p%3Aw@a.test:81/x")
    assert str(hop.url) == "http://a.test:81/x"
    assert hop.headers["authorization"] == "Basic bWU6cDp3"
    assert hop_of("http://me@a.test/", Authorization="mine").headers["authorization"] == "mine"


def test_a_shown_url_has_no_query() -> None:
    assert hop_of("https://a.test/x y?key=s3cret#part").shown_url == "https://a.test/x%20y"


@pytest.mark.parametrize(
    ("status", "method", "following"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (302, "PUT", "PUT"),
        (303, "PUT", "GET"),
        (303, "HEAD", "HEAD"),
        (307, "POST", "POST"),
        (308, "DELETE", "DELETE"),
    ],
)
def test_the_status_decides_what_is_repeated(status: int, method: str, following: str) -> None:
    hop = hop_of(method=method, Content_Type="text/plain", Content_Language="de", Cookie="c")
    hop = next_hop(hop, status=status, location="/y")
    assert hop.method == following
    assert str(hop.url) == "http://a.test/y"
    is_repeated = following == method
    assert hop.body == (b"body" if is_repeated else b"")
    assert ("content-type" in hop.headers) is is_repeated
    assert hop.headers["cookie"] == "c", "it is the same origin"


@pytest.mark.parametrize(
    "location",
    ["http://b.test/", "https://a.test/", "http://a.test:81/", "//b.test/", "http://sub.a.test/"],
)
def test_another_origin_gets_no_credentials(location: str) -> None:
    hop = hop_of(
        Authorization="a", Cookie="c", X_Api_Key="x", X_Goog_Api_Key="g", Api_Key="k", X_Other="o"
    )
    assert next_hop(hop, status=307, location=location).headers == DEFAULTS | {"x-other": "o"}


@pytest.mark.parametrize(
    "location", ["ftp://a.test/", "mailto:x", "http://me:pw@b.test/", "http://[/", "http://a\0/"]
)
def test_a_redirect_to_nowhere_is_not_followed(location: str) -> None:
    with pytest.raises(RequestStoppedError) as stopped:
        next_hop(hop_of(), status=302, location=location)
    message = "the answer is a redirect that cannot be followed"
    assert stopped.value.failure.message == message
