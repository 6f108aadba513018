"""The state of a live run: what its journal, its queue items and its waits add up to.

There is one way to change it: `apply` a transition. A live run applies transitions as they are
decided; a run that is loaded applies what is stored. Both give the same state, which is what makes
a crash harmless.
"""

from collections.abc import Iterable, Sequence
from typing import Final, assert_never

from stepwell.core.identity import ItemId, StepId
from stepwell.core.journal import (
    Caller,
    CallFailed,
    Entry,
    GroupOpened,
    InputGiven,
    Invoked,
    RunEnded,
    RunStarted,
    StepAttemptFailed,
    StepInvoking,
    StepPlanned,
    StepRequesting,
    StepResolved,
    StepSignalling,
    StepSleeping,
    StepWaiting,
    VersionPinned,
)
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.status import RunStatus
from stepwell.core.transition import JournalRow, NewRun, SignalRef, Transition
from stepwell.core.waits import WaitRef
from stepwell.wire.request import SentSteps

__all__ = ["OPEN_STEP_KINDS", "VERSION_COALESCED", "VERSION_UNKNOWN", "RunState"]

#: Sent until the SDK has told its version. Source: SDK protocol, 11.
VERSION_UNKNOWN: Final = -1
#: From this version on, a group of parallel steps calls the function once, after the last of them.
VERSION_COALESCED: Final = 2

#: Kinds of items that stand for a step without a result.
OPEN_STEP_KINDS: Final = frozenset(
    {ItemKind.STEP, ItemKind.SLEEP, ItemKind.TIMEOUT, ItemKind.GATEWAY}
)


class RunState:
    """One live run.

    Attributes:
        new: What the run was created with.
        events: Payloads of the events that started it, as sent to the function.
        status: Where it is in its life.
        started_ms: When its first call was sent; 0 before.
        steps: Results by step, in order of completion; raw JSON.
        sent: The same, as they are sent to the app.
        awaited: Steps of a parallel group whose last completion calls the function again.
        introduced: Steps without a result whose name and options are in the journal.
        inputs: Arguments that a rerun gives to steps without a result; a JSON array each.
        callers: Steps of other runs that wait for its result.
        signals: The waits for signals of its steps.
        only_plan: Whether the SDK may only report new steps, not run them.
        version: Request version of the SDK.
        items: Its queue items. An item that is not here has been answered.
        waits: Its waits for events.
        next_seq: Sequence number of the next journal entry.
        state_bytes: Size of events and results together.
    """

    __slots__ = (
        "awaited",
        "callers",
        "events",
        "inputs",
        "introduced",
        "items",
        "new",
        "next_seq",
        "only_plan",
        "sent",
        "signals",
        "started_ms",
        "state_bytes",
        "status",
        "steps",
        "version",
        "waits",
    )

    def __init__(self, new: NewRun, events: Sequence[bytes]) -> None:
        self.new = new
        self.events = tuple(events)
        self.status = new.status
        self.started_ms = 0
        self.steps: dict[StepId, bytes] = {}
        self.sent = SentSteps()
        self.awaited: set[StepId] = set()
        self.introduced: set[StepId] = set()
        self.inputs: dict[StepId, bytes] = {}
        self.signals: dict[StepId, SignalRef] = {}
        self.callers: tuple[Caller, ...] = ()
        if new.parent_run_id:
            caller = Caller(new.parent_run_id, new.parent_function_id, StepId(new.parent_step))
            self.callers = (caller,)
        self.only_plan = False
        self.version = VERSION_UNKNOWN
        self.items: dict[ItemId, QueueItem] = {}
        self.waits: dict[int, WaitRef] = {}
        self.next_seq = 0
        self.state_bytes = sum(map(len, self.events))

    @classmethod
    def restore(
        cls,
        new: NewRun,
        events: Sequence[bytes],
        *,
        journal: Iterable[Entry],
        items: Iterable[QueueItem],
        waits: Iterable[WaitRef],
    ) -> "RunState":
        """The state that the stored rows of a run add up to."""
        run = cls(new, events)
        for entry in journal:
            run._append(entry)
        run.items = {item.id: item for item in items}
        run.waits = {wait.id: wait for wait in waits}
        return run

    @property
    def is_ended(self) -> bool:
        """Whether nothing can change any more."""
        return self.status.is_ended

    def open_item(self, step: StepId) -> QueueItem | None:
        """The item that stands for an unfinished planned, sleeping, waiting or invoking step."""
        for item in self.items.values():
            if item.step == step and item.kind in OPEN_STEP_KINDS:
                return item
        return None

    def apply(self, transition: Transition) -> None:
        """Take over what the transition says about this run."""
        run_id = self.new.id
        for row in transition.journal:
            if row.run_id == run_id:
                assert row.seq == self.next_seq, "journal entries are applied in order"
                self._append(row.entry)
        for items in (transition.put, transition.renew, transition.renew_due):
            for item in items:
                if item.run_id == run_id:
                    self.items[item.id] = item
        for item_id in transition.done:
            self.items.pop(item_id, None)
        for wait in transition.waits:
            if wait.run_id == run_id:
                self.waits[wait.id] = wait.ref
        for ref in transition.waits_done:
            self.waits.pop(ref.id, None)

    def row(self, entry: Entry, *, offset: int) -> JournalRow:
        """The entry at its place, `offset` entries after what is recorded."""
        return JournalRow(self.new.id, self.next_seq + offset, entry)

    def _append(self, entry: Entry) -> None:
        self.next_seq += 1
        match entry:
            case StepResolved():
                self._resolve(entry)
            case RunStarted(at_ms=at_ms, version=version):
                self.status = RunStatus.RUNNING
                self.started_ms = at_ms
                self.version = version
            case VersionPinned(version=version):
                self.version = version
            case GroupOpened(awaited=awaited):
                self.only_plan = True
                self.awaited.update(awaited)
            case RunEnded(status=status):
                self.status = status
            case StepSignalling(step=step, signal=signal):
                self.introduced.add(step)
                environment_id = self.new.environment_id
                self.signals[step] = SignalRef(environment_id, signal, self.new.id, step)
            case InputGiven(step=step, input=given):
                self.inputs[step] = bytes(given)
                self.state_bytes += len(given)
            case Invoked(callers=callers):
                self.callers += callers
            case (
                StepPlanned(step=step)
                | StepSleeping(step=step)
                | StepWaiting(step=step)
                | StepInvoking(step=step)
                | StepRequesting(step=step)
                | StepAttemptFailed(step=step)
            ):
                # What follows from them stands in the run's items and waits.
                self.introduced.add(step)
            case CallFailed():
                # A fact for readers; the item that repeats the call is one of the run's.
                pass
            case _:
                assert_never(entry)

    def _resolve(self, entry: StepResolved) -> None:
        assert entry.step not in self.steps, "a step's result is recorded once"
        memo = bytes(entry.memo)
        self.steps[entry.step] = memo
        self.sent.add(entry.step, memo)
        self.state_bytes += len(memo)
        if self.awaited:
            self.awaited.discard(entry.step)
        if self.introduced:
            self.introduced.discard(entry.step)
        if self.signals:
            self.signals.pop(entry.step, None)
        if self.inputs and (given := self.inputs.pop(entry.step, None)) is not None:
            self.state_bytes -= len(given)
        if self.version >= VERSION_COALESCED and not self.awaited:
            self.only_plan = False
