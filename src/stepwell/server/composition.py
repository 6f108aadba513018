"""Which parts a server consists of, and which part is given which others."""

import os
import random
import secrets
import time
from dataclasses import dataclass, replace

from starlette.types import ASGIApp

from stepwell import __version__
from stepwell.api import ApiServices, ApiSettings, DevOptions, create_api
from stepwell.api.apps import AppsApi
from stepwell.api.cancellations import CancellationsApi
from stepwell.api.changes import ChangesEndpoint
from stepwell.api.checkpoint import CheckpointApi
from stepwell.api.control import ControlApi
from stepwell.api.event_outcomes import EventOutcomesApi
from stepwell.api.graphql import GraphqlEndpoint, GraphqlServices, Request, ServerFacts
from stepwell.api.metadata import MetadataApi
from stepwell.api.metrics import MetricsEndpoint
from stepwell.api.prom import PromEndpoint
from stepwell.api.queue_snapshot import QueueSnapshots
from stepwell.api.registration import RegistrationApi
from stepwell.api.replays import ReplaysApi
from stepwell.api.reruns import RerunsApi
from stepwell.api.retention import RetentionApi
from stepwell.api.rollups import RollupsApi
from stepwell.api.services import BODY_BYTES_MAX, RouteTable, ServerKind
from stepwell.api.signals import SignalEndpoint
from stepwell.api.userland_traces import UserlandTraces
from stepwell.api.waiting import WaitingApi
from stepwell.api.why import Waitings
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID
from stepwell.core.retry import RetryPolicy
from stepwell.drivers.gateway import HttpGateway
from stepwell.drivers.http import HttpClient, HttpDriver, PoolLimits
from stepwell.drivers.otlp import GrpcSender, HttpSender, OtlpExporter, RunSpans
from stepwell.engine.changes import ChangeFeed
from stepwell.engine.control import Control
from stepwell.engine.counts import CountedDriver, Counts
from stepwell.engine.engine import Engine
from stepwell.engine.limits import LimitSettings
from stepwell.engine.reasons import Reasons
from stepwell.engine.registry import Registry
from stepwell.engine.retention_setup import RetentionSetup
from stepwell.engine.run_ends import RunEnds
from stepwell.engine.surroundings import Observer, Surroundings
from stepwell.server.clock import SystemClock
from stepwell.server.companion import Companion, WithCompanion
from stepwell.server.ids import RandomIds
from stepwell.server.options import Mode
from stepwell.server.otlp_settings import OtlpProtocol
from stepwell.server.run_log import RunLog
from stepwell.server.settings import Settings
from stepwell.server.sync import Sync, SyncSettings
from stepwell.store.reading import ReadModels
from stepwell.store.sqlite.store import SqliteStore
from stepwell.wire.run_claim import TokenKey

