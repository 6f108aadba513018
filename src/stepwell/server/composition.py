"""Which parts a server consists of, and which part is given which others."""

import os
from dataclasses import dataclass

from starlette.types import ASGIApp

from stepwell import __version__
from stepwell.api import ApiServices, ApiSettings, DevOptions, create_api
from stepwell.api.registration import RegistrationApi
from stepwell.api.services import ServerKind
from stepwell.core.retry import RetryPolicy
from stepwell.drivers.http import HttpClient, HttpDriver, PoolLimits
from stepwell.engine.engine import Engine
from stepwell.engine.partition import Surroundings
from stepwell.engine.registry import Registry
from stepwell.server.clock import SystemClock
from stepwell.server.companion import Companion, WithCompanion
from stepwell.server.ids import RandomIds
from stepwell.server.options import Mode
from stepwell.server.run_log import RunLog
from stepwell.server.settings import Settings
from stepwell.server.sync import Sync, SyncSettings
from stepwell.store.reading import ReadModels
from stepwell.store.sqlite.store import SqliteStore

__all__ = ["Parts", "compose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of one server that those who start and stop it need.

    Attributes:
        app: Everything that is served.
        url: Where this machine reaches it.
        port: Where it listens.
    """

    clock: SystemClock
    ids: RandomIds
    client: HttpClient
    registry: Registry
    engine: Engine
    readers: ReadModels
    sync: Sync
    app: ASGIApp
    url: str
    port: int

    async def close(self) -> None:
        """Let go of connections; the store is closed by whoever opened it."""
        await self.client.close()
        await self.readers.close()


def compose(
    settings: Settings,
    store: SqliteStore,
    *,
    port: int,
    url: str,
    companion: Companion | None,
    tells_runs: bool,
) -> Parts:
    """Put a server together; nothing runs yet. Must be called inside the event loop.

    Args:
        settings: How it is to behave.
        store: Opened.
        port: Where it will listen.
        url: Where this machine will reach it.
        companion: An app to serve beside the API.
        tells_runs: Whether single runs are logged.
    """
    clock = SystemClock()
    ids = RandomIds(clock)
    registry = Registry(clock, ids)
    client = HttpClient(limits=_pool_limits(settings.queue_workers))
    engine = Engine(
        Surroundings(
            store=store,
            driver=HttpDriver(client, now_ms=clock.now_ms, signing_key=settings.signing_key),
            clock=clock,
            ids=ids,
            registry=registry,
            retries=_retries(settings),
            calls_max=settings.queue_workers,
            observe=RunLog(registry) if tells_runs else None,
        )
    )
    registry.commit_with(engine)
    kind = _server_kind(settings.mode)
    readers = store.read_models()
    services = ApiServices(
        intake=engine,
        runs=engine,
        catalogue=registry,
        readers=readers,
        ids=ids,
        clock=clock,
        registration=RegistrationApi(registry, kind).routes(),
    )
    app = create_api(services, _api_settings(settings, kind))
    if companion is not None:
        app = WithCompanion(app, companion.create(url), companion.path)
    return Parts(
        clock=clock,
        ids=ids,
        client=client,
        registry=registry,
        engine=engine,
        readers=readers,
        sync=Sync(client, registry, clock, settings=_sync_settings(settings, kind)),
        app=app,
        url=url,
        port=port,
    )


def _server_kind(mode: Mode) -> ServerKind:
    """What SDKs are told. Source: HTTP APIs, 14.4."""
    return "dev" if mode is Mode.DEV else "cloud"


def _pool_limits(calls_max: int) -> PoolLimits:
    """Keep as many connections to an app as there can be calls, so that none is opened twice."""
    limits = PoolLimits()
    return PoolLimits(
        idle_per_origin_max=max(limits.idle_per_origin_max, calls_max),
        idle_max=max(limits.idle_max, calls_max),
    )


def _retries(settings: Settings) -> RetryPolicy:
    interval_s = settings.retry_interval_s
    return RetryPolicy(None if interval_s is None else round(interval_s * 1000))


def _sync_settings(settings: Settings, kind: ServerKind) -> SyncSettings:
    return SyncSettings(
        server_kind=kind,
        signing_key=settings.signing_key,
        needs_key=settings.mode is Mode.START,
    )


def _api_settings(settings: Settings, kind: ServerKind) -> ApiSettings:
    return ApiSettings(
        server_kind=kind,
        version=__version__,
        signing_key=settings.signing_key,
        event_keys=None if settings.mode is Mode.DEV else frozenset(settings.event_keys),
        dev_options=DevOptions(
            directory=os.getcwd(),  # noqa: PTH109 - a text is wanted
            urls=settings.sdk_urls,
            autodiscover=settings.discovery,
            poll=settings.poll,
            poll_interval_s=round(settings.poll_interval_s),
            retry_interval=round(settings.retry_interval_s or 0),
            queue_workers=settings.queue_workers,
            require_keys=settings.mode is Mode.START,
            persist=settings.database is not None,
            sqlite_dir=str(settings.database.parent) if settings.database is not None else "",
        ),
    )
