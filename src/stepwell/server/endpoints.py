"""What is served: every endpoint, and what it works on."""

import os
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from starlette.types import ASGIApp

from stepwell import __version__
from stepwell.api import ApiServices, ApiSettings, DevOptions, create_api
from stepwell.api.apps import AppsApi
from stepwell.api.cancellations import CancellationsApi
from stepwell.api.changes import ChangesEndpoint
from stepwell.api.changes_socket import ChangesSocket
from stepwell.api.checkpoint import CheckpointApi
from stepwell.api.control import ControlApi
from stepwell.api.event_outcomes import EventOutcomesApi
from stepwell.api.graphql import GraphqlEndpoint, GraphqlServices, Request, ServerFacts
from stepwell.api.metadata import MetadataApi
from stepwell.api.metrics import MetricsEndpoint
from stepwell.api.operators import HeldToken
from stepwell.api.prom import PromEndpoint
from stepwell.api.queue_snapshot import QueueSnapshots
from stepwell.api.readiness import Readiness
from stepwell.api.registration import RegistrationApi
from stepwell.api.replays import ReplaysApi
from stepwell.api.reruns import RerunsApi
from stepwell.api.retention import RetentionApi
from stepwell.api.rollups import RollupsApi
from stepwell.api.services import (
    BODY_BYTES_MAX,
    DashboardSettings,
    RouteTable,
    ServerKind,
    SocketTable,
)
from stepwell.api.signals import SignalEndpoint
from stepwell.api.userland_traces import UserlandTraces
from stepwell.api.waiting import WaitingApi
from stepwell.api.why import Waitings
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID
from stepwell.dashboard import DIRECTORY
from stepwell.engine.changes import ChangeFeed
from stepwell.engine.control import Control
from stepwell.engine.counts import Counts
from stepwell.engine.engine import Engine
from stepwell.engine.registry import Registry
from stepwell.engine.run_ends import RunEnds
from stepwell.engine.slow_work import SlowestWork
from stepwell.server.clock import SystemClock
from stepwell.server.ids import RandomIds
from stepwell.server.options import Mode
from stepwell.server.settings import Settings
from stepwell.server.stores import StorePlace, process_name
from stepwell.server.sync import Sync
from stepwell.store.reading import ReadModels
from stepwell.store.sizes import StoreSizes
from stepwell.wire.run_claim import TokenKey

__all__ = ["Behind", "served", "server_kind"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """The parts of the server that endpoints work on.

    Attributes:
        process: The number of this one of several processes; None if it is the only one.
    """

    engine: Engine
    registry: Registry
    readers: ReadModels
    store_sizes: Callable[[], Awaitable[StoreSizes]]
    sync: Sync
    counts: Counts
    slow_work: SlowestWork
    run_ends: RunEnds
    changes: ChangeFeed
    clock: SystemClock
    ids: RandomIds
    operator: HeldToken | None
    readiness: Readiness
    process: int | None = None


def served(settings: Settings, behind: Behind) -> ASGIApp:
    """All endpoints as one application."""
    engine = behind.engine
    services = ApiServices(
        intake=engine,
        runs=engine,
        catalogue=behind.registry,
        readers=behind.readers,
        ids=behind.ids,
        clock=behind.clock,
        operator=behind.operator,
    )
    waitings = Waitings(
        behind.readers,
        engine.insight,
        functions=lambda: behind.registry.functions,
        clock=behind.clock,
    )
    snapshots = QueueSnapshots(behind.readers, waitings, now_s=time.monotonic)
    routes = _shown(behind, services, waitings, snapshots)
    sockets: SocketTable = {}
    if settings.ui:
        graphql = _graphql(settings, behind, services, waitings, snapshots)
        routes += [graphql.routes(), ChangesEndpoint(behind.changes).routes()]
        sockets = ChangesSocket(behind.changes).sockets()
    routes += _control(settings, behind, services)
    services = replace(services, routes=routes, sockets=sockets)
    return create_api(services, _api_settings(settings))


def server_kind(mode: Mode) -> ServerKind:
    """What SDKs are told. Source: HTTP APIs, 14.4."""
    return "dev" if mode is Mode.DEV else "cloud"


def _shown(
    behind: Behind, services: ApiServices, waitings: Waitings, snapshots: QueueSnapshots
) -> list[RouteTable]:
    """What tells about events, queues and the server."""
    engine, readers = behind.engine, behind.readers
    metrics = MetricsEndpoint(
        behind.registry,
        behind.counts,
        snapshots,
        nodes=lambda: engine.insight.numbers,
        clock=behind.clock,
        now_s=time.monotonic,
        process=behind.process,
    )
    return [
        WaitingApi(services, waitings).routes(),
        RollupsApi(services, readers, engine.insight.calls).routes(),
        PromEndpoint(services, readers, engine.insight.calls).routes(),
        EventOutcomesApi(services, readers).routes(),
        metrics.routes(),
        behind.readiness.routes(),
    ]


def _graphql(
    settings: Settings,
    behind: Behind,
    services: ApiServices,
    waitings: Waitings,
    snapshots: QueueSnapshots,
) -> GraphqlEndpoint:
    """The API of the dashboard and the command line."""
    registry = behind.registry
    place = StorePlace.of(settings)
    given = GraphqlServices(
        base=services,
        environment_id=DEFAULT_ENVIRONMENT_ID,
        readers=behind.readers,
        apps=registry,
        sync=behind.sync,
        control=Control(registry),
        engine=behind.engine,
        waitings=waitings,
        snapshots=snapshots,
        server=ServerFacts(
            version=__version__,
            kind=server_kind(settings.mode),
            started_ms=behind.clock.now_ms(),
            store=place.kind,
            place=place.text,
            sizes=behind.store_sizes,
            process=process_name(),
            calls_max=settings.queue_workers,
        ),
        commits=behind.counts.commits,
        slow_work=behind.slow_work,
        streams=behind.changes,
    )
    return GraphqlEndpoint(lambda: Request(given))


def _control(settings: Settings, behind: Behind, services: ApiServices) -> list[RouteTable]:
    """What tells the server to do something. The routes that take any path stand last."""
    engine, registry, clock = behind.engine, behind.registry, behind.clock
    key = settings.signing_key
    # Without a signing key, tokens hold until the server stops.
    tokens = TokenKey.derived(key) if key is not None else TokenKey(secrets.token_bytes(32))
    checkpoints = CheckpointApi(
        services, engine, behind.run_ends, tokens=tokens, bytes_max=BODY_BYTES_MAX
    )
    return [
        RegistrationApi(registry, server_kind(settings.mode)).routes(),
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


def _api_settings(settings: Settings) -> ApiSettings:
    return ApiSettings(
        server_kind=server_kind(settings.mode),
        version=__version__,
        signing_key=settings.signing_key,
        event_keys=None if settings.mode is Mode.DEV else frozenset(settings.event_keys),
        metrics_token=settings.metrics_token,
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
            persist=StorePlace.of(settings).kind != "memory",
            sqlite_dir=_sqlite_dir(settings),
        ),
        base_path=settings.base_path,
        dashboard=_dashboard(settings) if settings.ui else None,
    )


def _sqlite_dir(settings: Settings) -> str:
    if settings.database is None or settings.postgres is not None:
        return ""
    return str(settings.database.parent)


def _dashboard(settings: Settings) -> DashboardSettings:
    return DashboardSettings(
        directory=DIRECTORY,
        discovery=settings.discovery,
        poll=settings.poll,
        poll_interval_s=settings.poll_interval_s,
        is_in_memory=StorePlace.of(settings).kind == "memory",
    )
