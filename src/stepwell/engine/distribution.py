"""How often something took how long, or was how large."""

import math
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Sequence
from typing import Final

from stepwell.engine.slow_work import SlowestWork

__all__ = ["LATEST_COMMITS_MAX", "CommitCounts", "Distribution"]

#: Commits whose times are kept one by one, for quantiles.
LATEST_COMMITS_MAX: Final = 1_000

#: Up to the largest batch.
_BATCH_BOUNDS: Final = (1, 2, 5, 10, 25, 50, 100, 250, 500)
_COMMIT_BOUNDS_S: Final = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)


class Distribution:
    """Counts values by their size.

    Attributes:
        bounds: Upper bounds of the buckets, inclusive.
        buckets: How many values are in each; the last one has those above all bounds.
        total: The sum of the values.
    """

    __slots__ = ("bounds", "buckets", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.buckets = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count a value; what is negative, because a clock was set back, counts as 0."""
        counted = value if value > 0 else 0.0
        self.buckets[bisect_left(self.bounds, counted)] += 1
        self.total += counted


class CommitCounts:
    """What a committer did.

    Args:
        slow: Where commits that took long are noted, if anybody wants to know.

    Attributes:
        transitions: How many transitions were in a batch that was committed.
        took_s: How long a commit took, in seconds.
        latest_s: How long each of the latest commits took, the oldest first.
        failed: Commits that failed, by the code of the error.
        stalled: How many of those under way take longer than clients are made to wait for.
    """

    def __init__(self, slow: SlowestWork | None = None) -> None:
        self._slow = slow
        self.transitions = Distribution(_BATCH_BOUNDS)
        self.took_s = Distribution(_COMMIT_BOUNDS_S)
        self.latest_s: deque[float] = deque(maxlen=LATEST_COMMITS_MAX)
        self.failed: Counter[str] = Counter()
        self.stalled = 0

    @property
    def count(self) -> int:
        """How many commits there were."""
        return sum(self.took_s.buckets)

    def quantile_s(self, part: float) -> float | None:
        """What that part of the latest commits took no longer than; None if there were none.

        >>> counts = CommitCounts()
        >>> for took_s in (0.004, 0.001, 0.003, 0.002):
        ...     counts.add(1, took_s)
        >>> counts.quantile_s(0.5), counts.quantile_s(0.99)
        (0.002, 0.004)
        """
        if not self.latest_s:
            return None
        ordered = sorted(self.latest_s)
        return ordered[max(0, math.ceil(part * len(ordered)) - 1)]

    def add(self, transitions: int, took_s: float) -> None:
        """Count a commit of that many transitions."""
        self.transitions.add(transitions)
        self.took_s.add(took_s)
        self.latest_s.append(took_s)

    def note_slow(self, transitions: int, took_s: float, *, deletes_old: bool) -> None:
        """Note a commit that took long; `deletes_old` is true of one that retention asked for."""
        if self._slow is not None:
            kind = "retention" if deletes_old else "commit"
            noun = "transition" if transitions == 1 else "transitions"
            self._slow.add(kind, f"{transitions} {noun}", took_s)
