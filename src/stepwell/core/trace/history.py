"""What has happened in a run, in one piece: what both trees are made of.

Everything follows from the journal, but for what is queued or under way right now.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, assert_never

import msgspec

from stepwell.core.identity import ItemId, RunId, StepId
from stepwell.core.journal import (
    CallFacts,
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
from stepwell.core.metadata import Metadata, MetadataOwner
from stepwell.core.queue import NO_STEP, ItemKind, QueueItem
from stepwell.core.status import RunStatus
from stepwell.core.trace.calls import NO_SEQ, Call, CallBook, Cited, JobGroup
from stepwell.core.trace.steps import Begun, OpenAttempt, StepBook, StepHistory
from stepwell.core.user_span import UserSpan

__all__ = ["RunHistory", "TracedRun", "run_history"]

#: Calls of which an entry of an older version does not say for which item they were.
_MAIN_LINE: Final = ""


class TracedRun(msgspec.Struct, frozen=True):
    """What the trees tell of the run itself.

    Attributes:
        function_slug: Full slug of its function.
        queued_ms: When it was created.
        scheduled_ms: When it is to start; later than `queued_ms` for events of the future.
        started_ms: When its first call was sent; 0 before.
        ended_ms: When it ended; 0 before.
        cause: Why it was cancelled or skipped, as in `RunEnded.cause`.
        existing_run_id: The run because of which it was skipped.
    """

    id: RunId
    function_slug: str
    status: RunStatus
    queued_ms: int
    scheduled_ms: int = 0
    started_ms: int = 0
    ended_ms: int = 0
    cause: str = ""
    existing_run_id: RunId = RunId("")


class RunHistory(msgspec.Struct):
    """A run. Complete when `run_history` returns it; nobody changes it afterwards.

    Attributes:
        groups: Its calls, as attempts at jobs, in the order in which they were heard of.
        steps: In the order in which they were heard of.
        end: Its end; None while it goes on.
        metadata: What was attached to it, by what it describes.
        spans: What the app's own tracing sent.
        children: The runs that its steps have invoked, as far as the journal does not say.
    """

    run: TracedRun
    groups: list[JobGroup]
    steps: dict[StepId, StepHistory]
    end: RunEnded | None = None
    end_seq: int = NO_SEQ
    metadata: Mapping[MetadataOwner, Sequence[Metadata]] = {}
    spans: Sequence[UserSpan] = ()
    children: Mapping[StepId, RunId] = {}


def run_history(
    run: TracedRun,
    entries: Iterable[Entry],
    *,
    items: Iterable[QueueItem] = (),
    in_flight: Mapping[ItemId, int] | None = None,
    metadata: Mapping[MetadataOwner, Sequence[Metadata]] | None = None,
    spans: Sequence[UserSpan] = (),
    children: Mapping[StepId, RunId] | None = None,
) -> RunHistory:
    """Put together what is known of a run.

    Any journal is accepted, also one that breaks off and one of an older version.

    Args:
        run: As it was when the journal was read.
        entries: Its journal, from the beginning and in order.
        items: Its queue items at that time.
        in_flight: The items whose call is under way, with the time at which it was sent.
        metadata: As `stepwell.core.metadata.metadata_of` gives it.
        spans: The spans of the app that belong to it.
        children: Runs that steps have invoked whose entry could not name them yet.
    """
    reading = _Reading(run)
    for seq, entry in enumerate(entries):
        reading.read(seq, entry)
    if not run.status.is_ended:
        for item in sorted(items, key=lambda item: item.id):
            reading.await_item(item, (in_flight or {}).get(item.id))
        reading.await_planned()
    return RunHistory(
        run,
        reading.calls.groups,
        reading.steps.steps,
        reading.end,
        reading.end_seq,
        metadata=metadata or {},
        spans=spans,
        children=children or {},
    )


class _Reading:
    """The journal as far as it has been read."""

    def __init__(self, run: TracedRun) -> None:
        self.run = run
        self.calls = CallBook(run.id, scheduled_ms=run.scheduled_ms)
        self.steps = StepBook()
        self.end: RunEnded | None = None
        self.end_seq = NO_SEQ
        # Steps whose own calls make up a line of jobs, where entries do not name the item.
        self._planned: set[StepId] = set()

    def read(self, seq: int, entry: Entry) -> None:
        """Take in the next entry."""
        match entry:
            case StepResolved():
                self._resolve(seq, entry)
            case StepPlanned():
                self._planned.add(entry.step)
                self.steps.plan(seq, entry, *self._cited(seq, entry))
            case StepSleeping() | StepWaiting() | StepInvoking() | StepSignalling():
                self._begin(seq, entry)
            case StepRequesting():
                self.steps.request(seq, entry, *self._cited(seq, entry))
            case StepAttemptFailed():
                facts = entry.call or CallFacts(entry.at_ms, entry.at_ms, attempt=entry.attempt)
                group, call = self.calls.cite(seq, entry, self._line(entry, facts), facts)
                self.steps.fail_attempt(seq, entry, call, group, facts)
            case CallFailed():
                facts = entry.call or CallFacts(entry.at_ms, entry.at_ms, attempt=entry.attempt)
                self.calls.cite(seq, entry, self._line(entry, facts), facts)
            case RunEnded():
                self._end(seq, entry)
            case GroupOpened(at_ms=at_ms):
                self.calls.announce_group(seq, at_ms)
            case InputGiven(step=step):
                self.steps.give_input(seq, step)
            case RunStarted() | VersionPinned() | Invoked():
                pass  # the run's own facts tell it
            case _:
                assert_never(entry)

    def await_item(self, item: QueueItem, sent_ms: int | None) -> None:
        """Take in what is queued or under way now."""
        step = self.steps.steps.get(item.step)
        if item.kind is ItemKind.GATEWAY:
            if step is not None and step.result is None:
                # What the server asks somebody else for is under way from the start.
                step.open = _open_attempt(step, item, item.queued_ms, step.begun_group)
            return
        if not item.kind.is_call or not self.run.started_ms:
            return
        group = self.calls.await_item(item, sent_ms)
        if item.kind is not ItemKind.STEP:
            # The repetition of a call that is about one step, which its last attempt told.
            about = _repeated_step(group) if item.attempt and group is not None else item.step
            step = self.steps.steps.get(about)
            if step is not None and not (step.attempts or step.requested):
                return
        if step is not None and step.result is None and step.begun is None:
            step.open = _open_attempt(step, item, sent_ms, group)
            if group is not None and group.calls[-1].is_under_way:
                group.calls[-1].step = step.id

    def await_planned(self) -> None:
        """A planned step without an item of its own is run by the call that told of it."""
        for step in self.steps.steps.values():
            is_waiting = step.result is None and step.begun is None and not step.attempts
            if is_waiting and step.open is None and not step.requested:
                call, group = step.begun_by, step.begun_group
                is_running = call is not None and call.is_under_way
                started_ms = step.first_ms if is_running else None
                step.open = OpenAttempt(0, step.first_ms, step.first_ms, started_ms, group)

    def _resolve(self, seq: int, entry: StepResolved) -> None:
        facts = entry.call
        if facts is None:
            self.steps.resolve(seq, entry, None, None, None)
            return
        is_requested = self.steps.is_requested(entry.step)
        is_checkpoint = bool(facts.item) and not facts.status and not is_requested
        line = self._line(entry, facts)
        group, call = self.calls.cite(seq, entry, line, facts, is_checkpoint=is_checkpoint)
        self.steps.resolve(seq, entry, call, group, facts)

    def _begin(self, seq: int, entry: Begun) -> None:
        if entry.call is None and (facts := self.calls.repetition(_MAIN_LINE)) is not None:
            # An older version did not tell which call it was, but some call succeeded at last.
            facts = msgspec.structs.replace(facts, sent_ms=max(facts.sent_ms, entry.at_ms))
            group, call = self.calls.cite(seq, entry, _MAIN_LINE, facts)
            self.steps.begin(seq, entry, call, group)
            return
        self.steps.begin(seq, entry, *self._cited(seq, entry))

    def _end(self, seq: int, entry: RunEnded) -> None:
        self.end, self.end_seq = entry, seq
        if entry.step in self.steps.steps:
            self.steps.steps[entry.step].conflicted = True
        if entry.call is not None:
            self.calls.cite(seq, entry, self._line(entry, entry.call), entry.call)

    def _cited(
        self, seq: int, entry: StepPlanned | Begun | StepRequesting
    ) -> tuple[Call | None, JobGroup | None]:
        if entry.call is None:
            return None, None
        group, call = self.calls.cite(seq, entry, self._line(entry, entry.call), entry.call)
        return call, group

    def _line(self, entry: Cited, facts: CallFacts) -> str:
        if facts.item:
            return str(facts.item)
        step = NO_STEP if isinstance(entry, RunEnded) else entry.step
        return step if step in self._planned else _MAIN_LINE


def _repeated_step(group: JobGroup) -> StepId:
    """The step whose attempt the next call of the group repeats."""
    recorded = [call for call in group.calls if not call.is_under_way]
    return recorded[-1].step if recorded and recorded[-1].failed else NO_STEP


def _open_attempt(
    step: StepHistory, item: QueueItem, started_ms: int | None, group: JobGroup | None
) -> OpenAttempt:
    ended = step.attempts
    number = max(item.attempt, ended[-1].number + 1) if ended else item.attempt
    scheduled_ms = max(item.queued_ms, item.due_ms)
    return OpenAttempt(number, item.queued_ms, scheduled_ms, started_ms, group)
