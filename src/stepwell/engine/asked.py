"""What may be asked of the owner of a partition, by this process or by another node.

Each kind says what it is about, which tells who has to do it, and how that is done there. All of
them are JSON on their way to another node.
"""

from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Self, TypeVar

import msgspec

from stepwell.core.checkpointing import CheckpointRefused
from stepwell.core.function import Function
from stepwell.core.identity import (
    EnvironmentId,
    FunctionId,
    ItemId,
    NodeId,
    OperationId,
    PartitionId,
    RunId,
    StepId,
)
from stepwell.core.operation import Operation
from stepwell.core.queue import QueueItem
from stepwell.core.rerun import RerunRefused, StepChoice
from stepwell.core.retention import RetentionOverrides
from stepwell.core.transition import SignalWait
from stepwell.core.user_span import UserSpan
from stepwell.engine.annotations import Attached, NewMetadata, SpansAttached
from stepwell.engine.checkpoints import BegunRun, Checkpointed, NotBegun
from stepwell.engine.reasons import Reasons
from stepwell.engine.reruns import Rerun
from stepwell.engine.waiting import ItemReason, QueueReason
from stepwell.wire.checkpoint import AsyncCheckpoint, EndpointStart, StepsCheckpoint
from stepwell.wire.events import AcceptedEvent
from stepwell.wire.opcodes import encode_opcodes, parse_opcodes

if TYPE_CHECKING:
    from stepwell.engine.partition import Partition

__all__ = [
    "AddMetadata",
    "AddSpans",
    "Asked",
    "BeginEndpoint",
    "CallsOut",
    "CallsSent",
    "CancelRun",
    "ChangeRetention",
    "CreateOperation",
    "DeleteOperation",
    "GiveSignal",
    "InputsOf",
    "NodeCalls",
    "ReportSteps",
    "RerunRun",
    "SaveCheckpoint",
    "SendSignal",
    "WhatWaits",
    "WhyWait",
    "decode_asked",
    "encode_asked",
]

T = TypeVar("T")

#: Longer than a dead owner is waited for.
_PATIENCE_S: Final = 15.0
#: As long as somebody waits for a page: it can be shown without the answer.
_PAGE_S: Final = 2.0

_Inputs = tuple[list[bytes], dict[StepId, bytes]] | None


class Asked(msgspec.Struct, Generic[T], frozen=True, tag=True):
    """Something that the owner of a partition is asked to do.

    It has a `run_id` or a `function_id` if it is about a run or a function, or a `partition`; else
    it is a matter of the first partition.

    Attributes:
        gives: The type of what comes of it.
        patience_s: How long another node's answer is waited for.
    """

    gives: ClassVar[Any]
    patience_s: ClassVar[float] = _PATIENCE_S

    async def carry_out(self, at: "Partition") -> T:
        """Do it; returns when it is durable.

        Raises:
            StoreUnavailable, OwnershipLost: It is unknown whether it is.
        """
        raise NotImplementedError


class CancelRun(Asked[bool], frozen=True):
    """Cancel a run; False when there is no such run, or it has ended."""

    run_id: RunId
    gives: ClassVar[Any] = bool

    async def carry_out(self, at: "Partition") -> bool:
        return await at.requests.cancel_run(self.run_id, "api")


class InputsOf(Asked[_Inputs], frozen=True):
    """Events and memoised steps of a live run, as raw JSON; None when there is no such run."""

    run_id: RunId
    gives: ClassVar[Any] = _Inputs

    async def carry_out(self, at: "Partition") -> _Inputs:
        return await at.requests.inputs_of(self.run_id)


class RerunRun(Asked[Rerun | RerunRefused | None], frozen=True):
    """Run a run again. None when there is no such run."""

    run_id: RunId
    from_step: StepChoice | None
    gives: ClassVar[Any] = Rerun | RerunRefused | None

    async def carry_out(self, at: "Partition") -> Rerun | RerunRefused | None:
        return await at.workers.reruns.rerun(self.run_id, self.from_step)


