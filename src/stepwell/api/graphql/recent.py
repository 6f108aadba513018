"""What happened in the last 24 hours of the clock, the present one included."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from stepwell.core.charts import VOLUME_PLACES, volume
from stepwell.core.counted import HOUR_MS
from stepwell.core.identity import FunctionId
from stepwell.store.reading import ReadModels

__all__ = ["RecentRuns", "recent_hours", "recent_runs"]

HOURS: Final = 24
_NOTHING: Final = dict.fromkeys(VOLUME_PLACES, 0)


class RecentRuns(msgspec.Struct, frozen=True):
    """How many runs of a function ended and failed, by hour, the oldest first."""

    ended: list[int]
    failed: list[int]

    @property
    def ended_total(self) -> int:
        """In all hours."""
        return sum(self.ended)

    @property
    def failed_total(self) -> int:
        """In all hours."""
        return sum(self.failed)


def recent_hours(now_ms: int) -> range:
    """When the hours begin, and when the last one ends.

    >>> hours = recent_hours(1_795_283_493_143)
    >>> len(hours), hours[-1] > 1_795_283_493_143 >= hours[-2]
    (25, True)
    """
    end_ms = now_ms - now_ms % HOUR_MS + HOUR_MS
    return range(end_ms - HOURS * HOUR_MS, end_ms + HOUR_MS, HOUR_MS)


async def recent_runs(
    readers: ReadModels, function_ids: Sequence[FunctionId], *, now_ms: int
) -> Mapping[FunctionId, RecentRuns]:
    """Of each function; one question for all of them."""
    *starts_ms, end_ms = recent_hours(now_ms)
    counts = await readers.hourly_counts(
        function_ids, VOLUME_PLACES, from_ms=starts_ms[0], until_ms=end_ms
    )
    found = {}
    for function_id in function_ids:
        done = [volume(counts.get((function_id, ms), _NOTHING)) for ms in starts_ms]
        found[function_id] = RecentRuns(
            [each.ended for each in done], [each.failed for each in done]
        )
    return found
