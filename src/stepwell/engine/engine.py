"""The engine: owns the partition as long as the store lets it, and starts over when it does not."""

import asyncio
from contextlib import suppress
from typing import Final

import structlog

from stepwell.core.identity import LOCAL_PARTITION, EnvironmentId, RunId, StepId
from stepwell.core.transition import Transition
from stepwell.engine.awaited import AwaitedEvents
from stepwell.engine.intake import accept_events
from stepwell.engine.partition import Partition, Surroundings
from stepwell.engine.registry import Registry
from stepwell.engine.store import OwnershipLost, StoreUnavailable
from stepwell.wire.events import AcceptedEvent

__all__ = ["Engine"]

_log = structlog.get_logger("stepwell.engine")

_RETRY_FIRST_S: Final = 0.2
_RETRY_MAX_S: Final = 5.0
#: An ownership that lasted this long was a good one; what ended it is a new trouble.
_STEADY_S: Final = 10.0


class Engine:
    """What the APIs call.

    While the store does not answer, every request raises `StoreUnavailable`, nothing is
    dispatched, and the engine tries again until it does.
    """

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._partition: Partition | None = None
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
            await accept_events(self._owned(), environment_id, events, seeded=seeded)

    async def commit(self, transition: Transition) -> None:
        """Write a transition that concerns no run, such as a registration.

        Raises:
            StoreUnavailable: It was not written, or it is unknown whether it was.
        """
        await self._owned().commit_all([transition])

    async def cancel_run(self, run_id: RunId) -> bool:
        """Cancel a run; False when there is no such run, or it has ended."""
        return await self._owned().cancel_run(run_id, "api")

    async def inputs_of(self, run_id: RunId) -> tuple[list[bytes], dict[StepId, bytes]] | None:
        """Events and memoised steps of a live run, as raw JSON; None when there is no such run."""
        return await self._owned().inputs_of(run_id)

    async def forget_expired(self) -> int:
        """Delete claims that no repetition can need any more; returns how many.

        Raises:
            StoreUnavailable: Some may still be there.
        """
        return await self._owned().forget_expired()

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
            except* (StoreUnavailable, OwnershipLost) as failures:
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
        await store.probe(owner)
        self._around.ids.begin_after(await store.largest_number())
        registry = self._around.registry
        registry.load(await store.apps(), await store.functions())
        shapes = await store.wait_shapes(self._around.environment_id)
        partition = Partition(owner, self._around, AwaitedEvents(shapes))
        self._partition = partition
        self._ready.set()
        _log.info("partition.taken", partition=owner.partition, epoch=owner.epoch)
        return partition

    def _owned(self) -> Partition:
        if self._partition is None:
            raise StoreUnavailable("request", "the store is being opened")
        return self._partition
