"""A transition of one run in the making.

The modules for the things that can happen to a run (`advance`, `fire`, `resume`, `cancel` and
those in `steps/`) say what they decide through a `RunDraft`, which knows the rules they share: a
step's result is recorded once, a run is called again when the last awaited step is done, and an
answered item is replaced by the next one or deleted.
"""

from collections.abc import Container, Iterator
from typing import Final

import msgspec

from stepwell.core.function import Function, FunctionIndex
from stepwell.core.identity import NO_EVENT, EventId, ItemId, PartitionId, StepId, WaitId
from stepwell.core.journal import (
    ABSENT,
    CallFacts,
    Entry,
    RunStarted,
    StepName,
    StepResolved,
    VersionPinned,
)
from stepwell.core.lanes import DECISIONS
from stepwell.core.moment import Moment
from stepwell.core.queue import IMMEDIATE, NO_STEP, ItemKind, QueueItem
from stepwell.core.retry import RetryPolicy
from stepwell.core.run import OPEN_STEP_KINDS, RunState
from stepwell.core.transition import RunStart, Transition
from stepwell.core.waits import Wait

__all__ = ["RunDraft", "World"]

# Looking up a member of an enum costs more than all that is done with it here.
_DISCOVER: Final = ItemKind.DISCOVER
_STEP: Final = ItemKind.STEP
# Items that call the function from the top.
_DISCOVERING: Final = frozenset({ItemKind.START, ItemKind.DISCOVER})
# Items after which the run is somewhere else. A RESUME is not: its step may have its result.
_MOVING: Final = frozenset(ItemKind) - {
    ItemKind.RESUME,
    ItemKind.START_TIMEOUT,
    ItemKind.FINISH_TIMEOUT,
}


class World(msgspec.Struct, frozen=True, gc=False):
    """What a decision may look at besides its subject.

    Attributes:
        functions: All functions of the environment.
        awaited_events: Names of the events that some run may be waiting for; None if only the
            store can tell, because others decide about runs, too.
        retries: When failed attempts are repeated.
        here: Partitions whose functions' runs may be started; None for all. Whoever owns another
            one decides about its functions.
    """

    functions: FunctionIndex
    awaited_events: Container[str] | None
    retries: RetryPolicy
    here: Container[PartitionId] | None = None

    def starts(self, function: Function) -> bool:
        """Whether runs of the function may be started by this decision."""
        return self.here is None or function.partition in self.here


