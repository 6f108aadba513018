"""What is asked of a partition from outside, each with an answer once it is durable."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from stepwell.core.call import sent_steps
from stepwell.core.cancel import cancel
from stepwell.core.draft import World
from stepwell.core.identity import RunId, StepId
from stepwell.core.item_bodies import CancelBody
from stepwell.core.moment import Moment
from stepwell.core.run import RunState
from stepwell.core.signals import is_waiting, receive
from stepwell.core.transition import SignalWait, Transition
from stepwell.engine.asked_runs import AskedRuns
from stepwell.engine.committer import CommitFailed, Committer
from stepwell.engine.live_runs import LiveRuns
from stepwell.engine.store import Ownership, Store, StoreUnavailable
from stepwell.engine.written import Written

__all__ = ["Deciding", "Requests"]

# Expired rows deleted in one transaction, so that commits need not wait for long.
_BITE: Final = 500


class Deciding(Protocol):
    """Who has decisions written, and knows what they may look at."""

    def moment(self) -> Moment:
        """Clock and ids for a decision."""
        ...

    def world(self) -> World:
        """What a decision may look at besides its subject."""
        ...

    def submit(
        self,
        transition: Transition,
        *,
        committed: Callable[[], None] | None = None,
        failed: Callable[[CommitFailed], None] | None = None,
    ) -> None:
        """Write a transition that concerns no existing run."""
        ...

    def submit_for(
        self,
        run: RunState,
        transition: Transition,
        *,
        committed: Callable[[], None] | None = None,
        failed: Callable[[CommitFailed], None] | None = None,
    ) -> None:
        """Write a transition of a run that is held."""
        ...


class Requests:
    """Answers requests for one ownership of a partition.

    All methods that wait raise `StoreUnavailable` or `OwnershipLost` when what they did may not be
    durable.
    """

    def __init__(
        self,
        store: Store,
        owner: Ownership,
        deciding: Deciding,
        committer: Committer,
        live: LiveRuns,
    ) -> None:
        self._store = store
        self._owner = owner
        self._deciding = deciding
        self._committer = committer
        self._live = live
        self._asked = AskedRuns(live)
        # Ordered, so that a simulation can be repeated.
        self._impatient: dict[asyncio.Future[None], None] = {}
        committer.on_stall(self._tell_impatient)

    def abort(self) -> None:
        """Tell everyone who waits for a run that there will be no answer."""
        self._asked.abort()

    def check(self) -> None:
        """Raise why nothing is written any more, if that is so."""
        if self._committer.failure is not None:
            raise self._committer.failure

    def moment(self) -> Moment:
        """Clock and ids for a decision."""
        return self._deciding.moment()

    def world(self) -> World:
        """What a decision may look at besides its subject."""
        return self._deciding.world()

    async def commit(self, transition: Transition) -> None:
        """Write a transition that concerns no existing run."""
        await self.commit_all([transition])

    async def commit_all(
        self, transitions: Sequence[Transition], *, settled: Callable[[], None] | None = None
    ) -> None:
        """Write transitions that concern no existing run; they become durable in this order.

        Args:
            transitions: At least one.
            settled: Called when the last one is durable or has failed, even if nobody waits then.
        """
        written = Written(settled)
        self._submit_all(transitions, written)
        await written.future

    async def accept_all(
        self, transitions: Sequence[Transition], *, settled: Callable[[], None]
    ) -> None:
        """Do as `commit_all` does, for clients who can repeat what they have asked for.

        They are told when a commit takes too long, and whoever comes then is told at once. What was
        submitted may become durable nevertheless.
        """
        if self._committer.stall is not None:
            settled()
            raise self._committer.stall
        written = Written(settled)
        self._submit_all(transitions, written)
        self._impatient[written.future] = None
        try:
            await written.future
        finally:
            del self._impatient[written.future]

    async def forget_expired(self, now_ms: int) -> int:
        """Delete what no repetition and no limit can need any more, in small bites."""
        forgotten = 0
        for expire in (self._store.expire_claims, self._store.expire_limits):
            while count := await expire(self._owner, now_ms=now_ms, limit=_BITE):
                forgotten += count
        return forgotten

    async def drop_weeks(self, *, events_before_ms: int, runs_before_ms: int) -> Sequence[str]:
        """Give weeks of history back of which nothing is kept; see `Store.drop_weeks`."""
        return await self._store.drop_weeks(
            self._owner, events_before_ms=events_before_ms, runs_before_ms=runs_before_ms
        )

    async def cancel_run(self, run_id: RunId, cause: str) -> bool:
        """Cancel the run; False when it does not exist or has ended."""
        run = await self.hold(run_id)
        if run is None:
            return False
        why = CancelBody(cause)
        try:
            transition = cancel(run, None, why, world=self.world(), at=self.moment())
        except BaseException:
            self.release(run_id)
            raise
        await self.commit_for(run, transition)
        return True

    async def give_signal(self, wait: SignalWait, data: bytes) -> bool:
        """Give a step what was sent to it; False if it does not wait any more."""
        run = await self.hold(wait.run_id)
        if run is None:
            return False
        at = self.moment()
        if not is_waiting(wait, run, now_ms=at.now_ms):
            self.release(wait.run_id)
            return False
        await self.commit_for(run, receive(wait, data, at=at))
        return True

    async def inputs_of(self, run_id: RunId) -> tuple[list[bytes], dict[StepId, bytes]] | None:
        """The events and the memoised steps of a live run; None when there is no such run."""
        run = await self.hold(run_id)
        if run is None:
            return None
        inputs = list(run.events), dict(sent_steps(run))
        # What was decided about it before has to be durable.
        await self.commit_for(run, Transition())
        return inputs

    async def hold(self, run_id: RunId) -> RunState | None:
        """The live run, held until `commit_for` or `release`; None when there is no such run."""
        self.check()
        return await self._asked.hold(run_id)

    def release(self, run_id: RunId) -> None:
        """End the hold, nothing having been decided."""
        self._live.release(run_id)

    async def commit_for(self, run: RunState, transition: Transition) -> None:
        """Apply and write what was decided about a held run; returns when it is durable.

        It is applied before anything is waited for. The hold ends, whatever happens.
        """
        written = Written(lambda: self._live.release(run.new.id))
        self._deciding.submit_for(
            run, transition, committed=written.committed, failed=written.failed
        )
        await written.future

    def _submit_all(self, transitions: Sequence[Transition], written: Written) -> None:
        for transition in transitions[:-1]:
            self._deciding.submit(transition)
        self._deciding.submit(transitions[-1], committed=written.committed, failed=written.failed)

    def _tell_impatient(self, stall: StoreUnavailable) -> None:
        for future in self._impatient:
            if not future.done():
                future.set_exception(stall)
