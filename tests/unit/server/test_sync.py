"""Apps are asked to register, and what they answer becomes their state."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stepwell.api.services import ServerKind
from stepwell.core.app_sync import SyncStatus
from stepwell.core.sync_failures import FAILURES, SYNC_BLOCKED, failure_of
from stepwell.core.sync_history import SyncCause
from stepwell.drivers.http import FailureKind, HttpClient, HttpFailure, HttpReply, Url, parse_url
from stepwell.engine.registry import Registry
from stepwell.engine.store import StoreUnavailable
from stepwell.server.sync import Sync, SyncSettings, answer_error
from stepwell.wire.signing import SigningKey, sign, verify_signature
from tests.unit.drivers.http.scripted_app import App, Peer, Received, Talk, always, answer, serving
from tests.unit.server.apps import NOW_S, FixedClock, closed_port, request_of, sdk_app

pytestmark = pytest.mark.anyio

DATA = Path(__file__).parents[1] / "wire" / "data"
KEY = SigningKey.parse("signkey-test-8ee2262a15e8d3c42d6a840db7af3de2")
PUT = "PUT /api/inngest"


def sync_of(
    client: HttpClient, registry: Registry, *, kind: ServerKind = "dev", **settings: Any
) -> Sync:
    return Sync(client, registry, FixedClock(), settings=SyncSettings(server_kind=kind, **settings))


def endpoint(app: App) -> str:
    return f"{app.origin}/api/inngest"


def reply(status: int, body: bytes = b"{}") -> HttpReply:
    url = parse_url("http://localhost:8000/api/inngest")
    assert isinstance(url, Url)
    return HttpReply(status, {}, body, url)


def outcomes(registry: Registry, url: str) -> list[tuple[SyncStatus, str]]:
    """What is remembered of the app at a URL, the oldest first."""
    (app,) = registry.apps_at(url)
    return [(mark.status, mark.error) for mark in registry.sync_marks(app.id)]


async def pinged(talk: Talk, sync: Sync, *, in_band: bool = False) -> tuple[str, Received]:
    """Ping an app once; what came of it, and the request as the app saw it."""
    async with serving(talk) as app:
        error = await sync.ping(endpoint(app), in_band=in_band)
        (request,) = app.requests
        return error, request


async def test_a_ping_says_what_is_asked_for_and_by_whom(
    client: HttpClient, registry: Registry
) -> None:
    error, request = await pinged(always(answer()), sync_of(client, registry))

    assert error == ""
    assert (request.method, request.target) == ("PUT", "/api/inngest")
    url = msgspec.json.decode(request.body)["url"]
    assert url.startswith("http://localhost:")
    assert url.endswith("/api/inngest")
    assert request.header("content-type") == "application/json"
    assert request.header("x-inngest-server-kind") == "dev"
    assert request.header("content-length") == str(len(request.body))
    assert request.header("x-inngest-signature") is None
    assert request.header("x-inngest-sync-kind") is None


async def test_with_a_key_the_ping_is_signed(client: HttpClient, registry: Registry) -> None:
    sync = sync_of(client, registry, kind="cloud", signing_key=KEY, needs_key=True)

    _, request = await pinged(always(answer()), sync)

    assert request.header("x-inngest-server-kind") == "cloud"
    signature = request.header("x-inngest-signature")
    assert verify_signature(signature, request.body, KEY, now_s=NOW_S)


async def test_an_app_has_registered_when_its_ping_returns(
    client: HttpClient, registry: Registry
) -> None:
    url: list[str] = []
    async with serving(sdk_app(registry, url, {PUT: answer()})) as app:
        url.append(endpoint(app))

        assert await sync_of(client, registry).ping(endpoint(app)) == ""

    (found,) = registry.apps_at(url[0])
    assert (found.name, found.error) == ("shop", "")


async def test_an_app_that_is_gone_is_listed_as_unreachable(
    client: HttpClient, registry: Registry
) -> None:
    url = f"http://127.0.0.1:{closed_port()}/api/inngest"
    await registry.register(request_of(url))

    assert await sync_of(client, registry).ping(url) == "unreachable"

    (app,) = registry.apps_at(url)
    assert app.error == "unreachable"


async def test_a_good_answer_alone_clears_no_error(client: HttpClient, registry: Registry) -> None:
    async with serving(always(answer())) as app:
        await registry.add_placeholder(endpoint(app))

        assert await sync_of(client, registry).ping(endpoint(app)) == ""

        (waiting,) = registry.apps_at(endpoint(app))
    assert waiting.error == "unreachable"


async def test_without_the_key_that_is_needed_nothing_is_sent(
    client: HttpClient, registry: Registry
) -> None:
    sync = sync_of(client, registry, kind="cloud", needs_key=True)
    async with serving(always(answer())) as app:
        await registry.add_placeholder(endpoint(app))

        assert await sync.ping(endpoint(app)) == "missing_server_signing_key"

        assert app.requests == []
        assert [each.error for each in registry.apps.values()] == ["missing_server_signing_key"]


async def test_a_server_that_stops_says_nothing_about_its_apps(
    client: HttpClient, registry: Registry
) -> None:
    url = "http://localhost:1/api/inngest"
    await registry.register(request_of(url))
    await client.close()

    await sync_of(client, registry).ping(url)

    assert [app.error for app in registry.apps.values()] == [""]


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("Your signing key is invalid", "invalid_signing_key"),
        ("No functions registered within your app", "no_functions"),
        ("At least one function is invalid", "invalid_function"),
        ("You didn't specify your workspace's signing key", "missing_signing_key"),
        ("No INNGEST_ENV branch name found", "missing_branch_env_name"),
        (SYNC_BLOCKED, "sdk_version_denied"),
        ("Out of coffee", "Out of coffee"),
        ("x" * 1000, "x" * 500),
    ],
)
async def test_a_400_is_explained_by_its_message(message: str, error: str) -> None:
    assert answer_error(reply(400, msgspec.json.encode({"message": message}))) == error


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"message":1}', b"{}", b"\xff"])
async def test_a_400_without_a_message_is_still_an_error(body: bytes) -> None:
    assert answer_error(reply(400, body)) == "The app answered with status 400"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (200, ""),
        (204, ""),
        (401, "unauthorized"),
        (403, "forbidden"),
        (404, "url_not_found"),
        (405, ""),
        (500, "internal_server_error"),
        (502, ""),
    ],
)
async def test_other_statuses_have_a_fixed_meaning(status: int, error: str) -> None:
    assert answer_error(reply(status)) == error


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FailureKind.UNREACHABLE, "unreachable"),
        (FailureKind.TIMEOUT, "unreachable"),
        (FailureKind.RESET, "unreachable"),
        (FailureKind.TLS, "unsupported_protocol"),
        (FailureKind.INVALID_REQUEST, "unsupported_protocol"),
        (FailureKind.BAD_RESPONSE, "unsupported_protocol"),
    ],
)
async def test_without_an_answer_the_app_or_its_protocol_is_to_blame(
    kind: FailureKind, error: str
) -> None:
    assert answer_error(HttpFailure(kind, "because")) == error


async def test_a_url_of_another_scheme_is_not_called(
    client: HttpClient, registry: Registry
) -> None:
    sync = sync_of(client, registry)

    assert await sync.ping("ftp://localhost/api/inngest") == "unsupported_protocol"


def in_band_answer(body: bytes, *, key: SigningKey | None = KEY) -> bytes:
    headers = "x-inngest-sync-kind: in_band\n"
    if key is not None:
        headers += f"x-inngest-signature: {sign(body, key, unix_s=NOW_S)}\n"
    return answer(body, headers=headers)


@pytest.mark.parametrize("name", ["in_band_python.json", "in_band_typescript.json"])
async def test_an_in_band_sync_takes_the_functions_from_the_answer(
    name: str, client: HttpClient, registry: Registry
) -> None:
    sync = sync_of(client, registry, kind="cloud", signing_key=KEY)
    body = (DATA / name).read_bytes()

    error, request = await pinged(always(in_band_answer(body)), sync, in_band=True)

    assert error == ""
    assert request.header("x-inngest-sync-kind") == "in_band"
    assert list(msgspec.json.decode(request.body)) == ["url"]
    (app,) = registry.apps.values()
    assert app.name == msgspec.json.decode(body)["app_id"]
    assert app.error == ""
    assert len(registry.functions) == 1


@pytest.mark.parametrize("key", [None, SigningKey.parse("00ff")])
async def test_an_in_band_answer_of_someone_else_is_not_taken(
    key: SigningKey | None, client: HttpClient, registry: Registry
) -> None:
    sync = sync_of(client, registry, kind="cloud", signing_key=KEY)
    body = (DATA / "in_band_python.json").read_bytes()

    error, _ = await pinged(always(in_band_answer(body, key=key)), sync, in_band=True)

    assert "not signed" in error
    assert dict(registry.apps) == {}


async def test_without_a_key_an_in_band_answer_needs_no_signature(
    client: HttpClient, registry: Registry
) -> None:
    body = (DATA / "in_band_typescript.json").read_bytes()

    error, _ = await pinged(
        always(in_band_answer(body, key=None)), sync_of(client, registry), in_band=True
    )

    assert error == ""
    assert registry.has_apps


async def test_an_app_that_does_not_sync_in_band_registers_as_usual(
    client: HttpClient, registry: Registry
) -> None:
    url: list[str] = []
    put = answer(b'{"modified":true}', headers="x-inngest-sync-kind: out_of_band")
    async with serving(sdk_app(registry, url, {PUT: put})) as app:
        url.append(endpoint(app))

        assert await sync_of(client, registry).ping(endpoint(app), in_band=True) == ""

    assert registry.has_apps


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"hello", "The app's answer to the in-band sync cannot be read: not JSON"),
        (b'{"app_id":""}', "App ID required"),
        (b'{"app_id":"a","url":"http://x/y","functions":[{"id":"a-b"}]}', "invalid_function"),
    ],
)
async def test_an_in_band_answer_that_cannot_be_taken_says_why(
    body: bytes, error: str, client: HttpClient, registry: Registry
) -> None:
    found, _ = await pinged(
        always(in_band_answer(body, key=None)), sync_of(client, registry), in_band=True
    )

    assert found.startswith(error)
    assert len(registry.functions) == 0


async def test_a_refused_in_band_sync_keeps_its_details(
    client: HttpClient, registry: Registry
) -> None:
    async with serving(
        always(
            in_band_answer(
                b'{"app_id":"a","url":"http://x/y","functions":[{"id":"a-b"}]}', key=None
            )
        )
    ) as app:
        await sync_of(client, registry).ping(endpoint(app), in_band=True)

    (found,) = registry.apps.values()
    assert found.error == "invalid_function"
    assert "A function name is required" in found.error_detail


async def test_only_apps_with_an_error_are_asked_unless_all_are(
    client: HttpClient, registry: Registry
) -> None:
    sync = sync_of(client, registry)
    async with serving(always(answer())) as well, serving(always(answer())) as ill:
        await registry.register(request_of(endpoint(well)))
        await registry.add_placeholder(endpoint(ill))

        await sync.ping_apps(every_app=False)
        assert (len(well.requests), len(ill.requests)) == (0, 1)

        await sync.ping_apps(every_app=True)
        assert (len(well.requests), len(ill.requests)) == (1, 2)


async def test_polling_what_stays_as_it_is_remembers_nothing(
    client: HttpClient, registry: Registry
) -> None:
    sync = sync_of(client, registry)
    gone = f"http://127.0.0.1:{closed_port()}/api/inngest"
    url: list[str] = []
    async with serving(sdk_app(registry, url, {PUT: answer()})) as app:
        url.append(endpoint(app))
        await registry.add_placeholder(url[0])
        await registry.add_placeholder(gone)

        for _ in range(4):
            await sync.ping_apps(every_app=True)

    found = [outcomes(registry, each) for each in (url[0], gone)]
    assert found == [[(SyncStatus.SUCCESS, "")], [(SyncStatus.ERROR, "unreachable")]]


async def test_what_a_person_asks_for_is_remembered(client: HttpClient, registry: Registry) -> None:
    sync = sync_of(client, registry)
    url: list[str] = []
    async with serving(sdk_app(registry, url, {PUT: answer()})) as app:
        url.append(endpoint(app))
        await sync.ping(url[0])
        await sync.ping(url[0])
        await sync.ping(url[0])

    assert outcomes(registry, url[0]) == [(SyncStatus.SUCCESS, ""), (SyncStatus.DUPLICATE, "")]


async def test_a_person_and_a_poll_at_the_same_time_count_as_the_person(
    client: HttpClient, registry: Registry
) -> None:
    sync = sync_of(client, registry)
    url: list[str] = []
    async with serving(sdk_app(registry, url, {PUT: answer()})) as app:
        url.append(endpoint(app))
        await sync.ping(url[0], cause=SyncCause.POLL)
        with registry.asking(url[0], SyncCause.PERSON):
            await sync.ping(url[0], cause=SyncCause.POLL)

    assert outcomes(registry, url[0]) == [(SyncStatus.SUCCESS, ""), (SyncStatus.DUPLICATE, "")]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
async def test_every_answer_has_a_code_that_is_explained(status: int) -> None:
    assert failure_of(answer_error(reply(status))).code in FAILURES


async def test_apps_that_connect_or_were_removed_are_not_asked(
    client: HttpClient, registry: Registry
) -> None:
    connecting = msgspec.structs.replace(
        request_of("wss://connect", "worker"),
        deploy_type="connect",
        capabilities=msgspec.json.decode(
            b'{"connect":"v1"}', type=type(request_of("x").capabilities)
        ),
    )
    assert connecting.is_connect
    await registry.register(connecting)
    async with serving(always(answer())) as removed:
        await registry.register(request_of(endpoint(removed)))
        await registry.remove(endpoint(removed))

        await sync_of(client, registry).ping_apps(every_app=True)

        assert removed.requests == []
    assert [app.error for app in registry.apps.values()] == ["", ""]


async def test_apps_at_one_url_are_asked_once(client: HttpClient, registry: Registry) -> None:
    async with serving(always(answer())) as app:
        await registry.register(request_of(endpoint(app), "old-name"))
        await registry.register(request_of(endpoint(app), "new-name"))

        await sync_of(client, registry).ping_apps(every_app=True)

        assert len(app.requests) == 1


async def test_polling_asks_at_once_and_after_each_interval(
    client: HttpClient, registry: Registry
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            raise asyncio.CancelledError

    async with serving(always(answer())) as app:
        await registry.register(request_of(endpoint(app)))
        with pytest.raises(asyncio.CancelledError):
            await sync_of(client, registry).poll(interval_s=5.0, every_app=True, sleep=sleep)

        assert len(app.requests) == 3
    assert slept == [5.0, 5.0, 5.0]


async def test_polling_goes_on_while_nothing_can_be_stored(
    client: HttpClient, registry: Registry
) -> None:
    class Failing:
        async def commit(self, _: object) -> None:
            raise StoreUnavailable("commit", "the disk is full")

    await registry.register(request_of(f"http://localhost:{closed_port()}/api/inngest"))
    registry.commit_with(Failing())

    await sync_of(client, registry).ping_apps(every_app=True)

    assert [app.error for app in registry.apps.values()] == [""]


async def test_a_redirect_is_followed(client: HttpClient, registry: Registry) -> None:
    """The app moved, and says so."""

    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer(status=307, headers="Location: /moved"))
        await peer.request()
        await peer.send(answer(status=403))

    async with serving(talk) as app:
        assert await sync_of(client, registry).ping(endpoint(app)) == "forbidden"

        assert [request.target for request in app.requests] == ["/api/inngest", "/moved"]
