"""What the API needs from the rest of the server, and how it is set up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import msgspec
from starlette.types import ASGIApp

from stepwell.api.operators import HeldToken
from stepwell.core.access_token import TokenHash
from stepwell.core.function import FunctionIndex
from stepwell.core.identity import EnvironmentId, EventId, RunId, StepId
from stepwell.core.queue import QueueItem
from stepwell.core.transition import StoredEvent
from stepwell.engine.clock import Clock
from stepwell.store.views import EventsPage, RunView
from stepwell.wire.events import AcceptedEvent
from stepwell.wire.signing import SigningKey

__all__ = [
    "BODY_BYTES_MAX",
    "ApiServices",
    "ApiSettings",
    "Catalogue",
    "DashboardSettings",
    "DevOptions",
    "Intake",
    "Readers",
    "RouteTable",
    "RunControl",
    "ServerKind",
    "SocketTable",
    "UlidSource",
]

#: A request of 5,000 events of 13 KiB each. One event may have 3 MiB, so twenty of the largest fit.
BODY_BYTES_MAX = 64 * 1024 * 1024

ServerKind = Literal["dev", "cloud"]

#: ASGI applications by path (with `{parameters}`), then by method.
RouteTable = Mapping[str, Mapping[str, ASGIApp]]


#: ASGI applications by path, for WebSockets.
SocketTable = Mapping[str, ASGIApp]


class Intake(Protocol):
    """Where accepted events go."""

    async def accept(
        self, environment_id: EnvironmentId, events: list[AcceptedEvent], *, seeded: bool
    ) -> None:
        """Take events over; returns when they, and the runs they start, are durable.

        Raises:
            StoreUnavailable: They may not be durable; the client should repeat the request.
        """
        ...


class RunControl(Protocol):
    """Runs that have not ended."""

    async def cancel_run(self, run_id: RunId) -> bool:
        """Cancel a run; False when there is no such run, or it has ended."""
        ...

    async def inputs_of(self, run_id: RunId) -> tuple[list[bytes], dict[StepId, bytes]] | None:
        """Events and memoised steps of a live run, as raw JSON; None when there is no such run."""
        ...


class Catalogue(Protocol):
    """What apps have registered."""

    @property
    def functions(self) -> FunctionIndex:
        """All functions, as of now."""
        ...


class Readers(Protocol):
    """Questions about what is stored. Every method raises `StoreUnavailable`."""

    async def events(self, page: EventsPage) -> list[StoredEvent]:
        """A page of events, newest first."""
        ...

    async def event(self, environment_id: EnvironmentId, event_id: EventId) -> StoredEvent | None:
        """The event with that internal id."""
        ...

    async def runs_of_event(self, event_id: EventId) -> list[RunView]:
        """The runs that the event started, oldest first."""
        ...

    async def run(self, run_id: RunId) -> RunView | None:
        """The run, live or ended."""
        ...

    async def jobs(self, run_id: RunId, *, limit: int) -> list[QueueItem]:
        """The run's first `limit` queue items, by id."""
        ...


class UlidSource(Protocol):
    """New ids for events."""

    def ulid(self, at_ms: int) -> str:
        """A new ULID whose time part is `at_ms`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServices:
    """The rest of the server, as the API sees it.

    Attributes:
        routes: Endpoints that work on something else, in the order in which they are tried.
        sockets: As `routes`, for WebSockets.
        operator: Who runs the server; None in development, where everybody may do everything.
    """

    intake: Intake
    runs: RunControl
    catalogue: Catalogue
    readers: Readers
    ids: UlidSource
    clock: Clock
    routes: Sequence[RouteTable] = ()
    sockets: SocketTable = field(default_factory=dict)
    operator: HeldToken | None = None


class DevOptions(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={"directory": "dir", "poll_interval_s": "poll_interval", "no_dashboard": "NoUI"},
):
    """How the server was started, as `GET /dev` shows it; never anything secret.

    Attributes:
        directory: Where it was started.
        urls: Apps it was told of.
        autodiscover: Whether it looks for apps on well-known ports.
        poll: Whether it keeps asking apps for their functions.
        poll_interval_s: How often.
        retry_interval: Seconds between attempts; 0 is the standard table.
        queue_workers: Calls to apps under way at the same time, at most.
        require_keys: Whether senders of events need a key.
        persist: Whether what happened is still there after a restart.
        sqlite_dir: Where the database file is.
    """

    directory: str = ""
    urls: tuple[str, ...] = ()
    autodiscover: bool = False
    poll: bool = False
    poll_interval_s: int = 0
    retry_interval: int = 0
    queue_workers: int = 0
    require_keys: bool = False
    persist: bool = False
    sqlite_dir: str = ""
    no_dashboard: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardSettings:
    """What the pages of the dashboard are, and what they tell of the server without asking it.

    Attributes:
        directory: Where the built files are; it may not exist.
        discovery: Whether the server looks for apps by itself.
        poll: Whether it keeps asking apps for their functions.
        poll_interval_s: How often.
        is_in_memory: Whether everything ends with the server.
    """

    directory: Path
    discovery: bool = False
    poll: bool = False
    poll_interval_s: float = 0
    is_in_memory: bool = False


# Not printable, because event keys are secrets.
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ApiSettings:
    """How the API behaves.

    Attributes:
        server_kind: "dev", or "cloud" for a server in production; SDKs compare it with their mode.
        version: Of the server.
        signing_key: Shared with the apps. None only in "dev": then requests are not authenticated.
        event_keys: Keys with which events may be sent; None accepts any.
        metrics_token: With which numbers may be read, and nothing else; None if there is none.
        dev_options: For `GET /dev`.
        body_bytes_max: Largest body of a request, after decompression.
        base_path: Below which the server is reached, such as `/tools/stepwell`; empty for `/`.
        dashboard: None serves no dashboard.
    """

    server_kind: ServerKind
    version: str
    signing_key: SigningKey | None = None
    event_keys: frozenset[str] | None = None
    metrics_token: TokenHash | None = None
    dev_options: DevOptions = field(default_factory=DevOptions)
    body_bytes_max: int = BODY_BYTES_MAX
    base_path: str = ""
    dashboard: DashboardSettings | None = None
