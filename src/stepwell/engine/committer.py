"""Group commit: many decisions, one transaction, in the order they were made.

The next commit begins the moment the previous one has ended, with what waits by then, or half of it
if that is much; there is no window to wait for company. Nothing a transition leads to happens before
it is durable; it happens when the next commit is on its way, so that the disk need not wait for it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import structlog

from stepwell.core.transition import Transition
from stepwell.engine.distribution import CommitCounts
from stepwell.engine.nodes import ONE_PLACE, Places
from stepwell.engine.slow_work import SLOW_COMMIT_S
from stepwell.engine.store import Overtaken, Ownership, OwnershipLost, Store, StoreUnavailable

__all__ = ["BACKLOG_MAX", "BATCH_MAX", "PATIENCE_S", "CommitFailed", "Committer"]

_log = structlog.get_logger("stepwell.engine")

#: Transitions in one transaction. More does not raise throughput, only the latency of the first.
BATCH_MAX: Final = 500
#: Of more than these, half is left for the next commit. Otherwise everything that is under way would
#: end up in one batch: the store would have nothing to do while it is followed, and the server
#: nothing while it is written.
_UNDIVIDED_MAX: Final = 48
#: Transitions that may wait before no more work is begun. Without a bound, fast apps and a slow disk
#: would fill the memory with results that are not written.
BACKLOG_MAX: Final = 2 * BATCH_MAX

#: Commits take milliseconds. Whoever waits for one that takes so long had better be told; the commit
#: itself is given more time, because giving it up means to begin again with what is stored.
PATIENCE_S: Final = 5.0

CommitFailed = StoreUnavailable | OwnershipLost


class _Pending(msgspec.Struct):
    transition: Transition
    committed: Callable[[Transition], None]
    failed: Callable[[CommitFailed], None] | None


class Committer:
    """Writes transitions for one ownership.

    After the first failed commit it accepts nothing any more: what was decided after it rests on
    something that was not written, so the owner has to start again from the store.

    Args:
        store: Where it writes.
        owner: The ownership.
        after_batch: Called after each commit.
        places: Where the work of functions lies.
        counts: Where commits are counted, if anybody wants to know.
    """

    def __init__(
        self,
        store: Store,
        owner: Ownership,
        *,
        after_batch: Callable[[], None],
        places: Places = ONE_PLACE,
        counts: CommitCounts | None = None,
    ) -> None:
        self._counts = counts or CommitCounts()
        self._store = store
        self._owner = owner
        self._places = places
        self._after_batch = after_batch
        self._committing: list[_Pending] = []
        self._waiting: deque[_Pending] = deque()
        self._wake = asyncio.Event()
        self._failure: CommitFailed | None = None
        self._stall: StoreUnavailable | None = None
        self._tell_stall: Callable[[StoreUnavailable], None] = _ignore
        self._is_closing = False

    @property
    def has_room(self) -> bool:
        """Whether what was decided is being written as fast as it comes."""
        return len(self._waiting) < BACKLOG_MAX

    @property
    def failure(self) -> CommitFailed | None:
        """Why it has stopped, if it has."""
        return self._failure

    @property
    def stall(self) -> StoreUnavailable | None:
        """What to tell who cannot wait, while a commit takes longer than `PATIENCE_S`."""
        return self._stall

    def on_stall(self, tell: Callable[[StoreUnavailable], None]) -> None:
        """Call `tell` whenever a commit has taken that long; it may succeed nevertheless."""
        self._tell_stall = tell

    def submit(
        self,
        transition: Transition,
        committed: Callable[[Transition], None],
        failed: Callable[[CommitFailed], None] | None = None,
    ) -> None:
        """Queue a transition.

        Args:
            transition: What to write.
            committed: Called on the event loop once it is durable.
            failed: Called instead when it is certain that it was not written, or when it is
                unknown whether it was.
        """
        if self._failure is not None:
            if failed is not None:
                failed(self._failure)
            return
        self._waiting.append(_Pending(transition, committed, failed))
        if not self._wake.is_set():
            self._wake.set()

    async def run(self) -> None:
        """Commit until `close` is called.

        Raises:
            StoreUnavailable, OwnershipLost: A commit failed; everything submitted is told.
        """
        durable: list[_Pending] = []
        while True:
            if self._waiting:
                durable = await self._commit_after(durable)
            elif durable:
                self._follow(durable)
                durable = []
            elif self._is_closing:
                return
            else:
                self._wake.clear()
                await self._wake.wait()

    def abort(self, failure: CommitFailed) -> None:
        """Accept nothing any more, and say so to everyone who waits."""
        if self._failure is not None:
            return
        self._failure = failure
        lost = self._committing + list(self._waiting)
        self._waiting.clear()
        for pending in lost:
            if pending.failed is not None:
                pending.failed(failure)

    def close(self) -> None:
        """Let `run` return once everything submitted is written."""
        self._is_closing = True
        self._wake.set()

    async def _commit_after(self, durable: Sequence[_Pending]) -> list[_Pending]:
        """Commit what waits, and meanwhile do what follows from the batch before it.

        Returns:
            What is durable now, and nothing was done about yet.
        """
        self._committing = self._take()
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        watch = loop.call_later(PATIENCE_S, self._stalled)
        writing = self._write()
        try:
            if durable:
                await self._follow_when_begun(durable)
            await self._written(writing)
        except (StoreUnavailable, OwnershipLost) as failure:
            self._counts.failed[failure.code] += 1
            self.abort(failure)
            raise
        finally:
            writing.cancel()
            watch.cancel()
            self._go_on()
        batch, self._committing = self._committing, []
        if batch:
            self._count(batch, loop.time() - began_s)
        return batch

    def _write(self) -> asyncio.Future[None]:
        transitions = [pending.transition for pending in self._committing]
        return asyncio.ensure_future(self._store.commit(self._owner, transitions, self._places))

    async def _written(self, writing: asyncio.Future[None]) -> None:
        """Wait until the batch is written, or what is left of it without overtaken changes.

        They are told so, and made anew; nothing that was decided rests on them.
        """
        while True:
            try:
                await writing
            except Overtaken as overtaken:
                self._leave_out(overtaken)
                if not self._committing:
                    return
                writing = self._write()
            else:
                return

    async def _follow_when_begun(self, batch: Sequence[_Pending]) -> None:
        """Let the next commit be sent first: while the disk is waited for, there is time for this."""
        try:
            await asyncio.sleep(0)
        finally:
            self._follow(batch)

    def _follow(self, batch: Sequence[_Pending]) -> None:
        """Do what follows from a batch that is durable."""
        for pending in batch:
            pending.committed(pending.transition)
        self._after_batch()

    def _count(self, batch: Sequence[_Pending], took_s: float) -> None:
        self._counts.add(len(batch), took_s)
        if took_s >= SLOW_COMMIT_S:
            deletes_old = any(pending.transition.forgotten for pending in batch)
            self._counts.note_slow(len(batch), took_s, deletes_old=deletes_old)

    def _leave_out(self, overtaken: Overtaken) -> None:
        batch = self._committing
        late = [each for each in batch if each.transition.catalogue is not None]
        assert late, "only who says what it was decided on can be overtaken"
        self._committing = [each for each in batch if each.transition.catalogue is None]
        for pending in late:
            if pending.failed is not None:
                pending.failed(overtaken)

    def _stalled(self) -> None:
        reason = f"a commit has not been confirmed for {PATIENCE_S:g} s"
        self._stall = StoreUnavailable("commit", reason)
        self._counts.stalled += 1
        _log.warning("commit.stalled", transitions=len(self._committing), reason=reason)
        self._tell_stall(self._stall)

    def _go_on(self) -> None:
        if self._stall is not None:
            self._stall = None
            self._counts.stalled -= 1

    def _take(self) -> list[_Pending]:
        waiting = self._waiting
        count = min(len(waiting), max(_UNDIVIDED_MAX, len(waiting) // 2), BATCH_MAX)
        return [waiting.popleft() for _ in range(count)]


def _ignore(_stall: StoreUnavailable) -> None:
    """Nobody has asked to be told."""