class RunDraft:
    """Collects what one decision changes about one run."""

    def __init__(
        self,
        run: RunState,
        item: QueueItem | None,
        *,
        world: World,
        at: Moment,
        call: CallFacts | None = None,
    ) -> None:
        assert not run.is_ended, "nothing happens to a run that has ended"
        function = world.functions.get(run.new.function_id)
        assert function is not None, (
            "functions are archived, never deleted, while runs refer to them"
        )
        self.run = run
        self.item = item
        self.function: Function = function
        self.world = world
        self.at = at
        self.call = call
        self.transition = Transition(function_id=run.new.function_id, at_ms=at.now_ms)
        self.is_ended = False
        self.state_bytes = run.state_bytes
        self.version = run.version
        self.started_ms = run.started_ms
        self._awaited = set(run.awaited) if run.awaited else run.awaited
        self._resolved: set[StepId] = set()
        self._open_steps: set[StepId] | None = None
        self._next: QueueItem | None = None
        self._repeats = False
        self._appended = 0
        # A step that got its result while others of its group are awaited.
        self._held_back: StepId | None = None
        self._is_call_cited = False

    # What is so, including what this draft has decided.

    def is_resolved(self, step: StepId) -> bool:
        """Whether the step has its result."""
        return step in self.run.steps or step in self._resolved

    def is_open(self, step: StepId) -> bool:
        """Whether an unfinished planned, sleeping, waiting or invoking step has that id."""
        if self._open_steps is None:
            self._open_steps = {
                item.step for item in self.run.items.values() if item.kind in OPEN_STEP_KINDS
            }
        return step in self._open_steps

    def is_introduced(self, step: StepId) -> bool:
        """Whether an earlier answer brought the step's name and options into the journal."""
        return step in self.run.introduced

    def cited_call(self) -> CallFacts | None:
        """What an entry tells of the answered call; how it was answered stands in the first one."""
        call = self.call
        if call is None or not call.status:
            return call
        if self._is_call_cited:
            return CallFacts(call.queued_ms, call.sent_ms, item=call.item, attempt=call.attempt)
        self._is_call_cited = True
        return call

    # Decisions.

    def append(self, entry: Entry) -> None:
        """Append a fact to the journal."""
        # Entries of other runs, which an invocation or the run's end brings, are not counted.
        self.transition.journal.append(self.run.row(entry, offset=self._appended))
        self._appended += 1

    def start(self, sent_ms: int) -> None:
        """Record that the first call was sent, if that is not recorded."""
        if not self.started_ms:
            self.started_ms = sent_ms
            self.append(RunStarted(sent_ms, version=self.version))
            self.transition.started.append(RunStart(self.run.new.id, sent_ms))
            self._add_finish_timeout(sent_ms)

    def pin_version(self, version: int | None) -> None:
        """Remember the request version that came with opcodes.

        Source: SDK protocol, 11; execution semantics, 3.5 (absent and 0 leave it unknown).
        """
        if version and version != self.version:
            self.version = version
            if self.started_ms:
                self.append(VersionPinned(self.at.now_ms, version))

    def await_steps(self, steps: tuple[StepId, ...]) -> None:
        """Call the function again only after the last of these steps has its result."""
        self._awaited = self._awaited | set(steps)

    def open_step(
        self,
        kind: ItemKind,
        step: StepId,
        *,
        due_ms: int = IMMEDIATE,
        body: bytes = b"",
        attempt: int = 0,
    ) -> None:
        """Queue the item that stands for an unfinished step."""
        item = self._new_item(kind, step, due_ms=due_ms, body=body, attempt=attempt)
        self.transition.put.append(item)
        if self._open_steps is not None:
            self._open_steps.add(step)

    def add_wait(self, wait: Wait) -> None:
        """Store a wait of this run."""
        self.transition.waits.append(wait)

    def new_wait_id(self) -> WaitId:
        """An id for a wait."""
        return WaitId(self.at.ids.number())

    def resolve(
        self,
        step: StepId,
        memo: bytes,
        *,
        name: StepName | None = None,
        failed: bool = False,
        timed_out: bool = False,
        event_id: EventId = NO_EVENT,
        call: CallFacts | None = None,
        metadata: msgspec.Raw = ABSENT,
    ) -> None:
        """Record the step's result and call the function again if nothing else is awaited.

        The first result stands; a later one changes nothing. Source: execution semantics, 3.4.
        """
        if self.is_resolved(step):
            return
        self.record(
            step,
            memo,
            name=name,
            failed=failed,
            timed_out=timed_out,
            event_id=event_id,
            call=call,
            metadata=metadata,
        )
        if step in self._awaited:
            self._awaited.discard(step)
            if self._awaited:
                self._held_back = step
                return
        self.call_function(step)

    def record(
        self,
        step: StepId,
        memo: bytes,
        *,
        name: StepName | None = None,
        failed: bool = False,
        timed_out: bool = False,
        event_id: EventId = NO_EVENT,
        call: CallFacts | None = None,
        metadata: msgspec.Raw = ABSENT,
    ) -> None:
        """Record the result of a step that has none, and nothing else."""
        item = self.item
        self.append(
            StepResolved(
                self.at.now_ms,
                step,
                msgspec.Raw(memo),
                name=name,
                attempt=item.attempt if item is not None and item.kind.is_request else 0,
                failed=failed,
                timed_out=timed_out,
                call=call,
                event_id=event_id,
                metadata=metadata,
            )
        )
        self._resolved.add(step)
        self.state_bytes += len(memo)
        self._close_step(step)

    def call_function(self, step: StepId = NO_STEP) -> None:
        """Call the function from the top; `step` is the one whose completion is the reason."""
        if not self._repeats:
            self._next = self._following(_DISCOVER, step)

    def repeat_call(self, due_ms: int) -> None:
        """Make the answered call again, as its next attempt."""
        item = self.item
        assert item is not None
        self._repeats = True
        # A first call that was made is a call like any other: what holds up starts concerns it no
        # more.
        self._next = msgspec.structs.replace(
            item,
            attempt=item.attempt + 1,
            due_ms=due_ms,
            queued_ms=self.at.now_ms,
            lane=self.run.new.lane,
        )

    def finish(self) -> Transition:
        """The complete transition: the answered item is replaced by the next one, or deleted."""
        transition, item = self.transition, self.item
        if self.is_ended:
            self._close_items()
            return transition
        if self._held_back is not None and self._next is None and not self._is_awaiting():
            self.call_function(self._held_back)
        following = self._next
        if self._repeats and following is not None and self._is_moot(following):
            following = msgspec.structs.replace(following, kind=_DISCOVER)
        if item is None:
            if following is not None:
                transition.put.append(following)
        elif following is None:
            transition.done.append(item.id)
        else:
            self._renew(item, following)
            if not transition.answered:
                transition.closed.append(item)
        if transition.done:
            self._close_items()
        return transition

    def finish_unanswered(self, changed: QueueItem) -> Transition:
        """The complete transition where the item stays, as `changed`: it was not answered."""
        item = self.item
        assert item is not None
        assert item.id == changed.id
        if not self.is_ended and changed != item:
            self._renew(item, changed)
        self._close_items()
        return self.transition

    @property
    def leaves_nothing_to_do(self) -> bool:
        """Whether the run would stand still for ever: no item would be left that moves it."""
        if self._next is not None or self._held_back is not None or self.is_ended:
            return False
        return not any(item.kind in _MOVING for item in self._other_items())

    @property
    def leaves_target_open(self) -> bool:
        """Whether the answer to a planned step's own call said nothing about that step."""
        item = self.item
        if item is None or item.kind is not _STEP or self._repeats or self.is_ended:
            return False
        return not self.is_resolved(item.step)

    def _is_moot(self, item: QueueItem) -> bool:
        """Whether the call is for a step that has its result now: one answer said both."""
        return item.kind is _STEP and self.is_resolved(item.step)

    def _renew(self, item: QueueItem, following: QueueItem) -> None:
        place = (item.due_ms, item.lane, item.score)
        if (following.due_ms, following.lane, following.score) == place:
            self.transition.renew.append(following)
        else:
            self.transition.renew_due.append(following)

    def _close_items(self) -> None:
        """Note what the deleted items were, for who counts what is queued, asleep and waiting."""
        transition, items = self.transition, self.run.items
        answered = self.item.id if self.item is not None and transition.answered else None
        for item_id in transition.done:
            if item_id != answered and item_id in items:
                transition.closed.append(items[item_id])

    def _close_step(self, step: StepId) -> None:
        """Delete the item and the wait of a step that has its result now."""
        answered = self.item
        if answered is not None and answered.step == step and answered.kind in OPEN_STEP_KINDS:
            pass  # `finish` replaces or deletes it
        elif self.is_open(step):
            open_item = self.run.open_item(step)
            if open_item is not None:
                self.transition.done.append(open_item.id)
        for ref in self.run.waits.values():
            if ref.step == step:
                self.transition.waits_done.append(ref)
        if step in self.run.signals:
            self.transition.signals_done.append(self.run.signals[step])
        if self.transition.put:
            self._withdraw(step)

    def _withdraw(self, step: StepId) -> None:
        """Take back what this draft had queued for a step that has its result now."""
        transition, run_id = self.transition, self.run.new.id
        transition.put = [i for i in transition.put if i.run_id != run_id or i.step != step]
        transition.waits = [w for w in transition.waits if w.run_id != run_id or w.step != step]

    def _other_items(self) -> Iterator[QueueItem]:
        """The items the run will have besides the one that is being answered."""
        answered = self.item.id if self.item is not None else None
        transition = self.transition
        for item in self.run.items.values():
            if item.id != answered and item.id not in transition.done:
                yield item
        for item in transition.put:
            if item.run_id == self.run.new.id:
                yield item

    def _is_awaiting(self) -> bool:
        """Whether an awaited step can still get its result, or the function is called anyway.

        A step whose attempt failed is awaited too, but the call that repeats the attempt need not
        report it again: the code may have changed. It must not hold up the run for ever.
        """
        return self._repeats or any(
            item.kind in _DISCOVERING
            or (item.kind in OPEN_STEP_KINDS and item.step in self._awaited)
            for item in self._other_items()
        )

    def _following(self, kind: ItemKind, step: StepId) -> QueueItem:
        item = self.item
        if item is None:
            return self._new_item(kind, step, due_ms=IMMEDIATE, body=b"")
        return QueueItem(
            item.id,
            kind,
            item.function_id,
            item.run_id,
            step,
            queued_ms=self.at.now_ms,
            lane=self.run.new.lane,
            score=self.run.new.score,
        )

    def _add_finish_timeout(self, started_ms: int) -> None:
        """Queue the moment by which the run must have ended. Source: flow control, 11."""
        timeouts = self.function.config.timeouts
        finish_ms = timeouts.finish_ms if timeouts is not None else None
        if finish_ms is not None:
            due_ms = started_ms + finish_ms
            item = self._new_item(ItemKind.FINISH_TIMEOUT, NO_STEP, due_ms=due_ms, body=b"")
            self.transition.put.append(item)

    def _new_item(
        self, kind: ItemKind, step: StepId, *, due_ms: int, body: bytes, attempt: int = 0
    ) -> QueueItem:
        new = self.run.new
        return QueueItem(
            ItemId(self.at.ids.number()),
            kind,
            new.function_id,
            new.id,
            step,
            attempt,
            due_ms=due_ms,
            queued_ms=self.at.now_ms,
            body=body,
            lane=new.lane if kind.is_request else DECISIONS,
            score=new.score if kind.is_request else 0,
        )
