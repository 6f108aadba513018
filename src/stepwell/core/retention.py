"""How long what is kept, and what is to be forgotten.

Ages count from the end of a run, from the receipt of an event and from the minute of a rollup. Where
the store keeps events and runs by the week, they are kept until their week can go as a whole. What a
live run, an event that is held back, a queue item or a replay still needs is never forgotten,
however old it is: the store looks for that once more in the transaction that deletes.

Source: HTTP APIs, 15, which has no retention at all; times, names and rules are ours.
"""

import enum
from collections.abc import Sequence
from typing import Final

import msgspec

from stepwell.core.identity import EnvironmentId

__all__ = [
    "FOREVER",
    "INHERITED",
    "KEEP_EVERYTHING",
    "KEPT_MS_MAX",
    "KEPT_MS_MIN",
    "KEPT_NAMES",
    "Forgotten",
    "ForgottenKind",
    "Retention",
    "RetentionOverrides",
    "common_cutoff_ms",
    "cutoff_ms",
    "pause_ms",
    "row_cutoff_ms",
]

#: Kept for ever.
FOREVER: Final = -1
#: Of an environment: as the server says.
INHERITED: Final = 0

#: Less would delete what somebody is looking at.
KEPT_MS_MIN: Final = 60_000
#: A hundred years; whoever wants more wants for ever.
KEPT_MS_MAX: Final = 36_525 * 86_400_000

_DAY_MS: Final = 86_400_000
#: What is kept for fewer weeks than this is not kept until its week is over.
_WEEKS_MIN: Final = 4
#: So long rows of a week that is old enough are left alone, for its last runs to end and get as old.
_WEEK_GRACE_MS: Final = 2 * _DAY_MS
_PAUSE_MS_MIN: Final = 1_000
_PAUSE_MS_MAX: Final = 3_600_000
#: What is kept for a time is kept for up to a hundredth longer.
_PASSES_PER_TIME: Final = 100


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How long what is kept, in ms; `FOREVER` or from `KEPT_MS_MIN` to `KEPT_MS_MAX`.

    Attributes:
        events: Events, from their receipt, and why they started no run.
        runs: Runs, from their end, with all that belongs to them.
        journals: What happened in a run, from its end; afterwards only its outcome is left. No
            longer than the run itself.
        rollups: Counts by the hour; those by the minute go after a few days.
        operations: Bulk operations, from their end.
    """

    events: int = 30 * _DAY_MS
    runs: int = 30 * _DAY_MS
    journals: int = 30 * _DAY_MS
    rollups: int = 90 * _DAY_MS
    operations: int = 30 * _DAY_MS

    @property
    def trims_journals(self) -> bool:
        """Whether journals go before their runs do."""
        return self.journals != FOREVER and (self.runs == FOREVER or self.journals < self.runs)


KEEP_EVERYTHING: Final = Retention(
    events=FOREVER, runs=FOREVER, journals=FOREVER, rollups=FOREVER, operations=FOREVER
)


class RetentionOverrides(msgspec.Struct, frozen=True, kw_only=True):
    """What an environment has instead; the fields of `Retention`, or `INHERITED`."""

    events: int = INHERITED
    runs: int = INHERITED
    journals: int = INHERITED
    rollups: int = INHERITED
    operations: int = INHERITED

    def over(self, server: Retention) -> Retention:
        """What holds for the environment.

        Where the server keeps journals as long as runs, so does an environment that says nothing
        else about journals.
        """
        own = {name: ms for name in KEPT_NAMES if (ms := getattr(self, name)) != INHERITED}
        if "runs" in own and server.journals == server.runs:
            own.setdefault("journals", own["runs"])
        return msgspec.structs.replace(server, **own)


#: What has a time of its own.
KEPT_NAMES: Final = Retention.__struct_fields__
assert RetentionOverrides.__struct_fields__ == KEPT_NAMES


class ForgottenKind(enum.Enum):
    """What a bite deletes."""

    #: Events by id, and what was noted about them.
    EVENTS = enum.auto()
    #: Runs by id, with their journals and everything else that is theirs.
    RUNS = enum.auto()
    #: The entries of one run's journal below a number, but for the outcome.
    JOURNAL = enum.auto()
    #: The counts of one function by the minute, and by the hour.
    MINUTES = enum.auto()
    HOURS = enum.auto()
    #: Bulk operations by id.
    OPERATIONS = enum.auto()


class Forgotten(msgspec.Struct, frozen=True, gc=False):
    """A bite of what is deleted. What is younger by now, or needed, stays, which is no error.

    Attributes:
        pass_ms: When the pass began that it is part of: what a pass deletes is added up.
        before_ms: Only what is older than this: received, ended or counted before it.
        ids: Which; of MINUTES and HOURS the function's.
        below: JOURNAL: only entries with smaller numbers.
    """

    kind: ForgottenKind
    environment_id: EnvironmentId
    pass_ms: int
    before_ms: int
    ids: tuple[str, ...] = ()
    below: int = 0


def cutoff_ms(kept_ms: int, *, now_ms: int) -> int | None:
    """What is from before this time is to be forgotten; None if nothing ever is."""
    return None if kept_ms == FOREVER else max(0, now_ms - kept_ms)


def common_cutoff_ms(kept_ms: Sequence[int], *, now_ms: int) -> int:
    """What is from before this time nobody keeps; 0 if somebody keeps everything.

    >>> common_cutoff_ms([4_000, 1_000], now_ms=10_000), common_cutoff_ms([1_000, FOREVER], now_ms=9)
    (6000, 0)
    """
    cutoffs = [cutoff_ms(each, now_ms=now_ms) or 0 for each in kept_ms]
    return min(cutoffs, default=0)


def row_cutoff_ms(kept_ms: int, *, now_ms: int, week_ms: int) -> int | None:
    """What is from before this time is to be forgotten row by row; None if nothing ever is.

    Where history is dropped by the week, rows wait until their week is old enough, and two days
    more, so that nearly all go with their week. What is kept for less than four weeks does not wait:
    it would be kept for far too long.

    Args:
        kept_ms: How long it is kept.
        now_ms: The clock.
        week_ms: How long a week of history is, which begins at a multiple of it; 0 if there are none.

    >>> row_cutoff_ms(30 * 86_400_000, now_ms=64 * 86_400_000, week_ms=7 * 86_400_000) // 86_400_000
    28
    """
    before_ms = cutoff_ms(kept_ms, now_ms=now_ms)
    if before_ms is None or not week_ms or kept_ms < _WEEKS_MIN * week_ms:
        return before_ms
    left_ms = max(0, before_ms - _WEEK_GRACE_MS)
    return left_ms - left_ms % week_ms


def pause_ms(retention: Retention) -> int | None:
    """How long after a pass there can be enough for another one; None if never.

    A hundredth of the shortest time, and at most an hour: so what a pass finds stays little
    compared with what is kept, and an idle server has nothing to do.
    """
    times: list[int] = [getattr(retention, name) for name in KEPT_NAMES]
    limited = [ms for ms in times if ms != FOREVER]
    if not limited:
        return None
    return min(max(min(limited) // _PASSES_PER_TIME, _PAUSE_MS_MIN), _PAUSE_MS_MAX)
