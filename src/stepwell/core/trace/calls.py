"""The calls of a run, and which of them are attempts at one job.

The journal has no entry of its own for a call: every fact names the call that brought it. Calls of
one queue item belong together, but its row is used again for the next job of the run, which begins
with attempt 0. A call that brought nothing, for instance because the server was killed, is not
known; the one that made up for it is.

Entries of older versions do not name the item. Then the calls of a planned step count as one line
of jobs, and all others as another.
"""

from hashlib import blake2b
from typing import Final

import msgspec

from stepwell.core.identity import ItemId, RunId, StepId
from stepwell.core.journal import (
    CallFacts,
    CallFailed,
    RunEnded,
    StepAttemptFailed,
    StepInvoking,
    StepPlanned,
    StepRequesting,
    StepResolved,
    StepSignalling,
    StepSleeping,
    StepWaiting,
)
from stepwell.core.queue import NO_STEP, QueueItem
from stepwell.core.status import RunStatus
from stepwell.wire.response import FailureCode

__all__ = ["NO_SEQ", "Call", "CallBook", "Cited", "JobGroup", "group_id"]

#: Stands for an entry that is not there.
NO_SEQ: Final = -1

#: Entries that tell what a call brought.
Cited = (
    StepPlanned
    | StepSleeping
    | StepWaiting
    | StepInvoking
    | StepSignalling
    | StepRequesting
    | StepAttemptFailed
    | StepResolved
    | CallFailed
    | RunEnded
)


class Call(msgspec.Struct, gc=False):
    """One call to the app, or one request that the server made for a step.

    Attributes:
        scheduled_ms: When it could be sent: queued, and not before its time.
        began_ms: Since when it has been at what it came to. Later than `sent_ms` if it has
            checkpointed steps before.
        answered_ms: When its answer was recorded; 0 before.
        status: HTTP status of the answer; 0 if there was none.
        headers: The answer's headers; JSON.
        step: The step that the answer was about, if about one and nothing else; of a call under
            way, the step whose attempt it is.
        failed: The step failed and is to be repeated, or the call did.
        outcome: How the function itself ended in it; None if it did not.
        outcome_seq: Where that entry stands.
        is_plural: The answer was about several steps.
        has_requested: All it brought is that the server is to make a request for `step`.
    """

    item: ItemId
    attempt: int
    queued_ms: int
    scheduled_ms: int
    sent_ms: int
    began_ms: int
    answered_ms: int = 0
    status: int = 0
    headers: bytes = b""
    step: StepId = NO_STEP
    failed: bool = False
    retry_at_ms: int = 0
    outcome: CallFailed | RunEnded | None = None
    outcome_seq: int = NO_SEQ
    is_plural: bool = False
    is_under_way: bool = False
    has_requested: bool = False

    @property
    def has_checkpointed(self) -> bool:
        """Whether it reported steps before it was answered."""
        return self.began_ms > self.sent_ms

    @property
    def has_succeeded(self) -> bool:
        """Whether the function returned."""
        outcome = self.outcome
        return isinstance(outcome, RunEnded) and outcome.status is RunStatus.COMPLETED


class JobGroup(msgspec.Struct, gc=False):
    """The attempts at one job.

    Attributes:
        id: As `group_id` gives it.
        calls: Never empty; the last may be under way.
        pending: The item that will repeat the last call, while it waits.
    """

    id: str
    calls: list[Call]
    pending: QueueItem | None = None