__all__ = ["Parts", "compose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of one server that those who start and stop it need.

    Attributes:
        app: Everything that is served.
        exporter: Sends spans to a collector, if there is one.
        url: Where this machine reaches it.
        port: Where it listens.
    """

    clock: SystemClock
    ids: RandomIds
    client: HttpClient
    gateway: HttpGateway
    registry: Registry
    engine: Engine
    run_ends: RunEnds
    changes: ChangeFeed
    readers: ReadModels
    sync: Sync
    exporter: OtlpExporter | None
    app: ASGIApp
    url: str
    port: int

    async def close(self) -> None:
        """Let go of connections; the store is closed by whoever opened it."""
        await self.client.close()
        await self.gateway.close()
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
    gateway = HttpGateway(allow_private=settings.allow_private_requests)
    run_ends, counts, changes = RunEnds(), Counts(), ChangeFeed()
    observers: tuple[Observer, ...] = (run_ends.observe, counts.observe, changes.observe)
    exporter = _exporter(settings, client, registry, counts)
    if exporter is not None:
        observers += (exporter.observe,)
    driver = HttpDriver(client, now_ms=clock.now_ms, signing_key=settings.signing_key)
    engine = Engine(
        Surroundings(
            store=store,
            driver=CountedDriver(driver, counts, lambda: registry.functions),
            gateway=gateway,
            clock=clock,
            ids=ids,
            registry=registry,
            retries=_retries(settings),
            calls_max=settings.queue_workers,
            limits=_limits(settings),
            retention=RetentionSetup(server=settings.retention, deleted=counts.deleted),
            commits=counts.commits,
            observers=(*observers, RunLog(registry)) if tells_runs else observers,
        )
    )
    registry.commit_with(engine)
    readers = store.read_models()
    services = ApiServices(
        intake=engine, runs=engine, catalogue=registry, readers=readers, ids=ids, clock=clock
    )
    sync = Sync(client, registry, clock, settings=_sync_settings(settings))
    waitings = _waitings(engine, readers, clock)
    snapshots = QueueSnapshots(readers, waitings, now_s=time.monotonic)
    routes = _shown(services, engine, readers, counts, waitings=waitings, snapshots=snapshots)
    if settings.ui:
        graphql = _graphql(settings, services, engine, sync, waitings=waitings, snapshots=snapshots)
        routes += [graphql.routes(), ChangesEndpoint(changes).routes()]
    routes += _control(settings, services, engine, run_ends)
    app = create_api(replace(services, routes=routes), _api_settings(settings))
    if companion is not None:
        app = WithCompanion(app, companion.create(url), companion.path)
    return Parts(
        clock=clock,
        ids=ids,
        client=client,
        gateway=gateway,
        registry=registry,
        engine=engine,
        run_ends=run_ends,
        changes=changes,
        readers=readers,
        sync=sync,
        exporter=exporter,
        app=app,
        url=url,
        port=port,
    )


def _exporter(
    settings: Settings, client: HttpClient, registry: Registry, counts: Counts
) -> OtlpExporter | None:
    """What sends runs and steps to a collector; None if none is named."""
    otlp = settings.otlp
    if otlp is None:
        return None
    if otlp.protocol is OtlpProtocol.GRPC:
        sender: HttpSender | GrpcSender = GrpcSender(
            otlp.url, otlp.headers, timeout_s=otlp.timeout_s
        )
    else:
        sender = HttpSender(client, otlp.url, otlp.headers, timeout_s=otlp.timeout_s)
    spans = RunSpans(lambda: registry.functions)
    return OtlpExporter(
        spans, sender, resource=otlp.resource, outcomes=counts.exported_spans, jitter=random.random
    )


def _waitings(engine: Engine, readers: ReadModels, clock: SystemClock) -> Waitings:
    return Waitings(
        readers,
        Reasons(lambda: engine.scheduler, clock.now_ms),
        scheduler=lambda: engine.scheduler,
        functions=lambda: engine.registry.functions,
    )


def _shown(
    services: ApiServices,
    engine: Engine,
    readers: ReadModels,
    counts: Counts,
    *,
    waitings: Waitings,
    snapshots: QueueSnapshots,
) -> list[RouteTable]:
    """What tells about events, queues and the server."""
    registry = engine.registry
    metrics = MetricsEndpoint(
        registry, counts, snapshots, clock=services.clock, now_s=time.monotonic
    )
    return [
        WaitingApi(services, waitings).routes(),
        RollupsApi(services, readers, engine.calls_under_way).routes(),
        PromEndpoint(services, readers, engine.calls_under_way).routes(),
        EventOutcomesApi(services, readers).routes(),
        metrics.routes(),
    ]


def _graphql(
    settings: Settings,
    services: ApiServices,
    engine: Engine,
    sync: Sync,
    *,
    waitings: Waitings,
    snapshots: QueueSnapshots,
) -> GraphqlEndpoint:
    """The API of the dashboard and the command line."""
    readers = services.readers
    assert isinstance(readers, ReadModels)
    services_of_graphql = GraphqlServices(
        base=services,
        environment_id=DEFAULT_ENVIRONMENT_ID,
        readers=readers,
        apps=engine.registry,
        sync=sync,
        control=Control(engine.registry),
        engine=engine,
        waitings=waitings,
        snapshots=snapshots,
        server=ServerFacts(
            version=__version__,
            kind=_server_kind(settings.mode),
            started_ms=services.clock.now_ms(),
            database=settings.database,
        ),
    )
    return GraphqlEndpoint(lambda: Request(services_of_graphql))


def _control(
    settings: Settings, services: ApiServices, engine: Engine, run_ends: RunEnds
) -> list[RouteTable]:
    """What tells the server to do something. The routes that take any path stand last."""
    clock, registry = services.clock, engine.registry
    key = settings.signing_key
    # Without a signing key, tokens hold until the server stops.
    tokens = TokenKey.derived(key) if key is not None else TokenKey(secrets.token_bytes(32))
    checkpoints = CheckpointApi(services, engine, run_ends, tokens=tokens, bytes_max=BODY_BYTES_MAX)
    return [
        RegistrationApi(registry, _server_kind(settings.mode)).routes(),
        SignalEndpoint(engine, clock).routes(),
        MetadataApi(engine, is_enabled=settings.step_metadata).routes(),
        UserlandTraces(engine).routes(),
        CancellationsApi(services, engine).routes(),
        RerunsApi(services, engine).routes(),
        RetentionApi(engine, clock).routes(),
        checkpoints.routes(),
        ReplaysApi(services, engine).routes(),
        ControlApi(Control(registry), clock).routes(),
        AppsApi(registry, clock).routes(),
    ]


def _limits(settings: Settings) -> LimitSettings:
    """Limits of the installation; 0 is none."""
    apps = dict(settings.app_concurrency)
    return LimitSettings(
        account=settings.concurrency, app_default=apps.pop("", 0) or None, apps=apps
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


def _sync_settings(settings: Settings) -> SyncSettings:
    return SyncSettings(
        server_kind=_server_kind(settings.mode),
        signing_key=settings.signing_key,
        needs_key=settings.mode is Mode.START,
    )


def _api_settings(settings: Settings) -> ApiSettings:
    return ApiSettings(
        server_kind=_server_kind(settings.mode),
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
            no_dashboard=not settings.ui,
            persist=settings.database is not None,
            sqlite_dir=str(settings.database.parent) if settings.database is not None else "",
        ),
    )
