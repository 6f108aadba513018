"""Equal addresses become equal texts."""

import pytest

from stepwell.wire.sdk_url import has_sdk_url_scheme, normalise_url


@pytest.mark.parametrize(
    ("url", "normalised"),
    [
        ("http://app.test/api?b=2&a=1", "http://app.test/api?a=1&b=2"),
        ("http://app.test/api?deployId=7&probe=trust", "http://app.test/api"),
        ("http://app.test/api?x=a%20b&y", "http://app.test/api?x=a+b&y="),
        ("http://app.test/api?z=2&a=1&z=1", "http://app.test/api?a=1&z=2&z=1"),
        ("http://app.test:80/api", "http://app.test/api"),
        ("https://app.test:443/api", "https://app.test/api"),
        ("wss://app.test:443/api", "wss://app.test/api"),
        ("http://app.test:443/api", "http://app.test:443/api"),
        ("https://app.test:80/api", "https://app.test:80/api"),
        ("http://127.0.0.1:3000/api", "http://localhost:3000/api"),
        ("http://0.0.0.0:3000/api", "http://localhost:3000/api"),
        ("http://127.0.0.1/api", "http://127.0.0.1/api"),
        ("http://me:secret@127.0.0.1:3000/", "http://me:secret@localhost:3000/"),
        ("http://[::1]:3000/api", "http://[::1]:3000/api"),
        ("wss://connect?fnId=a-b&stepId=step", "wss://connect?fnId=a-b&stepId=step"),
        ("", ""),
        ("not a url", "not a url"),
        ("http://[::1/api?b&a", "http://[::1/api?b&a"),
        ("http://app.test:99999/?b&a", "http://app.test:99999/?b&a"),
    ],
)
def test_urls_are_normalised_once_and_for_all(url: str, normalised: str) -> None:
    assert normalise_url(url) == normalised
    assert normalise_url(normalised) == normalised


@pytest.mark.parametrize("scheme", ["http", "https", "ws", "wss"])
def test_schemes_that_can_be_called(scheme: str) -> None:
    assert has_sdk_url_scheme(f"{scheme}://app.test/api")


@pytest.mark.parametrize(
    "url",
    [
        *("", "app.test/api", "ftp://app.test", "file:///etc/passwd", "http:/api", "http://[::1"),
        *("http://:80/", "http://me@/", "http://app.test:0/", "http://app.test:99999/"),
        *("http://app.test:port/", "http://app.test/\0", "http://app.test/a\r\nHost: b"),
    ],
)
def test_urls_that_cannot_be_called(url: str) -> None:
    assert not has_sdk_url_scheme(url)
