"""One ownership of a partition: everything a node knows in memory about the work it owns.

It begins with what the store says and ends when a commit fails, when ownership is lost or when the
server stops. Then it is thrown away, and the next one begins with what the store says. There is no
other recovery: starting, restarting after a crash and going on after a full disk are the same.

The way of an item: `_committed` takes it in when its row is durable; the scheduler gives it a turn
(`_dispatch`); a run is at hand (`_take_turn`); the app is called (`Calls`) or nothing needs to be
asked (`_decide`); what core makes of it is submitted, and once that is durable the turn is over.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Final

import msgspec
import structlog

from stepwell.core.advance import advance, broken, overflow_steps, started
from stepwell.core.cancel import cancel
from stepwell.core.draft import World
from stepwell.core.fire import fire
from stepwell.core.identity import (
    DEFAULT_ENVIRONMENT_ID,
    EnvironmentId,
    FunctionId,
    ItemId,
    RunId,
    StepId,
)
from stepwell.core.item_bodies import WAIT_TIMEOUT, CancelBody
from stepwell.core.journal import CallTimes
from stepwell.core.moment import Moment
from stepwell.core.queue import IMMEDIATE, ItemKind, QueueItem
from stepwell.core.resume import resume
from stepwell.core.retry import RetryPolicy
from stepwell.core.run import RunState
from stepwell.core.transition import Transition
from stepwell.engine.alarm import Alarm
from stepwell.engine.asked_runs import AskedRuns
from stepwell.engine.awaited import AwaitedEvents
from stepwell.engine.calls import Calls
from stepwell.engine.claims import Claims
from stepwell.engine.clock import Clock
from stepwell.engine.committer import CommitFailed, Committer
from stepwell.engine.driver import Driver
from stepwell.engine.ids import NumberedIds
from stepwell.engine.live_runs import Absent, LiveRuns
from stepwell.engine.matcher import Matcher
from stepwell.engine.refills import Refills
from stepwell.engine.registry import Registry
from stepwell.engine.scheduler import Scheduler
from stepwell.engine.store import Ownership, Store, StoreUnavailable
from stepwell.engine.ticking import Ticking
from stepwell.engine.written import UnwrittenRuns, Written
from stepwell.wire.response import Outcome

__all__ = ["Observer", "Partition", "Surroundings"]

_log = structlog.get_logger("stepwell.engine")
#: Must be quick and must not raise; it is called between a commit and what follows from it.
Observer = Callable[[RunState | None, Transition], None]

# Expired claims deleted in one transaction, so that commits need not wait for long.
_CLAIMS_BITE: Final = 500
_FOREIGN_KINDS: Final = frozenset({ItemKind.RESUME, ItemKind.CANCEL})


class Surroundings(msgspec.Struct, frozen=True):
    """What a partition is given from outside; the same for all ownerships of a process.

    Attributes:
        calls_max: Calls to apps under way at the same time.
        observe: Told of every durable transition, with the run it was decided for.
    """

    store: Store
    driver: Driver
    clock: Clock
    ids: NumberedIds
    registry: Registry
    retries: RetryPolicy
    calls_max: int
    environment_id: EnvironmentId = DEFAULT_ENVIRONMENT_ID
    observe: Observer | None = None


class _Turn(msgspec.Struct):
    """An item that is being worked on, its run, which is held, and whether it takes up a slot."""

    item: QueueItem
    run: RunState | None
    has_slot: bool = True


class Partition:
    """The work of one partition, for as long as one ownership lasts."""

    def __init__(self, owner: Ownership, around: Surroundings, awaited: AwaitedEvents) -> None:
        self._owner = owner
        self._around = around
        self._awaited = awaited
        store, clock, ids = around.store, around.clock, around.ids
        self._committer = Committer(store, owner, after_batch=self._after_batch)
        self._live = LiveRuns(store.load_runs)
        self._held: set[ItemId] = set()
        self._calls = Calls(
            around.driver, clock, ids, answered=self._answered, slow=self._record_start
        )
        refills = Refills(
            store,
            owner.partition,
            scheduler=lambda: self._scheduler,
            spawn=self._spawn,
            refilled=self._ring,
        )
        self._scheduler = Scheduler(
            calls_max=around.calls_max,
            has_room=lambda: self._committer.has_room,
            dispatch=self._dispatch,
            refill=refills.ready,
            refill_timers=refills.timers,
        )
        self._alarm = Alarm(clock, self._ring)
        self._matcher = Matcher(store, awaited, moment=self.moment, decided=self._matched)
        self.claims = Claims(store, clock)
        self._ticking = Ticking(
            self.claims,
            around.registry,
            moment=self.moment,
            world=self.world,
            decided=self._decided_without_run,
        )
        self._observe = around.observe
        self._tasks: asyncio.TaskGroup | None = None
        self._asked = AskedRuns(self._live)
        self._unwritten = UnwrittenRuns()
        # Expired waits that an event accepted in time may still satisfy: it has to be matched first.
        self._expired: deque[tuple[ItemId, _Turn, RunState]] = deque()

    def moment(self) -> Moment:
        """Clock and ids for a decision."""
        return Moment(self._around.clock.now_ms(), self._around.ids)

    def world(self) -> World:
        """What a decision may look at besides its subject."""
        around = self._around
        return World(around.registry.functions, self._awaited, around.retries)

    # Life.

    async def run(self) -> None:
        """Work until `close` is called.

        Raises:
            ExceptionGroup: Of `StoreUnavailable` or `OwnershipLost`: this ownership is over.
        """
        try:
            functions = await self._around.store.queued_functions(self._owner.partition)
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                committing = tasks.create_task(self._committer.run())
                serving = [
                    tasks.create_task(self._live.run()),
                    tasks.create_task(self._matcher.run()),
                ]
                self._scheduler.read_all(functions)
                await asyncio.shield(committing)
                for task in serving:
                    task.cancel()
        finally:
            self._alarm.cancel()
            self._calls.give_up_all()
            self._committer.abort(StoreUnavailable("shutdown", "the server stops"))
            self._asked.abort()

    async def drain(self, grace_s: float) -> None:
        """Begin nothing new, and let calls end for up to `grace_s`; requests are still served.

        Calls that take longer are given up; they are made again when the store is opened next.
        """
        self._scheduler.pause()
        try:
            async with asyncio.timeout(grace_s):
                await self._calls.none_left()
        except TimeoutError:
            _log.info("drain.calls_given_up", calls=len(self._calls))
        self._calls.give_up_all()

    def close(self) -> None:
        """Let `run` end once everything that was decided is written."""
        self._committer.close()

    # Requests from outside.

    def submit(
        self,
        transition: Transition,
        *,
        committed: Callable[[], None] | None = None,
        failed: Callable[[CommitFailed], None] | None = None,
    ) -> None:
        """Write a transition that concerns no existing run, then do what follows from it."""
        self._submit(transition, None, committed=committed, failed=failed)

    async def commit_all(
        self, transitions: Sequence[Transition], *, settled: Callable[[], None] | None = None
    ) -> None:
        """As `submit` for each, waiting for the outcome; they become durable in this order.

        Args:
            transitions: At least one.
            settled: Called when the last one is durable or has failed, even if nobody waits then.

        Raises:
            StoreUnavailable, OwnershipLost: Some were not written, or it is unknown whether they
                were.
        """
        written = Written(settled)
        for transition in transitions[:-1]:
            self.submit(transition)
        self.submit(transitions[-1], committed=written.committed, failed=written.failed)
        await written.future

    async def forget_expired(self) -> int:
        """Delete claims that no repetition can need any more, in small bites; returns how many."""
        store, now_ms = self._around.store, self._around.clock.now_ms()
        forgotten = 0
        while count := await store.expire_claims(self._owner, now_ms=now_ms, limit=_CLAIMS_BITE):
            forgotten += count
        return forgotten

    async def cancel_run(self, run_id: RunId, cause: str) -> bool:
        """Cancel the run; False when it does not exist or has ended."""
        run = await self._hold(run_id)
        if run is None:
            return False
        transition = cancel(run, None, CancelBody(cause), world=self.world(), at=self.moment())
        written = Written(lambda: self._live.release(run_id))
        self._submit_for(run, transition, committed=written.committed, failed=written.failed)
        await written.future
        return True

    async def inputs_of(self, run_id: RunId) -> tuple[list[bytes], dict[StepId, bytes]] | None:
        """The events and the memoised steps of a live run; None when there is no such run."""
        run = await self._hold(run_id)
        if run is None:
            return None
        inputs = list(run.events), dict(run.steps)
        written = Written(lambda: self._live.release(run_id))
        self._submit_for(run, Transition(), committed=written.committed, failed=written.failed)
        await written.future
        return inputs

    async def _hold(self, run_id: RunId) -> RunState | None:
        if self._committer.failure is not None:
            raise self._committer.failure
        return await self._asked.hold(run_id)

    # The way of an item.

    def _committed(
        self,
        run: RunState | None,
        turn: _Turn | None,
        then: Callable[[], None] | None,
        transition: Transition,
    ) -> None:
        """The transition is durable: what follows from it may happen now."""
        now_ms = self._around.clock.now_ms()
        for items in (transition.put, transition.renew, transition.renew_due):
            for item in items:
                self._take_in(item, transition, now_ms)
        if run is not None:
            for item_id in transition.done:
                self._scheduler.forget(item_id, run.new.function_id)
                if (given_up := self._calls.give_up(item_id)) is not None:
                    self._end_turn(_Turn(given_up, run))
            self._unwritten.written(run.new.id)
        if turn is not None:
            self._end_turn(turn)
        if then is not None:
            then()
        if self._observe is not None:
            self._observe(run, transition)

    def _take_in(self, item: QueueItem, transition: Transition, now_ms: int) -> None:
        if not self._scheduler.add(item, now_ms) or item.due_ms > now_ms or not item.run_id:
            return
        if item.kind is ItemKind.START:
            self._take_new_run(item, transition)
        elif (run := self._live.hold(item.run_id)) is not None:
            self._held.add(item.id)
            if item.kind in _FOREIGN_KINDS and not run.is_ended:
                run.items[item.id] = item

    def _take_new_run(self, item: QueueItem, transition: Transition) -> None:
        """Keep a run that starts at once, which saves reading it again."""
        if self._live.hold(item.run_id) is not None:
            # Somebody has read it before the commit that brought it was reported.
            self._held.add(item.id)
            return
        for new in transition.runs:
            if new.id == item.run_id:
                events = [e.payload for e in transition.events if e.id == new.event_id]
                if events:
                    run = RunState(new, events)
                    run.apply(transition)
                    self._live.add(run)
                    self._held.add(item.id)
                return

    def _after_batch(self) -> None:
        while self._expired and not self._is_behind(self._expired[0][0]):
            _, turn, run = self._expired.popleft()
            if run.is_ended or run.items.get(turn.item.id) != turn.item:
                self._end_turn(turn)
            else:
                self._decide(turn, run)
        self._scheduler.pump()
        self._alarm.set(self._scheduler.next_due_ms())

    def _ring(self) -> None:
        self._scheduler.wake_timers(self._around.clock.now_ms())
        self._after_batch()

    def _dispatch(self, item: QueueItem) -> None:
        """The item's turn has come."""
        if not self._scheduler.is_current(item):
            self._end_slot(item)
        elif item.kind is ItemKind.MATCH:
            self._matcher.add(item)
        elif item.kind is ItemKind.CRON:
            self._spawn(self._ticking.tick(item))
        elif item.id in self._held:
            self._held.discard(item.id)
            self._take_turn(item, self._live.get(item.run_id) or Absent.GONE)
        else:
            self._live.want(item.run_id, partial(self._take_turn, item))

    def _take_turn(self, item: QueueItem, run: RunState | Absent) -> None:
        """The run is at hand, and held; or there is none."""
        if isinstance(run, Absent):
            self._drop_turn(_Turn(item, None))
            if run is Absent.GONE:
                self.submit(Transition(done=[item.id]))
            return
        turn = _Turn(item, run)
        if run.is_ended:
            # A result that came after the end, or an item whose deletion was not read yet.
            self._drop_turn(turn)
            if item.kind in _FOREIGN_KINDS:
                self.submit(Transition(done=[item.id]))
            return
        if item.kind in _FOREIGN_KINDS:
            run.items.setdefault(item.id, item)
        current = run.items.get(item.id)
        if current != item:
            if current is not None and current.due_ms == IMMEDIATE:
                self._scheduler.again(current)
            self._drop_turn(turn)
            return
        if item.kind.is_call and run.new.id in self._unwritten:
            # The app must not see a result that a crash could still undo.
            self._unwritten.then(run.new.id, partial(self._take_turn, item, run))
        elif item.kind.is_call:
            self._call(turn, run)
        elif item.kind is ItemKind.TIMEOUT and item.body == WAIT_TIMEOUT:
            self._expire(turn, run)
        else:
            self._decide(turn, run)

    def _expire(self, turn: _Turn, run: RunState) -> None:
        """Decide about an expired wait once all events accepted before have been matched."""
        before = ItemId(self._around.ids.number())
        if not self._is_behind(before):
            self._decide(turn, run)
            return
        # Matching needs a slot, too.
        self._end_slot(turn.item)
        turn.has_slot = False
        self._expired.append((before, turn, run))

    def _is_behind(self, item_id: ItemId) -> bool:
        return self._matcher.is_behind(item_id) or self._scheduler.queue(
            FunctionId("")
        ).has_decisions_before(item_id)

    def _matched(self, item: QueueItem, transition: Transition) -> None:
        is_last = bool(transition.done)
        self._decided_without_run(
            item, transition, partial(self._matcher.matched, item) if is_last else None
        )

    def _call(self, turn: _Turn, run: RunState) -> None:
        world = self.world()
        function = world.functions.get(run.new.function_id)
        assert function is not None, "functions are archived, never deleted"
        if len(run.steps) >= function.steps_max:
            transition = overflow_steps(run, turn.item, world=world, at=self.moment())
            self._submit_for(run, transition, turn=turn)
        else:
            self._calls.make(turn.item, run, function)

    def _answered(self, item: QueueItem, run: RunState, outcome: Outcome, times: CallTimes) -> None:
        self._end_slot(item)
        turn = _Turn(item, run, has_slot=False)
        if run.is_ended or run.items.get(item.id) != item:
            self._end_turn(turn)
        else:
            self._submit_decision(
                turn,
                run,
                lambda: advance(
                    run, item, outcome, times=times, world=self.world(), at=self.moment()
                ),
            )
        self._scheduler.pump()

    def _decide(self, turn: _Turn, run: RunState) -> None:
        item = turn.item
        world, at = self.world(), self.moment()
        if item.kind is ItemKind.RESUME:
            decision = partial(resume, run, item, world=world, at=at)
        elif item.kind is ItemKind.CANCEL:
            why = CancelBody.decode(item.body)
            decision = partial(cancel, run, item, why, world=world, at=at)
        else:
            decision = partial(fire, run, item, world=world, at=at)
        self._submit_decision(turn, run, decision)

    def _submit_decision(
        self, turn: _Turn, run: RunState, decision: Callable[[], Transition]
    ) -> None:
        try:
            transition = decision()
        except Exception:  # noqa: BLE001 - a defect must cost one run, not the partition
            _log.exception("decision.failed", run_id=run.new.id, kind=turn.item.kind.name)
            transition = broken(run, turn.item, world=self.world(), at=self.moment())
        self._submit_for(run, transition, turn=turn)

    def _decided_without_run(
        self,
        item: QueueItem,
        transition: Transition,
        committed: Callable[[], None] | None = None,
    ) -> None:
        self._submit(transition, None, turn=_Turn(item, None), committed=committed)

    def _record_start(self, run: RunState, sent_ms: int) -> None:
        run_id = run.new.id
        transition = started(run, sent_ms, world=self.world(), at=self.moment())
        # The call may end without a decision; the run must not be read again before this is written.
        self._live.hold(run_id)
        self._submit_for(run, transition, committed=lambda: self._live.release(run_id))

    def _submit_for(
        self,
        run: RunState,
        transition: Transition,
        *,
        turn: _Turn | None = None,
        committed: Callable[[], None] | None = None,
        failed: Callable[[CommitFailed], None] | None = None,
    ) -> None:
        run.apply(transition)
        self._unwritten.add(run.new.id)
        self._submit(transition, run, turn=turn, committed=committed, failed=failed)

    def _submit(
        self,
        transition: Transition,
        run: RunState | None,
        *,
        turn: _Turn | None = None,
        committed: Callable[[], None] | None = None,
        failed: Callable[[CommitFailed], None] | None = None,
    ) -> None:
        self._awaited.apply(transition)
        self._matcher.expect(transition)
        self._committer.submit(transition, partial(self._committed, run, turn, committed), failed)

    # Ends of turns.

    def _end_slot(self, item: QueueItem) -> None:
        """The item takes up no capacity any more."""
        if item.kind.is_call:
            self._scheduler.call_ended()
        else:
            self._scheduler.decision_ended()

    def _drop_turn(self, turn: _Turn) -> None:
        """End a turn from which nothing follows; others may take its slot."""
        self._end_turn(turn)
        self._scheduler.pump()

    def _end_turn(self, turn: _Turn) -> None:
        if turn.has_slot:
            self._end_slot(turn.item)
        self._scheduler.ended(turn.item)
        if turn.run is not None:
            self._live.release(turn.run.new.id)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside everything else, for as long as this ownership lasts."""
        assert self._tasks is not None
        self._tasks.create_task(work)
