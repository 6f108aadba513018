"""One ownership: everything a node knows in memory about the work of the partitions it owns.

It begins with what the store says and ends when a commit fails, when ownership is lost or when the
server stops. Then it is thrown away, and the next one begins with what the store says. There is no
other recovery: starting, restarting after a crash and going on after a full disk are the same.
Where several nodes share a store, partitions come and go in between: one that comes is read as at
the beginning, and one that goes is let go of when nothing of it is under way (`Handover`).

The way of an item: `_committed` takes it in when its row is durable; the scheduler gives it a turn
(`_dispatch`). Work of no run goes to whoever does its kind; for all other items the run is brought
(`_take_turn`). Then a request is made (`Calls`, `Gateways`) or nothing needs to be asked
(`_decide`); what core makes of it is submitted, and once that is durable the turn is over.
"""

import asyncio
from collections.abc import Callable, Coroutine
from collections.abc import Set as AbstractSet
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
from stepwell.core.identity import FunctionId, ItemId, RunId
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
from stepwell.engine.arrivals import Arrivals
from stepwell.engine.awaited import AwaitedEvents
from stepwell.engine.calls import Call, Calls
from stepwell.engine.checkpoints import Checkpoints
from stepwell.engine.committer import CommitFailed, Committer
from stepwell.engine.expired_waits import ExpiredWaits
from stepwell.engine.gateways import Gateways
from stepwell.engine.handover import Handover
from stepwell.engine.live_runs import Absent, LiveRuns
from stepwell.engine.places import OwnedPlaces
from stepwell.engine.presence import Presence
from stepwell.engine.refills import Refills
from stepwell.engine.requests import Requests
from stepwell.engine.retention import RetentionWork
from stepwell.engine.rules import is_held
from stepwell.engine.scheduler import Charge, Scheduler, SchedulerSetup
from stepwell.engine.signals import Forward
from stepwell.engine.store import Ownership, OwnershipLost, StoreUnavailable
from stepwell.engine.surroundings import Surroundings
from stepwell.engine.workers import Workers
from stepwell.engine.written import UnwrittenRuns
from stepwell.wire.response import OpcodesReported, Outcome

__all__ = ["Partition"]

