"""One ownership of a partition: everything a node knows in memory about the work it owns.

It begins with what the store says and ends when a commit fails, when ownership is lost or when the
server stops. Then it is thrown away, and the next one begins with what the store says. There is no
other recovery: starting, restarting after a crash and going on after a full disk are the same.

The way of an item: `_committed` takes it in when its row is durable; the scheduler gives it a turn
(`_dispatch`). Work of no run goes to whoever does its kind; for all other items the run is brought
(`_take_turn`). Then a request is made (`Calls`, `Gateways`) or nothing needs to be asked
(`_decide`); what core makes of it is submitted, and once that is durable the turn is over.
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
from stepwell.core.function import Function
from stepwell.core.granting import let_in
from stepwell.core.identity import FunctionId, ItemId
from stepwell.core.item_bodies import WAIT_TIMEOUT, CancelBody
from stepwell.core.journal import CallFacts
from stepwell.core.moment import Moment
from stepwell.core.queue import IMMEDIATE, ItemKind, QueueItem
from stepwell.core.resume import resume
from stepwell.core.run import RunState
from stepwell.core.steps import requested
from stepwell.core.timeouts import overdue, time_out
from stepwell.core.transition import Transition
from stepwell.engine.alarm import Alarm
from stepwell.engine.annotations import Annotations
from stepwell.engine.calls import Call, Calls
from stepwell.engine.checkpoints import Checkpoints
from stepwell.engine.committer import CommitFailed, Committer
from stepwell.engine.gateways import Gateways
from stepwell.engine.live_runs import Absent, LiveRuns
from stepwell.engine.refills import Refills
from stepwell.engine.requests import Requests
from stepwell.engine.retention import RetentionWork
from stepwell.engine.rules import is_held
from stepwell.engine.scheduler import Charge, Scheduler, SchedulerSetup
from stepwell.engine.store import Ownership, StoreUnavailable
from stepwell.engine.surroundings import Found, Surroundings
from stepwell.engine.workers import Workers
from stepwell.engine.written import UnwrittenRuns
from stepwell.wire.response import OpcodesReported, Outcome

__all__ = ["Partition"]

_log = structlog.get_logger("stepwell.engine")
_NO_FUNCTION: Final = FunctionId("")
_FOREIGN_KINDS: Final = frozenset({ItemKind.RESUME, ItemKind.CANCEL})
_TIMEOUT_KINDS: Final = frozenset({ItemKind.START_TIMEOUT, ItemKind.FINISH_TIMEOUT})


class _Turn(msgspec.Struct):
    """An item that is being worked on.

    Attributes:
        run: Its run, which is held.
        charge: What its start costs, until that has been submitted.
        has_slot: Whether it takes up capacity.
    """

    item: QueueItem
    run: RunState | None
    charge: Charge | None = None
    has_slot: bool = True


class Partition:
    """The work of one partition, for as long as one ownership lasts.

    Attributes:
        requests: What may be asked from outside.
        workers: Those who do the work that belongs to no single run.
        checkpoints: What apps report outside of answers.
        retention: Forgets what is old; None keeps everything.
        annotations: What is attached to runs.
        scheduler: What waits, and why.
    """

    def __init__(self, owner: Ownership, around: Surroundings, found: Found) -> None:
        self._owner = owner
        self._around = around
        self._awaited = found.awaited
        store, clock = around.store, around.clock
        self._committer = Committer(
            store, owner, after_batch=self._after_batch, counts=around.commits
        )
        self._live = LiveRuns(store.load_runs)
        self._held: set[ItemId] = set()
        self._unwritten = UnwrittenRuns()
        # Expired waits that an event accepted in time may still satisfy: it has to be matched first.
        self._expired: deque[tuple[ItemId, _Turn, RunState]] = deque()
        self._tasks: asyncio.TaskGroup | None = None
        self._is_draining = False
        self._calls = Calls(
            around.driver,
            clock,
            around.ids,
            epoch=owner.epoch,
            answered=self._answered,
            slow=self._record_start,
        )
        self._gateways = Gateways(around.gateway, clock, answered=self._request_answered)
        self.scheduler = self._make_scheduler()
        self._alarm = Alarm(clock, self._ring)
        self.requests = Requests(store, owner, self, self._committer, self._live)
        self.annotations = Annotations(store, self.requests)
        self.workers = Workers(
            self, around.store, around.registry, self.requests, self._live, found=found
        )
        self.checkpoints = Checkpoints(
            self.requests, self._calls, histories=store, endpoints=around.registry
        )
        self.retention = None
        if around.retention is not None:
            self.retention = RetentionWork(
                around.retention, around, self.workers, self.requests, owner.partition
            )
        self.scheduler.load_throttles(found.throttles)

    def _make_scheduler(self) -> Scheduler:
        around = self._around
        refills = Refills(
            around.store,
            self._owner.partition,
            scheduler=lambda: self.scheduler,
            spawn=self.spawn,
            refilled=self._ring,
        )
        return Scheduler(
            SchedulerSetup(
                calls_max=around.calls_max,
                limits=around.limits,
                functions=lambda: around.registry.functions,
                now_ms=around.clock.now_ms,
                has_room=lambda: self._committer.has_room,
                dispatch=self._dispatch,
                left=self._left,
                make_ready=lambda item: self._live.want(item.run_id, partial(self._ready, item)),
                reads=refills,
            )
        )

    def moment(self) -> Moment:
        """Clock and ids for a decision."""
        return Moment(self._around.clock.now_ms(), self._around.ids)

    def world(self) -> World:
        """What a decision may look at besides its subject."""
        around = self._around
        return World(around.registry.functions, self._awaited, around.retries)

    def calls_sent_ms(self, items: Sequence[ItemId]) -> dict[ItemId, int]:
        """When the requests under way for these items were sent; others are left out."""
        sent = {
            item_id: self._calls.sent_ms(item_id) or self._gateways.sent_ms(item_id)
            for item_id in items
        }
        return {item_id: ms for item_id, ms in sent.items() if ms is not None}

    @property
    def calls(self) -> Calls:
        """Calls to apps that are under way."""
        return self._calls

    # Life.

    async def run(self) -> None:
        """Work until `close` is called.

        Raises:
            ExceptionGroup: Of `StoreUnavailable` or `OwnershipLost`: this ownership is over.
        """
        registry = self._around.registry
        try:
            functions = await self._around.store.queued_functions(self._owner.partition)
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                committing = tasks.create_task(self._committer.run())
                serving = [tasks.create_task(self._live.run()), *self.workers.begin(tasks)]
                if self.retention is not None:
                    serving.append(tasks.create_task(self.retention.run()))
                registry.on_change(self._functions_changed)
                self.scheduler.memory.read_all(functions)
                await asyncio.shield(committing)
                for task in serving:
                    task.cancel()
        finally:
            registry.on_change(None)
            self._alarm.cancel()
            self._calls.give_up_all()
            self._gateways.give_up_all()
            self._committer.abort(StoreUnavailable("shutdown", "the server stops"))
            self.requests.abort()
            self.workers.abort()

    async def drain(self, grace_s: float) -> None:
        """Begin nothing new, and let requests end for up to `grace_s`; others are still served.

        Requests that take longer are given up; they are made again when the store is opened next.
        """
        self._is_draining = True
        self.scheduler.pause()
        self.workers.signals.drain()
        try:
            async with asyncio.timeout(grace_s):
                await self._calls.none_left()
                await self._gateways.none_left()
        except TimeoutError:
            _log.info("drain.calls_given_up", calls=len(self._calls) + len(self._gateways))
        self._calls.give_up_all()
        self._gateways.give_up_all()

    def close(self) -> None:
        """Let `run` end once everything that was decided is written."""
        self._committer.close()

    # Decisions, on their way to the store.

    def submit(
        self,
        transition: Transition,
        *,
        committed: Callable[[], None] | None = None,
        failed: Callable[[CommitFailed], None] | None = None,
    ) -> None:
        """Write a transition that concerns no existing run, then do what follows from it."""
        self._submit(transition, None, committed=committed, failed=failed)

    def decided(
        self,
        item: QueueItem,
        transition: Transition,
        committed: Callable[[], None] | None = None,
    ) -> None:
        """As `submit`, for a transition that ends the turn of an item that belongs to no run."""
        self._submit(transition, None, turn=_Turn(item, None), committed=committed)

    def may_have_decisions_before(self, item_id: ItemId) -> bool:
        """Whether items of no function with smaller ids may not have had their turn."""
        return self.scheduler.memory.queue(_NO_FUNCTION).has_decisions_before(item_id)

    def submit_for(
        self,
        run: RunState,
        transition: Transition,
        *,
        turn: _Turn | None = None,
        committed: Callable[[], None] | None = None,
        failed: Callable[[CommitFailed], None] | None = None,
    ) -> None:
        """Apply and write what was decided about a run that is held."""
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
        self.workers.expect(transition)
        self._committer.submit(transition, partial(self._committed, run, turn, committed), failed)

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
        if transition.operations or transition.operations_done or transition.forgotten:
            self.workers.operations.written(transition)
        for items in (transition.put, transition.renew, transition.renew_due):
            for item in items:
                self._take_in(item, transition, now_ms)
        if run is not None:
            for item_id in transition.done:
                self._finish_item(item_id, run)
            for end in transition.ended:
                self.scheduler.run_ended(end.run_id)
            self._unwritten.written(run.new.id)
        if turn is not None:
            self._end_turn(turn)
        if then is not None:
            then()
        for observe in self._around.observers:
            observe(run, transition)

    def _finish_item(self, item_id: ItemId, run: RunState) -> None:
        """An item was answered, or its run has ended: nobody has to wait for its request."""
        self.scheduler.memory.forget(item_id, run.new.function_id)
        given_up = self._calls.give_up(item_id) or self._gateways.give_up(item_id)
        if given_up is not None:
            self._end_turn(_Turn(given_up, run))

    def _take_in(self, item: QueueItem, transition: Transition, now_ms: int) -> None:
        if item.kind.is_call and self._calls.is_out(item):
            # A checkpoint has renewed what is being answered.
            return
        is_taken_in = self.scheduler.memory.add(item, now_ms)
        if item.kind is ItemKind.RESUME:
            self._live.tell(item)
        if not is_taken_in or item.due_ms > now_ms or not item.run_id:
            return
        if item.kind is ItemKind.START:
            self._take_new_run(item, transition)
        elif (run := self._live.hold(item.run_id)) is not None:
            self._held.add(item.id)
            if item.kind is ItemKind.CANCEL and not run.is_ended:
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
                if events and not new.event_ids:
                    run = RunState(new, events)
                    run.apply(transition)
                    self._live.add(run)
                    self._held.add(item.id)
                return

    def _left(self, item: QueueItem) -> None:
        """The item has left memory without having had a turn; it will come again."""
        if item.id in self._held:
            self._held.discard(item.id)
            self._live.release(item.run_id)

    def _ready(self, item: QueueItem, run: RunState | Absent) -> None:
        """Have the item's row say that it is due at once, unless it is another one by now."""
        made_ready = partial(self.scheduler.memory.made_ready, item)
        if isinstance(run, RunState) and not run.is_ended and run.items.get(item.id) == item:

            def committed() -> None:
                self._live.release(item.run_id)
                made_ready()

            due_at_once = msgspec.structs.replace(item, due_ms=IMMEDIATE)
            self.submit_for(run, Transition(renew_due=[due_at_once]), committed=committed)
            return
        if isinstance(run, RunState):
            self._live.release(item.run_id)
        elif run is Absent.GONE:
            self.submit(Transition(done=[item.id]))
        made_ready()

    def _after_batch(self) -> None:
        while self._expired and not self.workers.is_behind(self._expired[0][0]):
            _, turn, run = self._expired.popleft()
            if run.is_ended or run.items.get(turn.item.id) != turn.item:
                self._end_turn(turn)
            else:
                self._decide(turn, run)
        self.workers.signals.look_again()
        self._go_on()

    def _ring(self) -> None:
        self.scheduler.wake_timers(self._around.clock.now_ms())
        self._after_batch()

    def _functions_changed(self) -> None:
        self.scheduler.functions_changed()
        self._go_on()

    def _go_on(self) -> None:
        """Dispatch what may be dispatched, and be woken when more may be."""
        self.scheduler.pump()
        self._alarm.set(self.scheduler.next_due_ms())

    def _dispatch(self, item: QueueItem, charge: Charge | None) -> None:
        """The item's turn has come."""
        if self.workers.take(item):
            return
        if item.id in self._held:
            self._held.discard(item.id)
            self._take_turn(item, charge, self._live.get(item.run_id) or Absent.GONE)
        else:
            self._live.want(item.run_id, partial(self._take_turn, item, charge))

    def _take_turn(self, item: QueueItem, charge: Charge | None, run: RunState | Absent) -> None:
        """The run is at hand, and held; or there is none."""
        if isinstance(run, Absent):
            self._drop_turn(_Turn(item, None, charge))
            if run is Absent.GONE:
                self.submit(Transition(done=[item.id]))
            return
        turn = _Turn(item, run, charge)
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
                self.scheduler.memory.again(current)
            self._drop_turn(turn)
        elif item.kind.is_request and run.new.id in self._unwritten:
            # The app must not see a result that a crash could still undo.
            self._unwritten.then(run.new.id, partial(self._take_turn, item, charge, run))
        elif item.kind.is_request:
            self._request(turn, run)
        elif item.kind is ItemKind.TIMEOUT and item.body == WAIT_TIMEOUT:
            self._expire(turn, run)
        else:
            self._decide(turn, run)

    # Requests.

    def _request(self, turn: _Turn, run: RunState) -> None:
        """Call the app, or make the request a step asks for, unless the run may not go on."""
        item, function = turn.item, self._function(run)
        decision: Callable[..., Transition] | None = None
        if self._is_draining:
            # It would be given up at once, and made again by the next owner.
            self._drop_turn(turn)
        elif (cause := overdue(run, function, self._around.clock.now_ms())) is not None:
            decision = partial(cancel, run, item, CancelBody(cause))
        elif is_held(item, function):
            # It was paused after the item's turn had come, while the run was read or written.
            self._drop_turn(turn)
            self.scheduler.memory.again(item)
        elif item.kind is ItemKind.GATEWAY:
            if not self._gateways.make(item, run):
                decision = partial(requested.lost, run, item)
        elif len(run.steps) >= function.steps_max:
            decision = partial(overflow_steps, run, item)
        elif turn.charge is not None:
            self._let_in(turn, run, turn.charge)
        else:
            self._calls.make(item, run, function)
        if decision is not None:
            self._refund(turn)
            self._submit_decision(turn, run, decision)

    def _let_in(self, turn: _Turn, run: RunState, charge: Charge) -> None:
        """Write what the run's start costs, and call the app when that is durable."""
        transition = let_in(run, turn.item, self.scheduler.pay(charge))
        (turn.item,) = transition.renew_due
        turn.charge = None
        self.scheduler.charged(turn.item)
        self.submit_for(run, transition, committed=partial(self._start, turn, run))

    def _start(self, turn: _Turn, run: RunState) -> None:
        if run.is_ended or run.items.get(turn.item.id) != turn.item:
            self._drop_turn(turn)
        elif run.new.id in self._unwritten:
            self._unwritten.then(run.new.id, partial(self._start, turn, run))
        else:
            self._request(turn, run)

    def _answered(self, call: Call, outcome: Outcome) -> None:
        run, item = call.run, call.current
        decision = partial(
            advance,
            run,
            item,
            outcome,
            call=call.answered(outcome),
            steps_sent=call.steps_sent,
            waited_for=self.scheduler.waited_for(call.item.id),
        )
        decided = self._settle(call.item, item, run, decision)
        if decided is not None and isinstance(outcome, OpcodesReported):
            self._gateways.expect(decided, outcome.ops)
        self._go_on()

    def _request_answered(
        self, item: QueueItem, run: RunState, result: requested.RequestResult, call: CallFacts
    ) -> None:
        self._settle(item, item, run, partial(requested.answered, run, item, result, call=call))
        self._go_on()

    def _settle(
        self,
        dispatched: QueueItem,
        item: QueueItem,
        run: RunState,
        decision: Callable[..., Transition],
    ) -> Transition | None:
        """Decide about the answer to an item; None if it comes too late."""
        self._end_slot(dispatched)
        turn = _Turn(dispatched, run, has_slot=False)
        if run.is_ended or run.items.get(item.id) != item:
            self._end_turn(turn)
            return None
        return self._submit_decision(turn, run, decision)

    def _record_start(self, run: RunState, sent_ms: int) -> None:
        run_id = run.new.id
        transition = started(run, sent_ms, world=self.world(), at=self.moment())
        # The call may end without a decision; the run must not be read again before this is written.
        self._live.hold(run_id)
        self.submit_for(run, transition, committed=lambda: self._live.release(run_id))

    def _function(self, run: RunState) -> Function:
        function = self._around.registry.functions.get(run.new.function_id)
        assert function is not None, "functions are archived, never deleted"
        return function

    # Decisions.

    def _expire(self, turn: _Turn, run: RunState) -> None:
        """Decide about an expired wait once all events accepted before have been matched."""
        before = ItemId(self._around.ids.number())
        if not self.workers.is_behind(before):
            self._decide(turn, run)
            return
        # Matching needs a slot, too.
        self._end_slot(turn.item)
        turn.has_slot = False
        self._expired.append((before, turn, run))

    def _decide(self, turn: _Turn, run: RunState) -> None:
        item = turn.item
        if item.kind is ItemKind.RESUME:
            decision = partial(resume, run, item)
        elif item.kind is ItemKind.CANCEL:
            decision = partial(cancel, run, item, CancelBody.decode(item.body))
        elif item.kind in _TIMEOUT_KINDS:
            if not run.started_ms and (sent_ms := self._calls.first_sent_ms(run)) is not None:
                self._record_start(run, sent_ms)
            decision = partial(time_out, run, item)
        else:
            decision = partial(fire, run, item)
        self._submit_decision(turn, run, decision)

    def _submit_decision(
        self, turn: _Turn, run: RunState, decision: Callable[..., Transition]
    ) -> Transition:
        world, at = self.world(), self.moment()
        try:
            transition = decision(world=world, at=at)
        except Exception:  # noqa: BLE001 - a defect must cost one run, not the partition
            _log.exception("decision.failed", run_id=run.new.id, kind=turn.item.kind.name)
            transition = broken(run, turn.item, world=world, at=at)
        self.submit_for(run, transition, turn=turn)
        return transition

    # Ends of turns.

    def _end_slot(self, item: QueueItem) -> None:
        """The item takes up no capacity any more."""
        if item.kind.is_request:
            self.scheduler.request_ended(item.id)
        else:
            self.scheduler.decision_ended()

    def _refund(self, turn: _Turn) -> None:
        """A start that is not made costs nothing."""
        if turn.charge is not None:
            self.scheduler.uncharge(turn.item, turn.charge)
            turn.charge = None

    def _drop_turn(self, turn: _Turn) -> None:
        """End a turn from which nothing follows; others may take its slot."""
        self._end_turn(turn)
        self._go_on()

    def _end_turn(self, turn: _Turn) -> None:
        self._refund(turn)
        if turn.has_slot:
            self._end_slot(turn.item)
        self.scheduler.memory.ended(turn.item)
        if turn.run is not None:
            self._live.release(turn.run.new.id)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside everything else, for as long as this ownership lasts."""
        assert self._tasks is not None
        self._tasks.create_task(work)
