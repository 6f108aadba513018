"""How often something took how long, or was how large."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import Final

__all__ = ["CommitCounts", "Distribution"]

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
        value = max(0.0, value)
        self.buckets[bisect_left(self.bounds, value)] += 1
        self.total += value


class CommitCounts:
    """What a committer did.

    Attributes:
        transitions: How many transitions were in a batch that was committed.
        took_s: How long a commit took, in seconds.
        failed: Commits that failed, by the code of the error.
    """

    def __init__(self) -> None:
        self.transitions = Distribution(_BATCH_BOUNDS)
        self.took_s = Distribution(_COMMIT_BOUNDS_S)
        self.failed: Counter[str] = Counter()
