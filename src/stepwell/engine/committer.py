"""Group commit: many decisions, one transaction, in the order they were made.

The next commit begins the moment the previous one has ended, with whatever waits by then; there is
no window to wait for company. Nothing a transition leads to happens before it is durable.
"""

import asyncio
from collections import deque
from collections.abc import Callable
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
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            if not self._waiting:
                if self._is_closing:
                    return
                self._wake.clear()
                continue
            self._committing = self._take()
            began_s = loop.time()
            watch = loop.call_later(PATIENCE_S, self._stalled)
            try:
                await self._commit()
            except (StoreUnavailable, OwnershipLost) as failure:
                self._counts.failed[failure.code] += 1
                self.abort(failure)
                raise
            finally:
                watch.cancel()
                self._go_on()
            batch = self._committing
            if not batch:
                continue
            took_s = loop.time() - began_s
            self._counts.add(len(batch), took_s)
            if took_s >= SLOW_COMMIT_S:
                deletes_old = any(pending.transition.forgotten for pending in batch)
                self._counts.note_slow(len(batch), took_s, deletes_old=deletes_old)
            self._committing = []
            for pending in batch:
                pending.committed(pending.transition)
            self._after_batch()

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

    async def _commit(self) -> None:
        """Write the batch, or what is left of it without changes that were overtaken.

        They are told so, and made anew; nothing that was decided rests on them.
        """
        while self._committing:
            transitions = [pending.transition for pending in self._committing]
            try:
                await self._store.commit(self._owner, transitions, self._places)
            except Overtaken as overtaken:
                self._leave_out(overtaken)
            else:
                return

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
        if len(waiting) <= BATCH_MAX:
            batch = list(waiting)
            waiting.clear()
            return batch
        return [waiting.popleft() for _ in range(BATCH_MAX)]


def _ignore(_stall: StoreUnavailable) -> None:
    """Nobody has asked to be told."""
