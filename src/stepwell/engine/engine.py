"""The engine: owns the partition as long as the store lets it, and starts over when it does not."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import msgspec
import structlog

from stepwell.core.checkpointing import CheckpointRefused
from stepwell.core.identity import (
    LOCAL_PARTITION,
    EnvironmentId,
    FunctionId,
    ItemId,
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
from stepwell.engine.awaited import AwaitedEvents
from stepwell.engine.calls import CallUnderWay
from stepwell.engine.checkpoints import BegunRun, Checkpointed, NotBegun
from stepwell.engine.intake import accept_events
from stepwell.engine.partition import Partition
from stepwell.engine.registry import Registry
from stepwell.engine.reruns import Rerun
from stepwell.engine.scheduler import Scheduler
from stepwell.engine.store import (
    OwnershipLost,
    PartitionHeld,
    RetentionState,
    StoreUnavailable,
)
from stepwell.engine.surroundings import Found, Surroundings
from stepwell.wire.checkpoint import AsyncCheckpoint, EndpointStart, StepsCheckpoint
from stepwell.wire.events import AcceptedEvent

__all__ = ["Engine", "Owned"]

_log = structlog.get_logger("stepwell.engine")

_RETRY_FIRST_S: Final = 0.2
_RETRY_MAX_S: Final = 5.0
#: Between two looks whether the server that owns the partition is still there.
_STANDBY_S: Final = 1.0
#: An ownership that lasted this long was a good one; what ended it is a new trouble.
_STEADY_S: Final = 10.0


class Owned(msgspec.Struct, frozen=True):
    """A partition that is owned, and since when."""

    partition: PartitionId
    epoch: int
    since_ms: int


class Engine:
    """What the APIs call.

    While the store does not answer, every request raises `StoreUnavailable`, nothing is
    dispatched, and the engine tries again until it does.
    """

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._partition: Partition | None = None
        self._ownership: Owned | None = None
        self._held: PartitionHeld | None = None
        self._ready = asyncio.Event()
        self._stopping = asyncio.Event()

    @property
    def registry(self) -> Registry:
        """Apps and functions."""
        return self._around.registry

    async def accept(
        self, environment_id: EnvironmentId, events: list[AcceptedEvent], *, seeded: bool
    ) -> None:
        """Take events over; returns when they, and the runs they start, are durable.

        Raises:
            StoreUnavailable: They may not be durable; the client should repeat the request.
        """
        if events:
            partition = self._owned()
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
            StoreUnavailable: It was not written, or it is unknown whether it was.
        """
        await self._owned().requests.commit(transition)

    async def cancel_run(self, run_id: RunId) -> bool:
        """Cancel a run; False when there is no such run, or it has ended."""
        return await self._owned().requests.cancel_run(run_id, "api")

    async def inputs_of(self, run_id: RunId) -> tuple[list[bytes], dict[StepId, bytes]] | None:
        """Events and memoised steps of a live run, as raw JSON; None when there is no such run."""
        return await self._owned().requests.inputs_of(run_id)

    async def send_signal(
        self, environment_id: EnvironmentId, name: str, data: bytes
    ) -> RunId | None:
        """Give the step that waits for the signal its result, JSON; returns when it is durable.

        None if no step waits; then the signal is lost.
        """
        return await self._owned().workers.signals.send(environment_id, name, data)

    async def rerun(
        self, run_id: RunId, from_step: StepChoice | None = None
    ) -> Rerun | RerunRefused | None:
        """Run a run again; returns when the new one is durable. None when there is no such run."""
        return await self._owned().workers.reruns.rerun(run_id, from_step)

    def operations(self) -> Sequence[Operation]:
        """All bulk operations as they are stored, the newest first."""
        return self._owned().workers.operations.all()

    async def create_operation(self, operation: Operation) -> bool:
        """Begin with a bulk operation; False if too many have not ended."""
        return await self._owned().workers.operations.create(operation)

    async def delete_operation(self, operation_id: OperationId) -> bool:
        """Forget a bulk operation and do no more of it; False if there is none with that id."""
        return await self._owned().workers.operations.delete(operation_id)

    async def save_checkpoint(self, report: AsyncCheckpoint) -> Checkpointed | CheckpointRefused:
        """Record what a call under way reports; returns when it is durable."""
        return await self._owned().checkpoints.save(report)

    async def begin_endpoint(
        self, start: EndpointStart, accepted: AcceptedEvent
    ) -> BegunRun | NotBegun:
        """Create the run of a durable endpoint; returns when it is durable."""
        return await self._owned().checkpoints.begin(start, accepted)

    async def report_steps(self, report: StepsCheckpoint) -> Checkpointed:
        """Decide about what a durable endpoint reports; returns when that is durable."""
        return await self._owned().checkpoints.report(report)

    async def add_metadata(self, run_id: RunId, updates: Sequence[NewMetadata]) -> Attached:
        """Append updates to a run's metadata, all or none; returns when they are durable."""
        return await self._owned().annotations.add_metadata(run_id, updates)

    async def add_spans(self, spans: Sequence[UserSpan]) -> SpansAttached:
        """Keep spans of apps whose runs exist; returns when they are durable."""
        return await self._owned().annotations.add_spans(spans)

    def calls_sent_ms(self, items: Sequence[ItemId]) -> dict[ItemId, int]:
        """When the calls under way for these items were sent; others are left out."""
        return {} if self._partition is None else self._partition.calls_sent_ms(items)

    def calls_under_way(self) -> list[tuple[FunctionId, int]]:
        """The function of each call under way, and when it was sent; none while nothing is owned."""
        return [] if self._partition is None else self._partition.calls.sent()

    def longest_calls(self, limit: int) -> list[CallUnderWay]:
        """The calls under way that were sent first, in that order; none while nothing is owned."""
        return [] if self._partition is None else self._partition.calls.longest(limit)

    @property
    def owned(self) -> Owned | None:
        """What this server owns; None while it cannot use the store."""
        return None if self._partition is None else self._ownership

    @property
    def scheduler(self) -> Scheduler:
        """What is queued and why it waits."""
        return self._owned().scheduler

    async def forget_expired(self) -> int:
        """Delete what no repetition and no limit can need any more; returns how many rows.

        Raises:
            StoreUnavailable: Some may still be there.
        """
        return await self._owned().requests.forget_expired(self._around.clock.now_ms())

    @property
    def retention(self) -> Retention:
        """How long what is kept where an environment says nothing else."""
        setup = self._around.retention
        return KEEP_EVERYTHING if setup is None else setup.server

    async def retention_state(self, environment_id: EnvironmentId) -> RetentionState:
        """What an environment has of its own, and what was deleted of it last."""
        work = self._owned().retention
        return RetentionState() if work is None else await work.state(environment_id)

    async def change_retention(
        self, environment_id: EnvironmentId, own: RetentionOverrides
    ) -> None:
        """Let an environment keep things for other times; returns when it is durable.

        Raises:
            StoreUnavailable: It is unknown whether it does.
        """
        work = self._owned().retention
        assert work is not None, "a server is given how long what is kept"
        await work.change(environment_id, own)

    async def ready(self) -> None:
        """Wait until requests are served."""
        await self._ready.wait()

    async def run(self) -> None:
        """Work until `stop`."""
        loop = asyncio.get_running_loop()
        delay_s = _RETRY_FIRST_S
        while not self._stopping.is_set():
            began_s = loop.time()
            try:
                partition = await self._take()
                if self._stopping.is_set():
                    return
                await partition.run()
            except* PartitionHeld as held:
                self._stand_by(held)
                delay_s = _STANDBY_S
            except* (StoreUnavailable, OwnershipLost) as failures:
                self._held = None
                _log.warning(
                    "partition.lost",
                    reason=str(failures.exceptions[0]),
                    retry_s=delay_s,
                )
            except* Exception:  # noqa: BLE001 - whatever it was, the store still tells the truth
                _log.exception("partition.failed", retry_s=delay_s)
            finally:
                self._ready.clear()
                self._partition = None
            if loop.time() - began_s > _STEADY_S and self._held is None:
                delay_s = _RETRY_FIRST_S
            with suppress(TimeoutError):
                async with asyncio.timeout(delay_s):
                    await self._stopping.wait()
            delay_s = min(2 * delay_s, _RETRY_MAX_S)

    def _stand_by(self, held: ExceptionGroup[PartitionHeld]) -> None:
        (refused,) = held.exceptions
        assert isinstance(refused, PartitionHeld)
        if self._held is None or self._held.owner != refused.owner:
            _log.info("partition.standing_by", partition=refused.partition, owner=refused.owner)
        self._held = refused

    async def drain(self, grace_s: float) -> None:
        """Begin nothing new and give calls under way `grace_s` to end; requests are still served.

        Apps may need the server to finish what they are doing. `stop` has to follow.
        """
        self._stopping.set()
        if self._partition is not None:
            await self._partition.drain(grace_s)

    async def stop(self, grace_s: float) -> None:
        """Do as `drain` does, write everything that was decided, and let `run` end."""
        await self.drain(grace_s)
        if self._partition is not None:
            self._partition.close()

    async def _take(self) -> Partition:
        store = self._around.store
        owner = await store.take(LOCAL_PARTITION)
        self._held = None
        await store.probe(owner)
        self._around.ids.begin_after(await store.largest_number())
        registry = self._around.registry
        registry.load(await store.apps(), await store.functions(), await store.sync_marks())
        found = Found(
            AwaitedEvents(await store.wait_shapes(self._around.environment_id)),
            await store.throttles(now_ms=self._around.clock.now_ms()),
            await store.operations(),
        )
        partition = Partition(owner, self._around, found)
        self._partition = partition
        self._ownership = Owned(owner.partition, owner.epoch, self._around.clock.now_ms())
        self._ready.set()
        _log.info("partition.taken", partition=owner.partition, epoch=owner.epoch)
        return partition

    def _owned(self) -> Partition:
        if self._partition is None:
            if self._held is not None:
                raise PartitionHeld(self._held.partition, self._held.owner)
            raise StoreUnavailable("request", "the store is being opened")
        return self._partition
