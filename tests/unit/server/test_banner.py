"""What a person is told when the server is ready."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from stepwell.server.banner import KnownApp, Whereabouts, banner
from stepwell.server.options import Mode
from stepwell.server.settings import Settings
from stepwell.wire.signing import SigningKey

DEV = Settings(
    mode=Mode.DEV, host="127.0.0.1", port=8288, database=Path("/data/main.db"), discovery=True
)
START = Settings(
    mode=Mode.START,
    host="0.0.0.0",
    port=80,
    database=Path("/data/main.db"),
    signing_key=SigningKey.parse("abcdef123456"),
    event_keys=("secret-event-key",),
)
WHERE = Whereabouts("1.2.3", "http://127.0.0.1:8288")


def test_a_development_server_says_where_everything_is() -> None:
    assert (
        banner(DEV, WHERE)
        == """
  Stepwell 1.2.3, development server

  Dashboard  http://127.0.0.1:8288/
  API        http://127.0.0.1:8288
  Events     POST http://127.0.0.1:8288/e/test
  Database   /data/main.db, kept between starts
  Apps       none yet
  Discovery  on: looking for apps on the usual ports (off: --no-discovery -u <app URL>)

  Start an app with INNGEST_DEV=http://127.0.0.1:8288
  Send an event:
    curl http://127.0.0.1:8288/e/test -d '{"name": "test/hello", "data": {"to": "world"}}'
  Stop with Ctrl-C.

"""
    )


def test_a_self_hosted_server_shows_no_keys() -> None:
    text = banner(START, WHERE)

    assert "self-hosted server" in text
    assert "every other address of this machine" in text
    assert "/e/<event key>" in text
    assert "Discovery" not in text
    assert "abcdef123456" not in text
    assert "secret-event-key" not in text


def test_the_addresses_for_people_have_the_base_path() -> None:
    """Those for apps have none, because SDKs leave it out."""
    text = banner(replace(DEV, base_path="/tools/stepwell"), WHERE)

    assert "Dashboard  http://127.0.0.1:8288/tools/stepwell/\n" in text
    assert "API        http://127.0.0.1:8288/tools/stepwell\n" in text
    assert "INNGEST_DEV=http://127.0.0.1:8288\n" in text


def test_a_server_without_a_dashboard_shows_no_address_of_it() -> None:
    assert "Dashboard" not in banner(replace(DEV, ui=False), WHERE)


def test_a_server_in_memory_says_that_everything_ends_with_it() -> None:
    settings = Settings(mode=Mode.DEV, host="127.0.0.1", port=8288, database=None)

    assert "in memory; everything ends with the server" in banner(settings, WHERE)


@pytest.mark.parametrize(
    ("count", "last_line"), [(8, "app7 at http://app7, 1 function"), (9, "and 1 more app")]
)
def test_known_apps_are_listed_up_to_a_limit(count: int, last_line: str) -> None:
    apps = [KnownApp(f"app{index}", f"http://app{index}", 1) for index in range(count)]

    lines = [line.strip() for line in banner(DEV, _with_apps(apps)).splitlines()]

    assert lines[7] == "Apps       app0 at http://app0, 1 function"
    assert lines[7 + 8 - (count == 8)] == last_line


def test_an_app_that_never_registered_is_named_by_its_address() -> None:
    text = banner(DEV, _with_apps([KnownApp("", "http://localhost:3000/api/inngest", 0)]))

    assert "http://localhost:3000/api/inngest, not registered yet" in text


def test_the_demo_says_what_to_watch_and_to_try() -> None:
    text = banner(DEV, msgspec.structs.replace(WHERE, demo_path="/demo"))

    assert "kill -9" in text
    assert "demo/order.placed" in text


def test_colors_are_only_used_when_asked_for() -> None:
    assert "\x1b" not in banner(DEV, WHERE)
    assert "\x1b[1mStepwell 1.2.3\x1b[0m" in banner(DEV, WHERE, with_colors=True)


def _with_apps(apps: list[KnownApp]) -> Whereabouts:
    return msgspec.structs.replace(WHERE, apps=apps)