class SendSignal(Asked[RunId | None], frozen=True):
    """Give the step that waits for the signal its result, JSON; None if no step waits."""

    environment_id: EnvironmentId
    name: str
    data: bytes
    gives: ClassVar[Any] = RunId | None

    async def carry_out(self, at: "Partition") -> RunId | None:
        # Steps of other nodes' runs may have begun to wait.
        await at.presence.hear()
        return await at.workers.signals.send(self.environment_id, self.name, self.data)


class GiveSignal(Asked[bool], frozen=True):
    """Give a step what was sent to it; False if it does not wait any more."""

    wait: SignalWait
    data: bytes
    gives: ClassVar[Any] = bool

    @property
    def function_id(self) -> FunctionId:
        return self.wait.function_id

    async def carry_out(self, at: "Partition") -> bool:
        return await at.requests.give_signal(self.wait, self.data)


class CreateOperation(Asked[bool], frozen=True):
    """Begin with a bulk operation; False if too many have not ended."""

    operation: Operation
    gives: ClassVar[Any] = bool

    @property
    def function_id(self) -> FunctionId:
        return self.operation.function_id

    async def carry_out(self, at: "Partition") -> bool:
        return await at.workers.operations.create(self.operation)


class DeleteOperation(Asked[bool], frozen=True):
    """Forget a bulk operation and do no more of it; False if there is none with that id."""

    function_id: FunctionId
    operation_id: OperationId
    gives: ClassVar[Any] = bool

    async def carry_out(self, at: "Partition") -> bool:
        return await at.workers.operations.delete(self.operation_id)


class SaveCheckpoint(Asked[Checkpointed | CheckpointRefused], frozen=True):
    """Record what a call under way reports.

    Attributes:
        ops: As the SDK sends them.
    """

    run_id: RunId
    ops: bytes
    qi_id: str
    generation: int
    gives: ClassVar[Any] = Checkpointed | CheckpointRefused

    @classmethod
    def of(cls, report: AsyncCheckpoint) -> Self:
        """The report on its way to another node."""
        ops = encode_opcodes(report.ops)
        return cls(RunId(report.run_id), ops, report.qi_id, report.generation)

    async def carry_out(self, at: "Partition") -> Checkpointed | CheckpointRefused:
        ops = parse_opcodes(self.ops)
        report = AsyncCheckpoint(self.run_id, ops, self.qi_id, self.generation)
        return await at.checkpoints.save(report)


class ReportSteps(Asked[Checkpointed], frozen=True):
    """Decide about what a durable endpoint reports.

    Attributes:
        ops: As the SDK sends them.
    """

    run_id: RunId
    ops: bytes
    gives: ClassVar[Any] = Checkpointed

    @classmethod
    def of(cls, report: StepsCheckpoint) -> Self:
        """The report on its way to another node."""
        return cls(RunId(report.run_id), encode_opcodes(report.ops))

    async def carry_out(self, at: "Partition") -> Checkpointed:
        return await at.checkpoints.report(StepsCheckpoint(self.run_id, parse_opcodes(self.ops)))


class BeginEndpoint(Asked[RunId | NotBegun], frozen=True):
    """Create the run of a durable endpoint.

    Attributes:
        start: Without its opcodes.
        ops: These, as the SDK sends them.
        internal_id: Of the event that stands for the request.
    """

    function_id: FunctionId
    start: EndpointStart
    ops: bytes
    internal_id: str
    received_ms: int
    gives: ClassVar[Any] = RunId | NotBegun

    @classmethod
    def of(cls, function: Function, start: EndpointStart, accepted: AcceptedEvent) -> Self:
        """The start on its way to another node."""
        bare = msgspec.structs.replace(start, ops=[])
        ops = encode_opcodes(start.ops)
        return cls(function.id, bare, ops, accepted.internal_id, accepted.received_ms)

    async def carry_out(self, at: "Partition") -> RunId | NotBegun:
        start = msgspec.structs.replace(self.start, ops=parse_opcodes(self.ops))
        event = start.event(internal_id=self.internal_id, received_ms=self.received_ms)
        accepted = AcceptedEvent(self.internal_id, self.received_ms, event, event.payload())
        begun = await at.checkpoints.begin(start, accepted)
        return begun.run_id if isinstance(begun, BegunRun) else begun


