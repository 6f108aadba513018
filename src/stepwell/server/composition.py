"""Which parts a server consists of, and which part is given which others."""

import random
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.types import ASGIApp

from stepwell import __version__
from stepwell.api.operators import HeldToken
from stepwell.api.readiness import Readiness
from stepwell.core.identity import NodeId, RunId
from stepwell.core.retry import RetryPolicy
from stepwell.drivers.gateway import HttpGateway
from stepwell.drivers.http import HttpClient, HttpDriver, PoolLimits
from stepwell.drivers.otlp import GrpcSender, HttpSender, OtlpExporter, RunSpans
from stepwell.engine.changes import ChangeFeed
from stepwell.engine.counts import CountedDriver, Counts
from stepwell.engine.engine import Engine
from stepwell.engine.limits import LimitSettings
from stepwell.engine.news import News
from stepwell.engine.registry import Registry
from stepwell.engine.retention_setup import RetentionSetup
from stepwell.engine.run_ends import RunEnds
from stepwell.engine.slow_work import SlowestWork
from stepwell.engine.surroundings import NodeSetup, Observer, Surroundings
from stepwell.server.base_path import BelowBasePath
from stepwell.server.clock import StoreClock, SystemClock
from stepwell.server.companion import Companion, WithCompanion
from stepwell.server.endpoints import Behind, served, server_kind
from stepwell.server.ids import RandomIds
from stepwell.server.options import Mode
from stepwell.server.otlp_settings import OtlpProtocol
from stepwell.server.run_log import RunLog
from stepwell.server.settings import Settings
from stepwell.server.stores import ServerStore, process_name
from stepwell.server.sync import Sync, SyncSettings
from stepwell.store.reading import ReadModels

__all__ = ["Circumstances", "Parts", "compose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of one server that those who start and stop it need.

    Attributes:
        behind: What endpoints work on.
        exporter: Sends spans to a collector, if there is one.
        news: Tells other nodes what is committed here, and hears them, if there can be any.
        app: Everything that is served.
        url: Where this machine reaches it.
        port: Where it listens.
    """

    behind: Behind
    client: HttpClient
    gateway: HttpGateway
    exporter: OtlpExporter | None
    news: News | None
    app: ASGIApp
    url: str
    port: int

    async def close(self) -> None:
        """Let go of connections; the store is closed by whoever opened it."""
        await self.client.close()
        await self.gateway.close()
        await self.behind.readers.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is known of a server when it is put together.

    Attributes:
        clock: The wall clock.
        operator: Who runs it; None in development.
        port: Where it will listen.
        url: Where this machine will reach it.
        companion: An app to serve beside the API.
        tells_runs: Whether single runs are logged.
        process: Its number, if it is one of several processes.
        joined: Told what it is among other servers, whenever it has become that.
    """

    clock: SystemClock
    operator: HeldToken | None
    port: int
    url: str
    companion: Companion | None = None
    tells_runs: bool = False
    process: int | None = None
    joined: Callable[[NodeId], None] | None = None


def compose(settings: Settings, store: ServerStore, now: Circumstances) -> Parts:
    """Put a server together; nothing runs yet. Must be called inside the event loop.

    Args:
        settings: How it is to behave.
        store: Opened.
        now: What else is known.
    """
    clock = now.clock
    ids = RandomIds(clock)
    registry = Registry(clock, ids)
    client = HttpClient(limits=_pool_limits(settings.queue_workers))
    gateway = HttpGateway(allow_private=settings.allow_private_requests)
    slow_work = SlowestWork(clock.now_ms)
    run_ends, counts, changes = RunEnds(), Counts(slow_work), ChangeFeed()
    exporter = _exporter(settings, client, registry, counts)
    observers: list[Observer] = [run_ends.observe, counts.observe, changes.observe]
    observers += [exporter.observe] if exporter is not None else []
    observers += [RunLog(registry)] if now.tells_runs else []
    driver = _driver(settings, client, clock, may_send=lambda: engine.may_begin)
    node = _node(clock, now.joined)
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
            node=node,
            observers=tuple(observers),
            reloaded=changes.apps_changed,
        )
    )
    registry.commit_with(engine, catch_up=None if node is None else engine.catch_up)
    readers = store.read_models()
    behind = Behind(
        engine=engine,
        registry=registry,
        readers=readers,
        store_sizes=store.sizes,
        sync=Sync(client, registry, clock, settings=_sync_settings(settings)),
        counts=counts,
        slow_work=slow_work,
        run_ends=run_ends,
        changes=changes,
        clock=clock,
        ids=ids,
        operator=now.operator,
        readiness=Readiness(store, lambda: engine.owned is not None and not counts.commits.stalled),
        process=now.process,
    )
    return Parts(
        behind=behind,
        client=client,
        gateway=gateway,
        exporter=exporter,
        news=_news(settings, store, readers, changes, run_ends),
        app=_app(settings, behind, now.companion, now.url),
        url=now.url,
        port=now.port,
    )


def _driver(
    settings: Settings, client: HttpClient, clock: SystemClock, *, may_send: Callable[[], bool]
) -> HttpDriver:
    return HttpDriver(
        client, now_ms=clock.now_ms, signing_key=settings.signing_key, may_send=may_send
    )


def _app(settings: Settings, behind: Behind, companion: Companion | None, url: str) -> ASGIApp:
    app = served(settings, behind)
    if companion is not None:
        app = WithCompanion(app, companion.create(url), companion.path)
    return BelowBasePath(app, settings.base_path) if settings.base_path else app


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


def _limits(settings: Settings) -> LimitSettings:
    """Limits of the installation; 0 is none."""
    apps = dict(settings.app_concurrency)
    return LimitSettings(
        account=settings.concurrency, app_default=apps.pop("", 0) or None, apps=apps
    )


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
        server_kind=server_kind(settings.mode),
        signing_key=settings.signing_key,
        needs_key=settings.mode is Mode.START,
    )


def _node(clock: SystemClock, joined: Callable[[NodeId], None] | None) -> NodeSetup | None:
    """What the server is among others; a file has one server."""
    if not isinstance(clock, StoreClock):
        return None
    return NodeSetup(process_name(), __version__, clock, joined)


def _news(
    settings: Settings,
    store: ServerStore,
    readers: ReadModels,
    changes: ChangeFeed,
    run_ends: RunEnds,
) -> News | None:
    if settings.postgres is None:
        return None

    async def ended_among(run_ids: Sequence[RunId]) -> list[RunId]:
        runs = await readers.runs_by_id(run_ids)
        return [run.id for run in runs.values() if run.status.is_ended]

    # Unlike its name, no other process has ever had it.
    origin = secrets.token_hex(8)
    return News(store, changes, run_ends, ended_among=ended_among, origin=origin)
