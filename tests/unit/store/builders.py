"""Values to store: complete, all different, and changed where a test says so."""

import msgspec

from stepwell.core.app import App
from stepwell.core.function import Function
from stepwell.core.identity import (
    DEFAULT_ENVIRONMENT_ID,
    LOCAL_PARTITION,
    AppId,
    EnvironmentId,
    EventId,
    FunctionId,
    ItemId,
    RunId,
    StepId,
    WaitId,
)
from stepwell.core.journal import Entry, RunStarted, StepName, StepResolved
from stepwell.core.queue import IMMEDIATE, ItemKind, QueueItem
from stepwell.core.status import RunStatus
from stepwell.core.transition import Claim, JournalRow, NewRun, RunEnd, RunStart, Skip, StoredEvent
from stepwell.core.waits import Wait, WaitKind
from stepwell.wire.config import EventTrigger, FunctionConfig

__all__ = [
    "ENVIRONMENT",
    "FUNCTION",
    "OTHER_FUNCTION",
    "PARTITION",
    "a_claim",
    "a_function",
    "a_run",
    "a_skip",
    "a_wait",
    "an_app",
    "an_entry",
    "an_event",
    "an_item",
    "ended",
    "event_id",
    "resolved",
    "run_id",
    "started",
]

ENVIRONMENT = DEFAULT_ENVIRONMENT_ID
PARTITION = LOCAL_PARTITION
FUNCTION = FunctionId("f0000000-0000-4000-8000-000000000001")
OTHER_FUNCTION = FunctionId("f0000000-0000-4000-8000-000000000002")
APP = AppId("a0000000-0000-4000-8000-000000000001")


def event_id(number: int) -> EventId:
    return EventId(f"01E{number:023d}")


def run_id(number: int) -> RunId:
    return RunId(f"01R{number:023d}")


def an_event(
    number: int,
    *,
    repetition: int = 0,
    environment: EnvironmentId = ENVIRONMENT,
    name: str = "shop/order",
    received_ms: int = 1_002,
) -> StoredEvent:
    return StoredEvent(
        id=event_id(number),
        number=repetition,
        environment_id=environment,
        name=name,
        external_id=f"sent-{number}",
        ts_ms=1_001,
        received_ms=received_ms,
        payload=b'{"name":"%s","data":{"n":%d,"r":%d}}' % (name.encode(), number, repetition),
    )


def a_run(number: int, *, event: int | None = None, event_ids: tuple[EventId, ...] = ()) -> NewRun:
    return NewRun(
        id=run_id(number),
        environment_id=ENVIRONMENT,
        app_id=APP,
        function_id=FUNCTION,
        function_version=3,
        queued_ms=1_003,
        scheduled_ms=1_004,
        event_id=event_ids[0] if event_ids else event_id(number if event is None else event),
        event_name="shop/order",
        event_ids=event_ids,
        cron="* * * * *",
        parent_run_id=run_id(900_000),
        parent_function_id=OTHER_FUNCTION,
        parent_step="parent-step",
        origin_run_id=run_id(900_001),
    )


def an_item(
    number: int,
    *,
    run: int | None = None,
    function: FunctionId = FUNCTION,
    kind: ItemKind = ItemKind.STEP,
    due_ms: int = IMMEDIATE,
    attempt: int = 2,
    body: bytes = b'{"is":"body"}',
) -> QueueItem:
    return QueueItem(
        id=ItemId(number),
        kind=kind,
        function_id=function,
        run_id=run_id(number if run is None else run),
        step=StepId(f"step-{number}"),
        attempt=attempt,
        due_ms=due_ms,
        queued_ms=1_005,
        body=body,
    )


def a_wait(
    number: int,
    *,
    run: int = 1,
    event_name: str = "shop/paid",
    match: tuple[str, str] = ("", ""),
    environment: EnvironmentId = ENVIRONMENT,
    created_ms: int = 2_000,
) -> Wait:
    match_path, match_value = match
    return Wait(
        id=WaitId(number),
        kind=WaitKind.CANCEL if number % 2 else WaitKind.EVENT,
        environment_id=environment,
        event_name=event_name,
        match_path=match_path,
        match_value=match_value,
        condition="async.data.n == event.data.n",
        bindings=b'{"n":1}',
        run_id=run_id(run),
        function_id=FUNCTION,
        step=StepId(f"wait-{number}"),
        created_ms=created_ms,
        expires_ms=9_000,
        trigger_id=event_id(run),
    )


def a_claim(
    key: str, *, run: int = 1, function: FunctionId = FUNCTION, expires_ms: int = 5_000
) -> Claim:
    return Claim(function, key, run_id(run), expires_ms)


def a_skip(event: int, *, function: FunctionId = FUNCTION, at_ms: int = 1_006) -> Skip:
    return Skip(event_id(event), function, "rate_limited", "1 per minute", at_ms)


def an_app(name: str = "shop", *, checksum: str = "c1") -> App:
    return App(
        id=AppId(f"app-{name}"),
        environment_id=ENVIRONMENT,
        name=name,
        url="http://localhost:3000/api/inngest",
        method="connect",
        sdk_language="py",
        sdk_version="0.5.18",
        framework="fast_api",
        platform="render",
        app_version="v7",
        checksum=checksum,
        error="unreachable",
        error_detail='["x"]',
        created_ms=1_007,
        synced_ms=1_008,
        archived_ms=1_009,
    )


def a_function(name: str = "ship", *, version: int = 4) -> Function:
    return Function(
        id=FunctionId(f"function-{name}"),
        app_id=APP,
        app_name="shop",
        environment_id=ENVIRONMENT,
        slug=f"shop-{name}",
        name=name.title(),
        version=version,
        config=FunctionConfig(
            slug=f"shop-{name}",
            name=name.title(),
            url="http://localhost:3000/api/inngest?fnId=ship",
            triggers=(EventTrigger(event="shop/order", expression="event.data.n > 1"),),
            retries=7,
        ),
        updated_ms=1_010,
        archived=True,
        steps_max=11,
        state_bytes_max=12,
    )


def an_entry(run: int, seq: int, entry: Entry | None = None) -> JournalRow:
    """The entry at its place; without one, the one every run begins with."""
    return JournalRow(run_id(run), seq, RunStarted(at_ms=1_011) if entry is None else entry)


def resolved(step: str, memo: bytes) -> StepResolved:
    return StepResolved(
        at_ms=1_012,
        step=StepId(step),
        memo=msgspec.Raw(memo),
        name=StepName("a step", "StepRun", id="a-step", opts=msgspec.Raw(b'{"type":"x"}')),
    )


def started(run: int, *, at_ms: int = 1_013) -> RunStart:
    return RunStart(run_id(run), at_ms)


def ended(run: int, *, seq: int, started_ms: int = 1_013) -> RunEnd:
    return RunEnd(run_id(run), RunStatus.COMPLETED, started_ms, 1_014, seq)
