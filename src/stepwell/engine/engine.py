"""The engine: owns partitions as long as the store lets it, and starts over when it does not."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, TypeVar

import msgspec
import structlog

from stepwell.core.checkpointing import CheckpointRefused
from stepwell.core.endpoint import TooManyEndpoints
from stepwell.core.identity import (
    EnvironmentId,
    NodeId,
    OperationId,
    PartitionId,
    RunId,
    StepId,
)
from stepwell.core.operation import Operation
from stepwell.core.rerun import RerunRefused, StepChoice
from stepwell.core.retention import KEEP_EVERYTHING, Retention, RetentionOverrides
from stepwell.core.transition import Transition
from stepwell.core.user_span import UserSpan
from stepwell.engine.annotations import Attached, NewMetadata, SpansAttached
from stepwell.engine.asked import (
    AddMetadata,
    AddSpans,
    BeginEndpoint,
    CancelRun,
    ChangeRetention,
    CreateOperation,
    DeleteOperation,
    InputsOf,
    ReportSteps,
    RerunRun,
    SaveCheckpoint,
    SendSignal,
)
from stepwell.engine.calls import CallUnderWay
from stepwell.engine.checkpoints import BegunRun, Checkpointed, NotBegun
from stepwell.engine.insight import Insight
from stepwell.engine.intake import accept_events
from stepwell.engine.nodes import NodeView, Roll, Standing, Wake
from stepwell.engine.registry import Registry
from stepwell.engine.reruns import Rerun
from stepwell.engine.store import Ownership, OwnershipLost, RetentionState, StoreUnavailable
from stepwell.engine.surroundings import Surroundings
from stepwell.engine.tenure import Tenure
from stepwell.wire.checkpoint import AsyncCheckpoint, EndpointStart, StepsCheckpoint
from stepwell.wire.events import AcceptedEvent

__all__ = ["Engine", "Owned"]

_log = structlog.get_logger("stepwell.engine")

T = TypeVar("T")

_RETRY_FIRST_S: Final = 0.2
_RETRY_MAX_S: Final = 5.0
#: An ownership that lasted this long was a good one; what ended it is a new trouble.
_STEADY_S: Final = 10.0


class Owned(msgspec.Struct, frozen=True):
    """That this server does its work.

    Attributes:
        node: This server, as others know it.
        since_ms: Since when it is that.
    """

    node: NodeId
    since_ms: int


class Engine:
    """What the APIs call.

    Whatever partition a request concerns, and whichever server owns that, it may be asked of any
    server. While the store does not answer, every request raises `StoreUnavailable`, nothing is
    dispatched, and the engine tries again until it does.

    Attributes:
        insight: What is in the memory of whichever server does the work.
    """

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._tenure: Tenure | None = None
        self.insight = Insight(self._now)
        self._ready = asyncio.Event()
        self._stopping = asyncio.Event()

    @property
    def registry(self) -> Registry:
        """Apps and functions."""
        return self._around.registry

    async def accept(
        self, environment_id: EnvironmentId, events: list[AcceptedEvent], *, seeded: bool
    ) -> None:
        """Take events over; returns when they are durable, and whatever they set in motion.

        That is the runs they start or, where another server decides about a function, that it
        will.

        Raises:
            StoreUnavailable: They may not be durable; the client should repeat the request.
        """
        if events:
            partition = self._now().partition
            await accept_events(
                partition.requests,
                partition.workers.claims,
                environment_id,
                events,
                seeded=seeded,
            )

    async def commit(self, transition: Transition) -> None:
        """Write a transition that concerns no run, such as a registration.

        Raises:
            Overtaken: It was not written; what it was decided on has changed.
            StoreUnavailable: It was not written, or it is unknown whether it was.
        """
        await self._now().commit(transition)

    async def catch_up(self) -> int:
        """Know of all apps and functions that any server has registered until now.

        Returns:
            Their version; what is known may be newer by now.

        Raises:
            StoreUnavailable: That cannot be found out.
        """
        return await self._now().catch_up()

    async def cancel_run(self, run_id: RunId) -> bool:
        """Cancel a run; False when there is no such run, or it has ended."""
        return await self._now().ask(CancelRun(run_id))

    async def inputs_of(self, run_id: RunId) -> tuple[list[bytes], dict[StepId, bytes]] | None:
        """Events and memoised steps of a live run, as raw JSON; None when there is no such run."""
        return await self._now().ask(InputsOf(run_id))

    async def send_signal(
        self, environment_id: EnvironmentId, name: str, data: bytes
    ) -> RunId | None:
        """Give the step that waits for the signal its result, JSON; returns when it is durable.

        None if no step waits; then the signal is lost.
        """
        return await self._now().ask(SendSignal(environment_id, name, data))

    async def rerun(
        self, run_id: RunId, from_step: StepChoice | None = None
    ) -> Rerun | RerunRefused | None:
        """Run a run again; returns when the new one is durable. None when there is no such run."""
        return await self._now().ask(RerunRun(run_id, from_step))

    async def operations(self) -> Sequence[Operation]:
        """All bulk operations as they are stored, the newest first."""
        tenure = self._now()
        if tenure.places.is_alone:
            return tenure.partition.workers.operations.all()
        return await self._around.store.operations()

    async def create_operation(self, operation: Operation) -> bool:
        """Begin with a bulk operation; False if too many have not ended."""
        return await self._now().ask(CreateOperation(operation))

    async def delete_operation(self, operation_id: OperationId) -> bool:
        """Forget a bulk operation and do no more of it; False if there is none with that id."""
        for operation in await self.operations():
            if operation.id == operation_id:
                asked = DeleteOperation(operation.function_id, operation_id)
                return await self._now().ask(asked)
        return False

    async def save_checkpoint(self, report: AsyncCheckpoint) -> Checkpointed | CheckpointRefused:
        """Record what a call under way reports; returns when it is durable."""
        tenure = self._now()
        if tenure.places.are_one:
            return await tenure.partition.checkpoints.save(report)
        return await tenure.ask(SaveCheckpoint.of(report))

    async def begin_endpoint(
        self, start: EndpointStart, accepted: AcceptedEvent
    ) -> BegunRun | NotBegun:
        """Create the run of a durable endpoint; returns when it is durable."""
        tenure = self._now()
        if tenure.places.are_one:
            return await tenure.partition.checkpoints.begin(start, accepted)
        function = await self.registry.endpoint(start)
        if isinstance(function, TooManyEndpoints):
            return NotBegun.TOO_MANY_ENDPOINTS
        begun = await tenure.ask(BeginEndpoint.of(function, start, accepted))
        return begun if isinstance(begun, NotBegun) else BegunRun(begun, function)

    async def report_steps(self, report: StepsCheckpoint) -> Checkpointed:
        """Decide about what a durable endpoint reports; returns when that is durable."""
        tenure = self._now()
        if tenure.places.are_one:
            return await tenure.partition.checkpoints.report(report)
        return await tenure.ask(ReportSteps.of(report))

    async def add_metadata(self, run_id: RunId, updates: Sequence[NewMetadata]) -> Attached:
        """Append updates to a run's metadata, all or none; returns when they are durable."""
        return await self._now().ask(AddMetadata(run_id, list(updates)))

    async def add_spans(self, spans: Sequence[UserSpan]) -> SpansAttached:
        """Keep spans of apps whose runs exist; returns when they are durable."""
        places = self._now().places
        spans_of: dict[PartitionId, list[UserSpan]] = {}
        for span in spans:
            spans_of.setdefault(places.partition_of(span.function_id), []).append(span)
        attached = [
            await self._now().ask(AddSpans(partition, some)) for partition, some in spans_of.items()
        ]
        reasons = (each.reason for each in attached if each.reason)
        return SpansAttached(sum(each.rejected for each in attached), next(reasons, ""))

    def calls_under_way(self) -> int:
        """How many calls to apps this server is making."""
        return 0 if self._tenure is None else len(self._tenure.partition.calls)

    def longest_calls(self, limit: int) -> list[CallUnderWay]:
        """The calls of this server that were sent first, in that order."""
        return [] if self._tenure is None else self._tenure.partition.calls.longest(limit)

    @property
    def owned(self) -> Owned | None:
        """What this server owns; None while it cannot use the store."""
        tenure = self._tenure
        if tenure is None or not self._ready.is_set():
            return None
        return Owned(tenure.owner.node, tenure.since_ms)

    async def roll(self) -> Roll:
        """All servers and what they own, as the store knows it now; this one may not be among them.

        Raises:
            StoreUnavailable: The store does not answer.
        """
        return self._alone() if self.is_alone else await self._around.store.roll()

    @property
    def is_alone(self) -> bool:
        """Whether there can be no other server, because of the store."""
        return self._around.node is None

    def _alone(self) -> Roll:
        """What is there where nobody else can be: the store need not know of it."""
        owned, partitions = self.owned, self._around.store.partitions
        now_ms = self._around.clock.now_ms()
        if owned is None:
            return Roll([], dict.fromkeys(partitions), now_ms)
        this = NodeView(owned.node, "", "", owned.since_ms, now_ms, Standing())
        return Roll([this], dict.fromkeys(partitions, owned.node), now_ms)

    @property
    def may_begin(self) -> bool:
        """Whether a call may be sent: not by a server that may be taken for dead."""
        return self._tenure is None or self._tenure.partition.presence.may_begin

    async def has_died(self, node: NodeId) -> None:
        """Another server is certain to be dead: let the rest take over at once what it had.

        If that cannot be said now, they do when its lease has ended.
        """
        if self._tenure is not None:
            with suppress(StoreUnavailable, OwnershipLost):
                await self._around.store.end_lease(self._tenure.owner, node)

    async def forget_expired(self) -> int:
        """Delete what no repetition and no limit can need any more; returns how many rows.

        Raises:
            StoreUnavailable: Some may still be there.
        """
        return await self._now().partition.requests.forget_expired(self._around.clock.now_ms())

    @property
    def retention(self) -> Retention:
        """How long what is kept where an environment says nothing else."""
        setup = self._around.retention
        return KEEP_EVERYTHING if setup is None else setup.server

    async def retention_state(self, environment_id: EnvironmentId) -> RetentionState:
        """What an environment has of its own, and what was deleted of it last."""
        work = self._now().partition.retention
        return RetentionState() if work is None else await work.state(environment_id)

    async def change_retention(
        self, environment_id: EnvironmentId, own: RetentionOverrides
    ) -> None:
        """Let an environment keep things for other times; returns when it is durable.

        Raises:
            StoreUnavailable: It is unknown whether it does.
        """
        await self._now().ask(ChangeRetention(environment_id, own))

    async def ready(self) -> None:
        """Wait until requests are served."""
        await self._ready.wait()

    async def run(self) -> None:
        """Work until `stop`."""
        loop = asyncio.get_running_loop()
        if self._around.node is not None:
            self._around.store.on_wake(self._woken)
        delay_s = _RETRY_FIRST_S
        while not self._stopping.is_set():
            began_s = loop.time()
            try:
                await self._serve()
            except* (StoreUnavailable, OwnershipLost) as failures:
                _log.warning(
                    "partition.lost",
                    reason=str(_first(failures)),
                    retry_s=delay_s,
                )
            except* Exception:  # noqa: BLE001 - whatever it was, the store still tells the truth
                _log.exception("partition.failed", retry_s=delay_s)
            if loop.time() - began_s > _STEADY_S:
                delay_s = _RETRY_FIRST_S
            with suppress(TimeoutError):
                async with asyncio.timeout(delay_s):
                    await self._stopping.wait()
            delay_s = min(2 * delay_s, _RETRY_MAX_S)

    async def drain(self, grace_s: float) -> None:
        """Begin nothing new and give calls under way `grace_s` to end; requests are still served.

        Apps may need the server to finish what they are doing. `stop` has to follow.
        """
        self._stopping.set()
        if self._tenure is not None:
            # Without the store there is nobody to give anything to.
            with suppress(StoreUnavailable, OwnershipLost):
                await self._tenure.drain(grace_s)

    async def stop(self, grace_s: float) -> None:
        """Do as `drain` does, write everything that was decided, and let `run` end."""
        await self.drain(grace_s)
        if self._tenure is not None:
            self._tenure.close()

    def _woken(self, wake: Wake) -> None:
        if self._tenure is not None:
            self._tenure.woken(wake)

    async def _serve(self) -> None:
        """Be the owner of something, or ready to be, for as long as the store lets it."""
        owner = await self._join()
        try:
            await self._own(owner)
        except asyncio.CancelledError:
            raise
        except BaseException:
            await self._leave(owner)
            raise
        await self._leave(owner)

    async def _own(self, owner: Ownership) -> None:
        store, around = self._around.store, self._around
        await store.probe(owner)
        around.ids.share(owner.number)
        around.ids.begin_after(await store.largest_number())
        around.registry.partitions = len(store.partitions)
        around.registry.load(await store.apps(), await store.functions(), await store.sync_marks())
        if self._stopping.is_set():
            return
        self._tenure = Tenure(owner, around)
        _log.info("node.joined", node=owner.node)
        try:
            await self._tenure.run(self._ready)
        finally:
            self._ready.clear()
            self._tenure = None

    async def _leave(self, owner: Ownership) -> None:
        """Without it, others would wait until the lease has ended."""
        with suppress(StoreUnavailable, OwnershipLost):
            await self._around.store.leave(owner)

    async def _join(self) -> Ownership:
        node = self._around.node
        if node is None:
            return await self._around.store.join("", "", alone=True)
        owner = await self._around.store.join(node.name, node.version)
        if node.joined is not None:
            node.joined(owner.node)
        return owner

    def _now(self) -> Tenure:
        if self._tenure is None:
            raise StoreUnavailable("request", "the store is being opened")
        return self._tenure


def _first(failures: BaseException) -> BaseException:
    """What has ended everything else: tasks of tasks wrap it once each."""
    while isinstance(failures, BaseExceptionGroup):
        failures = failures.exceptions[0]
    return failures