class CallBook:
    """Finds out, entry by entry, which call each belongs to.

    Attributes:
        groups: In the order in which something was heard of them.
    """

    def __init__(self, run_id: RunId, *, scheduled_ms: int) -> None:
        self.groups: list[JobGroup] = []
        self._run_id = run_id
        # When the first call of the run could be made.
        self._scheduled_ms = scheduled_ms
        self._latest: dict[str, JobGroup] = {}
        self._jobs: dict[str, int] = {}
        self._plural: tuple[int, int] = (NO_SEQ, 0)

    def announce_group(self, seq: int, at_ms: int) -> None:
        """The answer that the following entry belongs to was about several steps."""
        self._plural = (seq, at_ms)

    def cite(
        self, seq: int, entry: Cited, line: str, facts: CallFacts, *, is_checkpoint: bool = False
    ) -> tuple[JobGroup, Call]:
        """The call that brought the entry, and its group.

        Args:
            seq: Where the entry stands in the journal.
            entry: What it brought.
            line: Tells lines of jobs apart.
            facts: What the entry says of the call.
            is_checkpoint: The call may have gone on after it.
        """
        group = self._latest.get(line)
        if group is None or not _continues(group.calls[-1], entry, facts):
            group = self._open(line, entry, facts)
        call = group.calls[-1]
        if facts.status:
            call.status, call.headers = facts.status, bytes(facts.headers)
        if self._plural == (seq - 1, entry.at_ms):
            call.is_plural = True
        if is_checkpoint and not call.answered_ms:
            call.began_ms = max(call.began_ms, entry.at_ms)
        else:
            _take(call, seq, entry, is_answered=bool(facts.status))
        return group, call

    def is_failing(self, line: str) -> bool:
        """Whether the last call of the line is to be repeated."""
        group = self._latest.get(line)
        return group is not None and group.calls[-1].failed

    def repetition(self, line: str) -> CallFacts | None:
        """What there is to say of the call that repeats the last one of the line."""
        if not self.is_failing(line):
            return None
        call = self._latest[line].calls[-1]
        return CallFacts(call.retry_at_ms, call.retry_at_ms, attempt=call.attempt + 1)

    def await_item(self, item: QueueItem, sent_ms: int | None) -> JobGroup | None:
        """Take note of an item that is to be answered by a call, which may be under way.

        Returns:
            The group whose next call it is; None for the first call of a job that is not sent.
        """
        line = str(item.id)
        group = self._latest.get(line)
        if sent_ms is None:
            if item.attempt and group is not None:
                group.pending = item
                return group
            return None
        last = group.calls[-1] if group is not None else None
        if last is not None and not last.answered_ms and last.sent_ms == sent_ms:
            last.is_under_way = True
            return group
        facts = CallFacts(item.queued_ms, sent_ms, item=item.id, attempt=item.attempt)
        group = self._open(line, None, facts, due_ms=item.due_ms)
        group.calls[-1].is_under_way = True
        return group

    def _open(
        self, line: str, entry: Cited | None, facts: CallFacts, *, due_ms: int = 0
    ) -> JobGroup:
        attempt = facts.attempt or (_recorded_attempt(entry) if not facts.item else 0)
        group = self._latest.get(line)
        repeats = group is not None and attempt > 0
        due_ms = max(due_ms, group.calls[-1].retry_at_ms if repeats and group is not None else 0)
        if not self.groups:
            due_ms = max(due_ms, self._scheduled_ms)
        scheduled_ms = min(max(facts.queued_ms, due_ms), max(facts.queued_ms, facts.sent_ms))
        call = Call(
            facts.item, attempt, facts.queued_ms, scheduled_ms, facts.sent_ms, facts.sent_ms
        )
        if group is not None and repeats:
            group.calls.append(call)
            return group
        number = self._jobs.get(line, 0)
        self._jobs[line] = number + 1
        group = JobGroup(group_id(self._run_id, line, number), [call])
        self._latest[line] = group
        self.groups.append(group)
        return group


def group_id(run_id: RunId, line: str, number: int) -> str:
    """The UUID of the attempts at a job: of a run, a queue item, and how many jobs it had before.

    Version 8 of UUIDs is for those that are made up like this. `uuid5` would take ten times as long.
    """
    text = blake2b(f"{run_id}:{line}:{number}".encode(), digest_size=16).hexdigest()
    return f"{text[:8]}-{text[8:12]}-8{text[13:16]}-a{text[17:20]}-{text[20:]}"


def _continues(call: Call, entry: Cited, facts: CallFacts) -> bool:
    """Whether the entry is about this call: it was not answered yet, or this is its answer."""
    if not facts.item and not facts.status:
        return _continues_unnamed(call, facts)
    if (call.attempt, call.queued_ms, call.sent_ms) != (
        facts.attempt,
        facts.queued_ms,
        facts.sent_ms,
    ):
        return False
    if not call.answered_ms:
        return True
    if facts.status or entry.at_ms != call.answered_ms:
        return False
    return not isinstance(entry, CallFailed) or entry.code == FailureCode.NOTHING_REPORTED


def _continues_unnamed(call: Call, facts: CallFacts) -> bool:
    """As `_continues`, for an entry of an older version: it tells of times alone."""
    same_times = (call.queued_ms, call.sent_ms) == (facts.queued_ms, facts.sent_ms)
    return same_times and not call.failed and call.outcome is None and call.is_plural


def _recorded_attempt(entry: Cited | None) -> int:
    match entry:
        case StepAttemptFailed() | StepResolved() | CallFailed() | RunEnded():
            return entry.attempt
        case _:
            return 0


def _take(call: Call, seq: int, entry: Cited, *, is_answered: bool) -> None:
    """Note in the call what the entry says about it."""
    match entry:
        case StepPlanned():
            # It says that there will be another call; this one goes on unless it says so itself.
            if not is_answered:
                return
        case CallFailed():
            call.outcome, call.outcome_seq = entry, seq
            call.failed, call.retry_at_ms = True, entry.retry_at_ms
        case RunEnded():
            call.outcome, call.outcome_seq = entry, seq
            call.failed = False  # whatever was to be repeated, it will not
        case _:
            call.step = NO_STEP if call.is_plural else entry.step
            call.has_requested = isinstance(entry, StepRequesting)
            if isinstance(entry, StepAttemptFailed):
                call.failed, call.retry_at_ms = True, entry.retry_at_ms
            elif call.is_plural and isinstance(entry, StepResolved):
                call.began_ms = max(call.began_ms, entry.at_ms)
    call.answered_ms = max(entry.at_ms, call.sent_ms)
