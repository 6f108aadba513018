"""What the APIs ask for and are answered, whatever the database."""

import msgspec

from stepwell.core.identity import AppId, EnvironmentId, EventId, FunctionId, RunId
from stepwell.core.status import RunStatus

__all__ = ["EventsPage", "RunView"]


class EventsPage(msgspec.Struct, frozen=True):
    """Which events are asked for, newest first.

    Attributes:
        before: Only events with a smaller id.
        received_after_ms: Only events received at or after this time.
        received_before_ms: Only events received at or before this time.
        name: Only events of exactly this name.
        include_internal: Also events whose names start with "inngest/".
    """

    environment_id: EnvironmentId
    limit: int
    before: EventId | None = None
    received_after_ms: int | None = None
    received_before_ms: int | None = None
    name: str | None = None
    include_internal: bool = False


class RunView(msgspec.Struct, frozen=True):
    """A run as the APIs show it.

    Attributes:
        started_ms: When its first call was sent; 0 before.
        ended_ms: When it ended; 0 before.
        event_ids: All events of a batch; empty for a single one.
        output: What it returned, raw JSON; empty until it has ended, or if there is none.
        error: Why it failed, raw JSON; empty unless it did.
    """

    id: RunId
    environment_id: EnvironmentId
    app_id: AppId
    function_id: FunctionId
    function_version: int
    status: RunStatus
    queued_ms: int
    scheduled_ms: int
    started_ms: int
    ended_ms: int
    event_id: EventId
    event_name: str
    event_ids: tuple[EventId, ...]
    cron: str
    parent_run_id: RunId
    parent_function_id: FunctionId
    parent_step: str
    origin_run_id: RunId
    output: bytes
    error: bytes
