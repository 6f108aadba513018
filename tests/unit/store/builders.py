"""Values to store: complete, all different, and changed where a test says so."""

import msgspec

from stepwell.core.app import App
from stepwell.core.app_sync import AppSync, SyncStatus
from stepwell.core.function import Function
from stepwell.core.identity import (
    DEFAULT_ENVIRONMENT_ID,
    LOCAL_PARTITION,
    AppId,
    EnvironmentId,
    EventId,
    FunctionId,
    ItemId,
    OperationId,
    PartitionId,
    RunId,
    StepId,
    WaitId,
)
from stepwell.core.journal import Entry, RunStarted, StepName, StepResolved
from stepwell.core.operation import Operation, OperationKind
from stepwell.core.pause import NewRuns, Pause
from stepwell.core.queue import IMMEDIATE, ItemKind, QueueItem
from stepwell.core.status import RunStatus
from stepwell.core.transition import (
    Buffer,
    BufferedEvent,
    BufferKind,
    BufferRef,
    Claim,
    JournalRow,
    LimitKind,
    LimitState,
    NewRun,
    RunEnd,
    RunMode,
    RunStart,
    SignalWait,
    Skip,
    SkipReason,
    StoredEvent,
)
from stepwell.core.waits import Wait, WaitKind
from stepwell.engine.store import LaneQuery
from stepwell.wire.config import EventTrigger, FunctionConfig

__all__ = [
    "ENVIRONMENT",
    "FUNCTION",
    "OTHER_FUNCTION",
    "PARTITION",
    "a_buffer",
    "a_buffered_event",
    "a_claim",
    "a_function",
    "a_limit",
    "a_run",
    "a_signal",
    "a_skip",
    "a_sync",
    "a_wait",
    "an_app",
    "an_entry",
    "an_event",
    "an_item",
    "an_operation",
    "buffer_ref",
    "ended",
    "event_id",
    "lane_query",
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


def a_run(
    number: int,
    *,
    event: int | None = None,
    event_ids: tuple[EventId, ...] = (),
    function: FunctionId = FUNCTION,
    queued_ms: int = 1_003,
    singleton: str = "single",
) -> NewRun:
    return NewRun(
        id=run_id(number),
        environment_id=ENVIRONMENT,
        app_id=APP,
        function_id=function,
        function_version=3,
        queued_ms=queued_ms,
        scheduled_ms=1_004,
        event_id=event_ids[0] if event_ids else event_id(number if event is None else event),
        event_name="shop/order",
        event_ids=event_ids,
        cron="* * * * *",
        parent_run_id=run_id(900_000),
        parent_function_id=OTHER_FUNCTION,
        parent_step="parent-step",
        origin_run_id=run_id(900_001),
        lane=f"c-{number}",
        score=990,
        singleton=singleton,
        batch_id="batch" if event_ids else "",
        replay_id=OperationId("replay"),
        mode=RunMode.SYNC,
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
    lane: str = "c",
    score: int = 990,
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
        lane=lane,
        score=score,
    )


_FIRST_PLACE = (-(2**63), ItemId(0))


def lane_query(
    lane: str,
    *,
    function: FunctionId = FUNCTION,
    after: tuple[int, ItemId] = _FIRST_PLACE,
    limit: int = 1_000,
) -> LaneQuery:
    return LaneQuery(PARTITION, function, lane, after, limit)


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
    return Skip(event_id(event), function, SkipReason.RATE_LIMITED, "a key", at_ms)


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
        drained_ms=1_015,
    )


def a_sync(number: int, app: str = "shop", *, status: SyncStatus = SyncStatus.SUCCESS) -> AppSync:
    return AppSync(
        id=f"01S{number:023d}",
        app_id=AppId(f"app-{app}"),
        status=status,
        url="http://localhost:3000/api/inngest",
        sdk_language="py",
        sdk_version="0.5.18",
        framework="fast_api",
        app_version="v7",
        functions_added=("shop-a", "shop-b"),
        functions_changed=("shop-c",),
        functions_removed=("shop-d",),
        error="unreachable",
        message="Nothing answers",
    )


_PAUSE = Pause(1_016, new_runs=NewRuns.WAIT, is_drain=True)


def a_function(name: str = "ship", *, version: int = 4, pause: Pause | None = _PAUSE) -> Function:
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
        pause=pause,
        endpoint_method="POST",
        partition=PartitionId(3),
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


def a_limit(
    key: str,
    *,
    kind: LimitKind = LimitKind.THROTTLE,
    function: FunctionId = FUNCTION,
    tat_ns: int = 2**62,
    expires_ms: int = 5_000,
) -> LimitState:
    return LimitState(function, kind, key, tat_ns, expires_ms)


def buffer_ref(
    key: str, *, kind: BufferKind = BufferKind.BATCH, function: FunctionId = FUNCTION
) -> BufferRef:
    return BufferRef(function, kind, key)


def a_buffer(ref: BufferRef, buffer_id: str, *, events: int = 1, due_ms: int = 1_018) -> Buffer:
    return Buffer(ref, buffer_id, ItemId(77), 1_017, due_ms, 1_019, events, 100)


def a_buffered_event(buffer_id: str, position: int, *, event: int) -> BufferedEvent:
    return BufferedEvent(
        buffer_id,
        position,
        event_id(event),
        1_020,
        claim_key=f"claim-{event}",
        cron="* * * * *",
        parent_run_id=run_id(900_000),
        parent_function_id=OTHER_FUNCTION,
        parent_step="parent-step",
    )


def a_signal(
    name: str, *, run: int = 1, step: str = "step", environment: EnvironmentId = ENVIRONMENT
) -> SignalWait:
    return SignalWait(environment, name, run_id(run), FUNCTION, StepId(step), 1_021)


def an_operation(
    number: int,
    *,
    kind: OperationKind = OperationKind.REPLAY,
    environment: EnvironmentId = ENVIRONMENT,
    function: FunctionId = FUNCTION,
    seen: int = 3,
) -> Operation:
    return Operation(
        id=OperationId(f"01O{number:023d}"),
        kind=kind,
        environment_id=environment,
        app_id=APP,
        function_id=function,
        created_ms=1_022,
        started_before_ms=1_023,
        started_after_ms=1_024,
        statuses=(RunStatus.FAILED, RunStatus.CANCELLED),
        condition="event.data.n > 1",
        name="Yesterday's",
        cause="bulk",
        rate_per_s=10,
        after=run_id(5),
        seen=seen,
        done=2,
        failed=1,
        ended_ms=1_025,
    )
