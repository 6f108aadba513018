"""What the resolvers of one query work on."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from aiodataloader import DataLoader

from stepwell.api.bulk_operations import BulkOperations
from stepwell.api.control import FunctionControl
from stepwell.api.graphql.recent import RecentRuns, recent_hours, recent_runs
from stepwell.api.graphql.server_facts import ServerFacts
from stepwell.api.queue_snapshot import QueueSnapshots
from stepwell.api.reruns import RerunControl
from stepwell.api.retention import RetentionControl
from stepwell.api.services import ApiServices
from stepwell.api.signals import SignalIntake
from stepwell.api.why import Waitings
from stepwell.core.app import App
from stepwell.core.app_sync import AppSync
from stepwell.core.function import Function
from stepwell.core.identity import AppId, EnvironmentId, EventId, FunctionId, RunId
from stepwell.core.transition import StoredEvent
from stepwell.engine.calls import CallUnderWay
from stepwell.engine.distribution import CommitCounts
from stepwell.engine.engine import Owned
from stepwell.engine.insight import Insight
from stepwell.engine.nodes import Roll
from stepwell.engine.slow_work import SlowestWork
from stepwell.engine.store import StoreUnavailable
from stepwell.store.reading import ReadModels
from stepwell.store.sizes import StoreSizes
from stepwell.store.views import RunView, TraceRows

__all__ = ["AppAsking", "AppCatalogue", "GraphqlServices", "Request"]

#: Rows that one question to the store is about, at most.
BATCH_MAX = 400

Key = TypeVar("Key")
Value = TypeVar("Value")


class AppCatalogue(Protocol):
    """Apps as they are registered, and how that is changed."""

    @property
    def apps(self) -> Mapping[AppId, App]:
        """All apps, archived ones and placeholders included."""
        ...

    def app(self, reference: str) -> App | None:
        """The app with that id or name, archived or not."""
        ...

    def function(self, reference: str) -> Function | None:
        """The function with that id or slug, archived or not."""
        ...

    def apps_at(self, url: str) -> list[App]:
        """Apps and placeholders, not archived, whose SDK endpoint is that URL."""
        ...

    async def add_placeholder(self, url: str) -> None:
        """Remember that there should be an app at a URL."""
        ...

    async def record_error(self, url: str, error: str) -> None:
        """Remember why what is at that URL could not be reached."""
        ...

    async def move_app(self, app_id: AppId, url: str) -> App | None:
        """Look for an app at another URL; None if there is none with that id."""
        ...

    async def archive_app(self, app_id: AppId) -> bool:
        """Archive an app with its functions; False if there is none to archive."""
        ...


class AppAsking(Protocol):
    """Asks apps to register."""

    async def ping(self, url: str) -> str:
        """Ask what is at a URL to register; returns what is wrong, "" if nothing."""
        ...

    def was_discovered(self, url: str) -> bool:
        """Whether the app at a URL was found by looking for apps."""
        ...


class EngineControl(BulkOperations, RerunControl, RetentionControl, SignalIntake, Protocol):
    """What the engine does when it is told to, and what it tells of itself."""

    @property
    def insight(self) -> Insight:
        """What is in the memory of whichever server does the work."""
        ...

    def calls_under_way(self) -> int:
        """How many calls to apps this server is making."""
        ...

    def longest_calls(self, limit: int) -> list[CallUnderWay]:
        """The calls of this server that were sent first, in that order."""
        ...

    @property
    def owned(self) -> Owned | None:
        """What this server owns; None while it cannot use the store."""
        ...

    @property
    def is_alone(self) -> bool:
        """Whether there can be no other server, because of the store."""
        ...

    async def roll(self) -> Roll:
        """All servers and what they own. Raises `StoreUnavailable`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphqlServices:
    """The rest of the server, as the resolvers see it.

    Attributes:
        slow_work: What took long is noted there, too.
        streams: Those streams of changes that are open.
    """

    base: ApiServices
    environment_id: EnvironmentId
    readers: ReadModels
    apps: AppCatalogue
    sync: AppAsking
    control: FunctionControl
    engine: EngineControl
    waitings: Waitings
    snapshots: QueueSnapshots
    server: ServerFacts
    commits: CommitCounts
    slow_work: SlowestWork
    streams: Sized


class Request:
    """One query: the server's services, and loaders that ask the store once for many rows.

    Attributes:
        reads_traces: Whether the query may ask for the trace of a run. Then the run is read together
            with its journal, so that status and trace of one answer are of the same moment.
    """

    def __init__(self, services: GraphqlServices) -> None:
        self.services = services
        self.reads_traces = False
        self._store_sizes: asyncio.Future[StoreSizes] | None = None
        self._roll: asyncio.Future[Roll] | None = None
        readers, environment_id = services.readers, services.environment_id

        async def events(ids: Sequence[EventId]) -> Mapping[EventId, StoredEvent]:
            return await readers.events_by_id(environment_id, ids)

        self.events: DataLoader[EventId, StoredEvent | None] = _loader(events, None)
        self.runs: DataLoader[RunId, RunView | None] = _loader(readers.runs_by_id, None)
        self.runs_of_event: DataLoader[EventId, list[RunView]] = _loader(readers.runs_of_events, [])
        self.traces: DataLoader[RunId, TraceRows | None] = _loader(readers.trace_rows, None)
        self.runs_with_ai: DataLoader[RunId, bool] = _loader(readers.runs_with_ai, False)

        self.syncs: DataLoader[AppId, list[AppSync]] = _loader(readers.syncs_of_apps, [])

        async def recent(ids: Sequence[FunctionId]) -> Mapping[FunctionId, RecentRuns]:
            return await recent_runs(readers, ids, now_ms=self.now_ms)

        async def volumes(names: Sequence[str]) -> Mapping[str, list[int]]:
            return await readers.event_volumes(names, recent_hours(self.now_ms))

        self.recent: DataLoader[FunctionId, RecentRuns] = _loader(recent, None)
        self.event_volumes: DataLoader[str, list[int] | None] = _loader(volumes, None)

    async def store_sizes(self) -> StoreSizes:
        """How large the database is, looked at once per query."""
        if self._store_sizes is None:
            self._store_sizes = asyncio.ensure_future(self.services.server.sizes())
        return await self._store_sizes

    async def roll(self) -> Roll | None:
        """All servers and what they own, looked at once per query; None if the store is silent."""
        if self._roll is None:
            self._roll = asyncio.ensure_future(self.services.engine.roll())
        try:
            return await self._roll
        except StoreUnavailable:
            return None

    @property
    def now_ms(self) -> int:
        """The wall clock."""
        return self.services.base.clock.now_ms()

    def function(self, function_id: str) -> Function | None:
        """The function, archived or not."""
        return self.services.apps.function(function_id)


def _loader(
    found: Callable[[Sequence[Any]], Awaitable[Mapping[Any, Any]]], otherwise: Any
) -> DataLoader[Any, Any]:
    """A loader whose question answers with what there is, by key."""

    async def load(keys: list[Any]) -> list[Any]:
        values = await found(keys)
        return [values.get(key, otherwise) for key in keys]

    return DataLoader(load, max_batch_size=BATCH_MAX)
