"""Apps on this machine are found by what answers where SDKs are usually mounted."""

import pytest

from stepwell.drivers.http import HttpClient
from stepwell.engine.registry import Registry
from stepwell.server.discovery import DISCOVERY_PATHS, DISCOVERY_PORTS, Discovery
from stepwell.server.sync import Sync, SyncSettings
from tests.unit.drivers.http.scripted_app import App, Peer, Talk, always, answer, serving
from tests.unit.server.apps import FixedClock, closed_port, port_of, request_of, sdk_app

pytestmark = pytest.mark.anyio

SDK = answer(headers="x-inngest-sdk: inngest-py:v0.5.18")


def discovery_of(
    client: HttpClient, registry: Registry, *ports: int, own_ports: tuple[int, ...] = ()
) -> Discovery:
    sync = Sync(client, registry, FixedClock(), settings=SyncSettings(server_kind="dev"))
    return Discovery(client, sync, registry, own_ports=own_ports, ports=ports)


def mounted_at(registry: Registry, url: list[str], path: str) -> Talk:
    return sdk_app(registry, url, {f"GET {path}": SDK, f"PUT {path}": SDK})


def requests_to(app: App) -> list[str]:
    return [f"{request.method} {request.target}" for request in app.requests]


@pytest.mark.parametrize("path", DISCOVERY_PATHS)
async def test_an_app_is_found_and_registers(
    path: str, client: HttpClient, registry: Registry
) -> None:
    url: list[str] = []
    async with serving(mounted_at(registry, url, path)) as app:
        port = port_of(app.origin)
        url.append(f"http://localhost:{port}{path}")

        await discovery_of(client, registry, closed_port(), port).search()

        assert requests_to(app)[-2:] == [f"GET {path}", f"PUT {path}"]
        (found,) = registry.apps_at(url[0])
        assert (found.name, found.error) == ("shop", "")


async def test_an_app_on_the_other_loopback_address_is_found(
    client: HttpClient, registry: Registry
) -> None:
    """Some development servers listen on IPv6 only."""
    url: list[str] = []
    async with serving(mounted_at(registry, url, "/api/inngest"), host="::1") as app:
        port = port_of(app.origin)
        url.append(f"http://localhost:{port}/api/inngest")

        await discovery_of(client, registry, port).search()

    assert registry.has_apps


async def test_other_web_servers_are_left_alone(client: HttpClient, registry: Registry) -> None:
    async with serving(always(answer(b"<html>hello</html>"))) as app:
        await discovery_of(client, registry, port_of(app.origin)).search()

        assert requests_to(app) == [f"GET {path}" for path in DISCOVERY_PATHS]
    assert dict(registry.apps) == {}


async def test_what_speaks_no_http_is_asked_once(client: HttpClient, registry: Registry) -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"-ERR unknown command\r\n")

    async with serving(talk) as app:
        await discovery_of(client, registry, port_of(app.origin)).search()

        assert len(app.requests) == 1
    assert dict(registry.apps) == {}


async def test_a_page_that_is_too_long_for_an_sdk_is_none(
    client: HttpClient, registry: Registry
) -> None:
    long_page = answer(b"x" * 65_537, headers="x-inngest-sdk: inngest-js:v4.0.0")
    async with serving(always(long_page)) as app:
        await discovery_of(client, registry, port_of(app.origin)).search()

    assert dict(registry.apps) == {}


async def test_this_server_is_not_taken_for_an_app(client: HttpClient, registry: Registry) -> None:
    async with serving(always(SDK)) as itself:
        port = port_of(itself.origin)

        await discovery_of(client, registry, port, own_ports=(port,)).search()

        assert itself.connections == 0


async def test_an_app_that_cannot_register_is_shown_with_the_reason(
    client: HttpClient, registry: Registry
) -> None:
    async def talk(peer: Peer) -> None:
        while True:
            request = await peer.request()
            await peer.send(SDK if request.method == "GET" else answer(status=500))

    async with serving(talk) as app:
        port = port_of(app.origin)
        discovery = discovery_of(client, registry, port)
        await discovery.search()

        (waiting,) = registry.apps.values()
        assert waiting.url == f"http://localhost:{port}/api/inngest"
        assert (waiting.name, waiting.error) == ("", "internal_server_error")

        await discovery.search()
        assert [request.method for request in app.requests] == ["GET", "PUT", "GET"]


async def test_the_search_ends_with_the_first_app(client: HttpClient, registry: Registry) -> None:
    """It begins at once, and goes on until then; a placeholder is no app yet."""
    slept: list[float] = []
    await registry.add_placeholder("localhost:1/api/inngest")

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            await registry.register(request_of("http://localhost:1/api/inngest"))

    async with serving(always(answer())) as app:
        await discovery_of(client, registry, port_of(app.origin)).run(interval_s=5.0, sleep=sleep)

        assert len(app.requests) == 2 * len(DISCOVERY_PATHS)
    assert slept == [5.0, 5.0]


async def test_there_is_no_search_when_an_app_is_known(
    client: HttpClient, registry: Registry
) -> None:
    async def never(_: float) -> None:
        raise AssertionError

    await registry.register(request_of("http://localhost:1/api/inngest"))
    async with serving(always(SDK)) as app:
        await discovery_of(client, registry, port_of(app.origin)).run(interval_s=5.0, sleep=never)

        assert app.connections == 0


def test_the_ports_are_those_of_the_protocol() -> None:
    assert len(DISCOVERY_PORTS) == len(set(DISCOVERY_PORTS)) == 27
    assert {80, 443, 3000, 3010, 4321, 5173, 8000, 8910, 8915} < set(DISCOVERY_PORTS)
