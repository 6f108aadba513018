"""A record of what was decided about events and starts, in the order of the commits.

It is made from the rows that were written, as anybody could who reads the database after each
commit; models replay it to find out whether they would have decided the same.
"""

import enum
from collections.abc import Sequence

import msgspec

from stepwell.core.item_bodies import AdmitBody, CancelBody
from stepwell.core.journal import RunEnded
from stepwell.core.lanes import is_start_lane
from stepwell.core.queue import ItemKind
from stepwell.core.status import RunStatus
from stepwell.core.transition import BufferKind, Transition

__all__ = ["Decision", "Ending", "Record", "Verdict"]


class Verdict(enum.Enum):
    """What became of an event at first."""

    RUN = enum.auto()
    SKIPPED_RUN = enum.auto()
    HELD = enum.auto()
    BATCHED = enum.auto()
    SKIPPED = enum.auto()


class Decision(msgspec.Struct, frozen=True):
    """An event was decided about for a function.

    Attributes:
        reason: Why it was skipped, or why its run was.
        at_ms: When; 0 where it cannot be seen.
        buffer_id: The batch or the debounce that it joined, or that was ended by it.
    """

    function_id: str
    event_id: str
    verdict: Verdict
    reason: str = ""
    at_ms: int = 0
    buffer_id: str = ""


class Ending(msgspec.Struct, frozen=True):
    """A batch or a debounce ended, with that run if there is one."""

    function_id: str
    buffer_id: str
    kind: BufferKind
    run_id: str
    event_ids: tuple[str, ...]


class Record:
    """What was decided, in order.

    Attributes:
        decisions: About events.
        let_in_ms: When those runs were let in whose start had to be paid for, in that order.
        let_in_twice: Those to which that happened more than once.
        lives: For each commit, the runs that it began and those that it ended.
        cancels_queued: How many runs were told to end, by cause.
    """

    def __init__(self) -> None:
        self.decisions: list[Decision | Ending] = []
        self.let_in_ms: dict[str, int] = {}
        self.let_in_twice: list[str] = []
        self.lives: list[tuple[list[str], list[str]]] = []
        self.cancels_queued: dict[str, int] = {}
        self._admissions: dict[int, tuple[str, str]] = {}
        self._buffers: dict[str, tuple[str, BufferKind]] = {}

    def note(self, batch: Sequence[Transition], now_ms: int) -> None:
        """A batch was written."""
        begun: list[str] = [run.id for transition in batch for run in transition.runs]
        ended: list[str] = [end.run_id for transition in batch for end in transition.ended]
        if begun or ended:
            self.lives.append((begun, ended))
        for transition in batch:
            self._note(transition, now_ms)

    def _note(self, transition: Transition, now_ms: int) -> None:
        for item in transition.put:
            if item.kind is ItemKind.ADMIT:
                event_id = AdmitBody.decode(item.body).event_id
                self._admissions[item.id] = (item.function_id, event_id)
            elif item.kind is ItemKind.CANCEL:
                cause = CancelBody.decode(item.body).cause
                self.cancels_queued[cause] = self.cancels_queued.get(cause, 0) + 1
        for item in transition.renew_due:
            is_moved = item.kind is ItemKind.START and not is_start_lane(item.lane)
            if is_moved and not item.attempt:
                if item.run_id in self.let_in_ms:
                    self.let_in_twice.append(item.run_id)
                self.let_in_ms[item.run_id] = now_ms
        for buffer in transition.buffers:
            self._buffers[buffer.id] = (buffer.ref.function_id, buffer.ref.kind)
        for item_id in transition.done:
            admission = self._admissions.pop(item_id, None)
            if admission is not None:
                self.decisions.append(self._decision(*admission, transition))
        for buffer_id in transition.buffers_done:
            # A batch of one event that is full at once was never stored.
            if buffer_id in self._buffers:
                self.decisions.append(self._ending(buffer_id, transition))

    def _decision(self, function_id: str, event_id: str, transition: Transition) -> Decision:
        for held in transition.buffered:
            if held.event_id == event_id:
                (buffer,) = transition.buffers
                is_batch = buffer.ref.kind is BufferKind.BATCH
                times = [skip.at_ms for skip in transition.skips]
                return Decision(
                    function_id,
                    event_id,
                    Verdict.BATCHED if is_batch else Verdict.HELD,
                    at_ms=max([buffer.opened_ms, *times]),
                    buffer_id=buffer.id,
                )
        for run in transition.runs:
            if event_id not in (run.event_id, *run.event_ids):
                continue
            if run.batch_id:
                return Decision(
                    function_id, event_id, Verdict.BATCHED, "", run.queued_ms, run.batch_id
                )
            ends = [row.entry for row in transition.journal if isinstance(row.entry, RunEnded)]
            # A run that gives way in the moment it comes into being is no skipped one.
            if ends and ends[0].status is RunStatus.SKIPPED:
                return Decision(
                    function_id, event_id, Verdict.SKIPPED_RUN, ends[0].cause, run.queued_ms
                )
            return Decision(function_id, event_id, Verdict.RUN, "", run.queued_ms)
        for skip in transition.skips:
            if skip.event_id == event_id:
                return Decision(
                    function_id, event_id, Verdict.SKIPPED, skip.reason.value, skip.at_ms
                )
        raise AssertionError(f"event {event_id} was decided about without an outcome")

    def _ending(self, buffer_id: str, transition: Transition) -> Ending:
        function_id, kind = self._buffers[buffer_id]
        for run in transition.runs:
            if run.batch_id == buffer_id or kind is BufferKind.DEBOUNCE:
                event_ids = run.event_ids or (run.event_id,)
                return Ending(function_id, buffer_id, kind, run.id, event_ids)
        return Ending(function_id, buffer_id, kind, "", ())