class AddMetadata(Asked[Attached], frozen=True):
    """Append updates to a run's metadata, all or none."""

    run_id: RunId
    updates: list[NewMetadata]
    gives: ClassVar[Any] = Attached

    async def carry_out(self, at: "Partition") -> Attached:
        return await at.annotations.add_metadata(self.run_id, self.updates)


class AddSpans(Asked[SpansAttached], frozen=True):
    """Keep spans of apps whose runs, all of functions of one partition, exist."""

    partition: PartitionId
    spans: list[UserSpan]
    gives: ClassVar[Any] = SpansAttached

    async def carry_out(self, at: "Partition") -> SpansAttached:
        return await at.annotations.add_spans(self.spans)


class ChangeRetention(Asked[None], frozen=True):
    """Let an environment keep things for other times."""

    environment_id: EnvironmentId
    own: RetentionOverrides
    gives: ClassVar[Any] = None

    async def carry_out(self, at: "Partition") -> None:
        assert at.retention is not None, "a server is given how long what is kept"
        await at.retention.change(self.environment_id, self.own)


def _reasons(at: "Partition") -> Reasons:
    return Reasons(lambda: at.scheduler, lambda: at.moment().now_ms)


class WhyWait(Asked[list[ItemReason]], frozen=True):
    """Why queue items of one function wait, in the same order.

    Attributes:
        items: Without their bodies.
    """

    function_id: FunctionId
    items: list[QueueItem]
    gives: ClassVar[Any] = list[ItemReason]
    patience_s: ClassVar[float] = _PAGE_S

    async def carry_out(self, at: "Partition") -> list[ItemReason]:
        return [_reasons(at).of_item(item) for item in self.items]


class WhatWaits(Asked[QueueReason], frozen=True):
    """What waits of a function, and why."""

    function_id: FunctionId
    gives: ClassVar[Any] = QueueReason
    patience_s: ClassVar[float] = _PAGE_S

    async def carry_out(self, at: "Partition") -> QueueReason:
        return await _reasons(at).of_queue(self.function_id)


class CallsSent(Asked[dict[ItemId, int]], frozen=True):
    """When the requests under way for items of one function were sent; others are left out."""

    function_id: FunctionId
    items: list[ItemId]
    gives: ClassVar[Any] = dict[ItemId, int]
    patience_s: ClassVar[float] = _PAGE_S

    async def carry_out(self, at: "Partition") -> dict[ItemId, int]:
        calls, gateways = at.calls, at.gateways
        sent = {each: calls.sent_ms(each) or gateways.sent_ms(each) for each in self.items}
        return {item_id: ms for item_id, ms in sent.items() if ms is not None}


class NodeCalls(msgspec.Struct, frozen=True):
    """The calls of a node: the function of each, and when it was sent."""

    node: NodeId
    sent: list[tuple[FunctionId, int]]


class CallsOut(Asked[NodeCalls], frozen=True):
    """Which calls are under way at the node that owns the partition, of all that it owns."""

    partition: PartitionId
    gives: ClassVar[Any] = NodeCalls
    patience_s: ClassVar[float] = _PAGE_S

    async def carry_out(self, at: "Partition") -> NodeCalls:
        return NodeCalls(at.owner.node, at.calls.sent())


_KINDS = (
    AddMetadata
    | AddSpans
    | BeginEndpoint
    | CallsOut
    | CallsSent
    | CancelRun
    | ChangeRetention
    | CreateOperation
    | DeleteOperation
    | GiveSignal
    | InputsOf
    | ReportSteps
    | RerunRun
    | SaveCheckpoint
    | SendSignal
    | WhatWaits
    | WhyWait
)
_DECODER: Final = msgspec.json.Decoder(_KINDS)


def encode_asked(asked: Asked[Any]) -> bytes:
    """As it is left for another node."""
    return msgspec.json.encode(asked)


def decode_asked(body: bytes) -> Asked[Any]:
    """What `encode_asked` made.

    Raises:
        msgspec.DecodeError: A newer node asks for something this one does not know.
    """
    asked: Asked[Any] = _DECODER.decode(body)
    return asked
