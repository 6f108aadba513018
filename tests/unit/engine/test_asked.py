"""What a node asks another one arrives there as it was."""

from typing import Any

import msgspec
import pytest

from stepwell.core.checkpointing import CheckpointRefused
from stepwell.core.identity import (
    DEFAULT_ENVIRONMENT_ID,
    AppId,
    FunctionId,
    ItemId,
    NodeId,
    OperationId,
    PartitionId,
    RunId,
    StepId,
)
from stepwell.core.metadata import MetadataOp, MetadataOwner, MetadataScope
from stepwell.core.operation import Operation, OperationKind
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.rerun import RerunRefused, StepChoice
from stepwell.core.retention import RetentionOverrides
from stepwell.core.transition import SignalWait
from stepwell.engine.annotations import Attached, NewMetadata, SpansAttached
from stepwell.engine.asked import (
    AddMetadata,
    AddSpans,
    Asked,
    BeginEndpoint,
    CallsOut,
    CallsSent,
    CancelRun,
    ChangeRetention,
    CreateOperation,
    DeleteOperation,
    GiveSignal,
    InputsOf,
    NodeCalls,
    ReportSteps,
    RerunRun,
    SaveCheckpoint,
    SendSignal,
    WhatWaits,
    WhyWait,
    decode_asked,
    encode_asked,
)
from stepwell.engine.checkpoints import Checkpointed, NotBegun
from stepwell.engine.reruns import Rerun
from stepwell.engine.waiting import (
    Constraint,
    ItemReason,
    LaneReason,
    QueueReason,
    Uncounted,
    Waiting,
)
from stepwell.wire.checkpoint import AsyncCheckpoint, StepsCheckpoint, parse_endpoint_start
from stepwell.wire.events import AcceptedEvent
from stepwell.wire.opcodes import parse_opcodes
from tests.unit.core.core_world import function

RUN = RunId("01JD0000000000000000000000")
FUNCTION = FunctionId("f")
OPS = parse_opcodes(
    b'[{"op": "StepRun", "id": "a", "data": {"x": 1}, "opts": {"type": "step.run"}},'
    b' {"op": "StepError", "id": "b", "error": {"name": "E", "message": "m", "data": [1]}}]'
)
START = parse_endpoint_start(
    msgspec.json.encode(
        {
            "run_id": RUN,
            "event": {
                "name": "inngest/http.request",
                "data": {"domain": "http://127.0.0.1", "method": "GET", "path": "/pay"},
            },
            "steps": [{"op": "StepRun", "id": "a", "data": 1}],
        }
    )
)
OPERATION = Operation(
    OperationId("01JD0000000000000000000001"),
    OperationKind.CANCEL,
    DEFAULT_ENVIRONMENT_ID,
    AppId("app"),
    FUNCTION,
    created_ms=5,
    started_before_ms=6,
)
EVENT = START.event(internal_id="01JD0000000000000000000002", received_ms=7)
ACCEPTED = AcceptedEvent("01JD0000000000000000000002", 7, EVENT, EVENT.payload())

THROTTLED = Waiting(Constraint.THROTTLE, "k", "v", 2, 1, 1_790_000_000_000, 4, True)

ASKED: list[Asked[Any]] = [
    CancelRun(RUN),
    InputsOf(RUN),
    RerunRun(RUN, None),
    RerunRun(RUN, StepChoice("step", b'[{"edited": true}]')),
    SendSignal(DEFAULT_ENVIRONMENT_ID, "paid/7", b'{"sum": 12}'),
    GiveSignal(SignalWait(DEFAULT_ENVIRONMENT_ID, "n", RUN, FUNCTION, StepId("s"), 9), b"1"),
    CreateOperation(OPERATION),
    DeleteOperation(FUNCTION, OPERATION.id),
    SaveCheckpoint.of(AsyncCheckpoint(RUN, OPS, "4711", 3)),
    ReportSteps.of(StepsCheckpoint(RUN, OPS)),
    BeginEndpoint.of(function("ship"), START, ACCEPTED),
    AddMetadata(
        RUN,
        [NewMetadata(MetadataOwner(MetadataScope.RUN), "k", MetadataOp.MERGE, b'{"a": 1}', 8)],
    ),
    AddSpans(PartitionId(3), []),
    ChangeRetention(DEFAULT_ENVIRONMENT_ID, RetentionOverrides()),
    WhyWait(
        FUNCTION, [QueueItem(ItemId(3), ItemKind.START, FUNCTION, RUN, lane='s["k"]', score=-7)]
    ),
    WhatWaits(FUNCTION),
    CallsSent(FUNCTION, [ItemId(2**60)]),
    CallsOut(PartitionId(3)),
]


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: type(asked).__name__)
def test_what_is_asked_arrives_as_it_was(asked: Asked[Any]) -> None:
    assert decode_asked(encode_asked(asked)) == asked


def test_opcodes_arrive_as_they_were() -> None:
    asked = decode_asked(encode_asked(SaveCheckpoint.of(AsyncCheckpoint(RUN, OPS, "4711", 3))))
    assert isinstance(asked, SaveCheckpoint)
    assert parse_opcodes(asked.ops) == OPS


RESULTS: list[tuple[type[Asked[Any]], Any]] = [
    (CancelRun, True),
    (InputsOf, ([b'{"name": "a"}'], {StepId("s"): b"1"})),
    (InputsOf, None),
    (RerunRun, Rerun(RUN, RUN)),
    (RerunRun, RerunRefused.EVENT_GONE),
    (RerunRun, None),
    (SendSignal, RUN),
    (SendSignal, None),
    (SaveCheckpoint, Checkpointed.STALE),
    (SaveCheckpoint, CheckpointRefused("too many steps", is_too_large=True)),
    (ReportSteps, Checkpointed.SAVED),
    (BeginEndpoint, RUN),
    (BeginEndpoint, NotBegun.EXISTS),
    (AddMetadata, Attached(has_room=False)),
    (AddSpans, SpansAttached(2, "too many")),
    (ChangeRetention, None),
    (
        WhyWait,
        [
            ItemReason(Waiting(Constraint.NONE), is_under_way=True),
            ItemReason(THROTTLED, uncounted=Uncounted((-7, 3), 2**40)),
            ItemReason(THROTTLED, uncounted=Uncounted(None)),
        ],
    ),
    (WhatWaits, QueueReason(2, 1, [LaneReason("s", THROTTLED, 3, True, 1, 1_790_000_000_000)])),
    (CallsSent, {ItemId(2**60): 1_790_000_000_000}),
    (CallsOut, NodeCalls(NodeId(4), [(FUNCTION, 1_790_000_000_000)])),
]


@pytest.mark.parametrize(("asked", "result"), RESULTS, ids=lambda value: str(value)[:40])
def test_what_comes_of_it_arrives_as_it_was(asked: type[Asked[Any]], result: Any) -> None:
    assert msgspec.json.decode(msgspec.json.encode(result), type=asked.gives) == result


def test_what_a_newer_node_asks_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_asked(b'{"type": "SomethingNew", "run_id": "1"}')
