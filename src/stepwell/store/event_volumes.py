"""How many events of a name came when, counted in the index of names alone.

Nothing is counted by name when an event is accepted, which would cost every event a row. Counting
takes about 25 ms per 100,000 events, so what may be counted is bounded.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, func, select

from stepwell.store.schema import events
from stepwell.wire.ulid import ulid_from

__all__ = ["EVENTS_OF_NAME_MAX", "EVENTS_TOGETHER_MAX", "EventVolumes"]

#: Events of one name that are counted, and of all names of one question.
EVENTS_OF_NAME_MAX: Final = 100_000
EVENTS_TOGETHER_MAX: Final = 500_000
_LEAST: Final = bytes(10)


class EventVolumes:
    """The question, asked on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of_names(self, names: Sequence[str], borders_ms: Sequence[int]) -> dict[str, list[int]]:
        """How many events of each name there are from each border to the next one.

        Names of which there are more than may be counted are left out, and so are all that follow
        when there are too many altogether.
        """
        ids = {f"id_{index}": ulid_from(ms, _LEAST) for index, ms in enumerate(borders_ms)}
        first, last = "id_0", f"id_{len(borders_ms) - 1}"
        bounded = _of_range(first, last).limit(EVENTS_OF_NAME_MAX + 1).subquery()
        total = select(func.count()).select_from(bounded)
        ranges = [
            select(func.count()).select_from(_of_range(*borders).subquery()).scalar_subquery()
            for borders in pairwise(ids)
        ]
        by_range = select(*ranges)
        found: dict[str, list[int]] = {}
        left = EVENTS_TOGETHER_MAX
        for name in names:
            if left <= 0:
                break
            asked = {"name": name, **ids}
            ends = {first: ids[first], last: ids[last]}
            count = self._connection.execute(total, {"name": name, **ends}).scalar_one()
            left -= count
            if not count:
                found[name] = [0] * len(ranges)
            elif count <= EVENTS_OF_NAME_MAX:
                found[name] = list(self._connection.execute(by_range, asked).one())
        return found


def _of_range(from_id: str, until_id: str) -> Select[Any]:
    return select(events.c.id).where(
        events.c.name == bindparam("name"),
        events.c.id >= bindparam(from_id),
        events.c.id < bindparam(until_id),
    )