_log = structlog.get_logger("stepwell.engine")
_NO_FUNCTION: Final = FunctionId("")
_NOTHING: Final = Transition()
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
    """The work of a node, for as long as one ownership lasts.

    Attributes:
        owner: Whose work it is.
        requests: What may be asked from outside.
        workers: Those who do the work that belongs to no single run.
        checkpoints: What apps report outside of answers.
        retention: Forgets what is old; None keeps everything.
        annotations: What is attached to runs.
        handover: How partitions come and go.
        presence: What it knows of other nodes.
        scheduler: What waits, and why.
        calls: Calls to apps that are under way.
        gateways: Requests for steps that are.
        expired: Waits whose time is up.
    """

    def __init__(
        self, owner: Ownership, around: Surroundings, places: OwnedPlaces, *, forward: Forward
    ) -> None:
        self.owner = owner
        self._around = around
        self._places = places
        self._awaited = AwaitedEvents()
        store, clock = around.store, around.clock
        self._committer = Committer(
            store, owner, after_batch=self._after_batch, places=places, counts=around.commits
        )
        self._live = LiveRuns(store.load_runs)
        self._unwritten = UnwrittenRuns()
        self._tasks: asyncio.TaskGroup | None = None
        self._begun = asyncio.Event()
        self.presence = Presence()
        self.calls = Calls(
            around.driver,
            clock,
            around.ids,
            epoch=owner.node,
            answered=self._answered,
            slow=self._record_start,
        )
        self.gateways = Gateways(around.gateway, clock, answered=self._request_answered)
        self.scheduler = self._make_scheduler()
        self._arrivals = Arrivals(self, self.scheduler.memory, self._live, self.calls, places)
        self._alarm = Alarm(clock, self._ring)
        self.requests = Requests(store, owner, self, self._committer, self._live)
        self.annotations = Annotations(store, self.requests)
        self.workers = Workers(
            self, around, self.requests, self._live, places, awaited=self._awaited, forward=forward
        )
        self.handover = Handover(self, around, places, self._awaited)
        self.expired: ExpiredWaits[_Turn] = ExpiredWaits(
            store,
            places,
            is_behind=self.workers.is_behind,
            hear=self.presence.hear,
            spawn=self.spawn,
            decide=self._decide_or_drop,
            leave=self._end_turn,
        )
        self.checkpoints = Checkpoints(
            self.requests, self.calls, histories=store, endpoints=around.registry
        )
        self.retention = None
        if around.retention is not None:
            self.retention = RetentionWork(
                around.retention, around, self.workers, self.requests, places
            )

    def _make_scheduler(self) -> Scheduler:
        around = self._around
        refills = Refills(
            around.store,
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
                has_room=lambda: self._committer.has_room and self.presence.may_begin,
                dispatch=self._dispatch,
                left=self._left,
                make_ready=self._make_ready,
                reads=refills,
            )
        )

    def function_of(self, run_id: RunId) -> FunctionId | None:
        """The function of a run that is in memory."""
        run = self._live.get(run_id)
        return None if run is None else run.new.function_id

    def moment(self) -> Moment:
        """Clock and ids for a decision."""
        return Moment(self._around.clock.now_ms(), self._around.ids)

    def world(self) -> World:
        """What a decision may look at besides its subject."""
        around, places = self._around, self._places
        if places.were_always_one:
            return World(around.registry.functions, self._awaited, around.retries)
        here = None if places.are_one else places.owned
        return World(around.registry.functions, None, around.retries, here)

    # Life.

    async def run(self) -> None:
        """Work until `close` is called.

        Raises:
            ExceptionGroup: Of `StoreUnavailable` or `OwnershipLost`: this ownership is over.
        """
        registry = self._around.registry
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                committing = tasks.create_task(self._committer.run())
                serving = [tasks.create_task(self._live.run()), *self.workers.begin(tasks)]
                if self.retention is not None:
                    serving.append(tasks.create_task(self.retention.run()))
                registry.on_change(self._functions_changed)
                self._begun.set()
                await asyncio.shield(committing)
                for task in serving:
                    task.cancel()
        finally:
            self.handover.departures.abort()
            registry.on_change(None)
            self._alarm.cancel()
            self.calls.give_up_all()
            self.gateways.give_up_all()
            self._committer.abort(StoreUnavailable("shutdown", "the server stops"))
            self.requests.abort()
            self.workers.abort()

    async def begun(self) -> None:
        """Wait until `run` has begun."""
        await self._begun.wait()

    def close(self) -> None:
        """Let `run` end once everything that was decided is written."""
        self._committer.close()

    # Among other nodes.

    def renewed(self, until_s: float, *, nodes: int) -> None:
        """One of so many nodes, and nobody takes it for dead until then, by the loop's clock."""
        self.presence.renewed(until_s)
        self.scheduler.divide(nodes)
        self.go_on()

    def take_in(self, item: QueueItem) -> None:
        """This is in the queue; somebody else has put it there."""
        self._arrivals.take_in(item, _NOTHING, self._around.clock.now_ms())

    def give_up(self, function_ids: AbstractSet[FunctionId]) -> None:
        """End the requests of these functions; whoever decides next makes them again."""
        requests = self.scheduler.requests_of(function_ids)
        _log.info("drain.calls_given_up", calls=len(requests))
        for item_id in requests:
            item = self.calls.give_up(item_id) or self.gateways.give_up(item_id)
            if item is not None:
                self._end_turn(_Turn(item, self._live.get(item.run_id)))

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
        """Apply and write what was decided about a run that is held.

        Not if somebody else decides about it by now; then `failed` is called.
        """
        if not self._places.owns(run.new.function_id):
            if failed is not None:
                failed(OwnershipLost(self.owner.node))
            if turn is not None:
                self._drop_turn(turn)
            return
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
        self.presence.tell_done(transition.done)
        if transition.operations or transition.operations_done or transition.forgotten:
            self.workers.operations.written(transition)
        for items in (transition.put, transition.renew, transition.renew_due):
            for item in items:
                self._arrivals.take_in(item, transition, now_ms)
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
        given_up = self.calls.give_up(item_id) or self.gateways.give_up(item_id)
        if given_up is not None:
            self._end_turn(_Turn(given_up, run))

    def _left(self, item: QueueItem) -> None:
        self._arrivals.left(item)

    def _make_ready(self, item: QueueItem) -> None:
        self._arrivals.make_ready(item)

    def _after_batch(self) -> None:
        self.expired.look_again()
        self.workers.signals.look_again()
        self.go_on()

    def _ring(self) -> None:
        self.scheduler.wake_timers(self._around.clock.now_ms())
        self._after_batch()

    def _functions_changed(self) -> None:
        self.scheduler.functions_changed()
        self.handover.functions_changed()
        self.go_on()

    def go_on(self) -> None:
        """Dispatch what may be dispatched, and be woken when more may be."""
        self.scheduler.pump()
        self._alarm.set(self.scheduler.next_due_ms())

    def _dispatch(self, item: QueueItem, charge: Charge | None) -> None:
        """The item's turn has come."""
        if not item.kind.is_request:
            self.handover.departures.decision_begins(item)
        if self.workers.take(item):
            return
        if self._arrivals.take_hold(item):
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
        if item.function_id in self.handover.departures or not self.presence.may_begin:
            # It would be given up at once; the next owner makes it, or this one if it stays that.
            self._drop_turn(turn)
            self.scheduler.memory.again(item)
        elif (cause := overdue(run, function, self._around.clock.now_ms())) is not None:
            decision = partial(cancel, run, item, CancelBody(cause))
        elif is_held(item, function):
            # It was paused after the item's turn had come, while the run was read or written.
            self._drop_turn(turn)
            self.scheduler.memory.again(item)
        elif item.kind is ItemKind.GATEWAY:
            if not self.gateways.make(item, run):
                decision = partial(requested.lost, run, item)
        elif len(run.steps) >= function.steps_max:
            decision = partial(overflow_steps, run, item)
        elif turn.charge is not None:
            self._let_in(turn, run, turn.charge)
        else:
            self.calls.make(item, run, function)
        if decision is not None:
            self._refund(turn)
            self._submit_decision(turn, run, decision)

    def _let_in(self, turn: _Turn, run: RunState, charge: Charge) -> None:
        """Write what the run's start costs, and call the app when that is durable."""
        if not self._places.owns(run.new.function_id):
            self._drop_turn(turn)
            return
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
            self.gateways.expect(decided, outcome.ops)
        self.go_on()

    def _request_answered(
        self, item: QueueItem, run: RunState, result: requested.RequestResult, call: CallFacts
    ) -> None:
        self._settle(item, item, run, partial(requested.answered, run, item, result, call=call))
        self.go_on()

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
        if not self._places.owns(run.new.function_id):
            return
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
        if not self.expired.must_wait(before):
            self._decide(turn, run)
            return
        # Matching needs a slot, too.
        self._end_slot(turn.item)
        turn.has_slot = False
        self.expired.add(before, turn, run)

    def _decide_or_drop(self, turn: _Turn, run: RunState) -> None:
        if run.is_ended or run.items.get(turn.item.id) != turn.item:
            self._end_turn(turn)
        else:
            self._decide(turn, run)

    def _decide(self, turn: _Turn, run: RunState) -> None:
        item = turn.item
        if item.kind is ItemKind.RESUME:
            decision = partial(resume, run, item)
        elif item.kind is ItemKind.CANCEL:
            decision = partial(cancel, run, item, CancelBody.decode(item.body))
        elif item.kind in _TIMEOUT_KINDS:
            if not run.started_ms and (sent_ms := self.calls.first_sent_ms(run)) is not None:
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
            self.handover.departures.decision_ends(item)
            self.scheduler.decision_ended()

    def _refund(self, turn: _Turn) -> None:
        """A start that is not made costs nothing."""
        if turn.charge is not None:
            self.scheduler.uncharge(turn.item, turn.charge)
            turn.charge = None

    def _drop_turn(self, turn: _Turn) -> None:
        """End a turn from which nothing follows; others may take its slot."""
        self._end_turn(turn)
        self.go_on()

    def _end_turn(self, turn: _Turn) -> None:
        self._refund(turn)
        if turn.has_slot:
            self._end_slot(turn.item)
        self.scheduler.memory.ended(turn.item)
        if turn.run is not None:
            self._live.release(turn.run.new.id)
        self.handover.departures.turn_ended()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside everything else, for as long as this ownership lasts."""
        assert self._tasks is not None
        self._tasks.create_task(work)
