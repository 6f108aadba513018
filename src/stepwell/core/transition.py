"""A transition: everything one decision wants written, and nothing that has happened yet.

Core returns it, the committer writes it together with others in one transaction, and only then is
anything answered, dispatched or woken. All rows of a transition are written, or none.
"""

import msgspec

from stepwell.core.app import App
from stepwell.core.function import Function
from stepwell.core.identity import AppId, EnvironmentId, EventId, FunctionId, ItemId, RunId
from stepwell.core.journal import Entry
from stepwell.core.queue import QueueItem
from stepwell.core.status import RunStatus
from stepwell.core.waits import Wait, WaitRef

__all__ = [
    "Claim",
    "JournalRow",
    "NewRun",
    "RunEnd",
    "RunStart",
    "Skip",
    "StoredEvent",
    "Transition",
]


class StoredEvent(msgspec.Struct, frozen=True, gc=False):
    """An accepted event.

    Attributes:
        id: Internal ULID.
        number: Distinguishes events stored under one internal id, which happens when a client
            repeats a request with the same id seed.
        external_id: The sender's own id, or the internal one.
        payload: The event as functions receive it; JSON.
    """

    id: EventId
    number: int
    environment_id: EnvironmentId
    name: str
    external_id: str
    ts_ms: int
    received_ms: int
    payload: bytes


class NewRun(msgspec.Struct, frozen=True, gc=False):
    """A run comes into being.

    Attributes:
        event_id: The (first) event that started it.
        event_name: Its name.
        event_ids: All events of a batch; empty for a single one.
        scheduled_ms: Intended start; later than `queued_ms` for events with a future `ts`.
        cron: The cron expression that started it, if one did.
        parent_run_id: The run that invoked it, if one did.
        parent_function_id: Its function.
        parent_step: The step of the parent that waits for the result.
        origin_run_id: The first run of a chain of reruns.
    """

    id: RunId
    environment_id: EnvironmentId
    app_id: AppId
    function_id: FunctionId
    function_version: int
    queued_ms: int
    scheduled_ms: int
    event_id: EventId
    event_name: str
    event_ids: tuple[EventId, ...] = ()
    cron: str = ""
    parent_run_id: RunId = RunId("")
    parent_function_id: FunctionId = FunctionId("")
    parent_step: str = ""
    origin_run_id: RunId = RunId("")
    status: RunStatus = RunStatus.SCHEDULED


class RunStart(msgspec.Struct, frozen=True, gc=False):
    """The run's first call was sent."""

    run_id: RunId
    started_ms: int


class RunEnd(msgspec.Struct, frozen=True, gc=False):
    """The run is over. Its queue items and waits are deleted by the same transition.

    Attributes:
        started_ms: When its first call was sent; 0 when none was.
        ended_seq: Sequence number of the `RunEnded` entry, which holds the output.
    """

    run_id: RunId
    status: RunStatus
    started_ms: int
    ended_ms: int
    ended_seq: int


class JournalRow(msgspec.Struct, frozen=True, gc=False):
    """One entry at its place in a run's journal."""

    run_id: RunId
    seq: int
    entry: Entry


class Claim(msgspec.Struct, frozen=True, gc=False):
    """Remembers that a function was scheduled for a key, so that a repetition is not.

    Source: execution semantics, 2.2.
    """

    function_id: FunctionId
    key: str
    run_id: RunId
    expires_ms: int


class Skip(msgspec.Struct, frozen=True, gc=False):
    """Why an event that a function listens to did not start a run of it.

    With the reason "cancel_condition_invalid" it did, but one of the function's `cancelOn` entries
    cannot cancel that run.
    """

    event_id: EventId
    function_id: FunctionId
    reason: str
    detail: str
    at_ms: int


class Transition(msgspec.Struct, gc=False):
    """The rows of one decision. Complete when core returns it; nobody changes it afterwards.

    Attributes:
        put: Items to insert.
        renew: Items whose row exists and is replaced; the key is the item's id.
        renew_due: As `renew`, where `due_ms` changes too.
        done: Items whose rows are deleted.
        apps: Apps to insert or replace.
        apps_removed: Apps whose rows are deleted; they have no functions.
        functions: Functions to insert or replace.
    """

    events: list[StoredEvent] = []
    runs: list[NewRun] = []
    started: list[RunStart] = []
    ended: list[RunEnd] = []
    journal: list[JournalRow] = []
    put: list[QueueItem] = []
    renew: list[QueueItem] = []
    renew_due: list[QueueItem] = []
    done: list[ItemId] = []
    waits: list[Wait] = []
    waits_done: list[WaitRef] = []
    claims: list[Claim] = []
    skips: list[Skip] = []
    apps: list[App] = []
    apps_removed: list[AppId] = []
    functions: list[Function] = []
