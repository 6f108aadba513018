"""What stands in a database from moment to moment, while servers use it and die.

Some promises cannot be seen in what is there at the end, because it is forgotten: how far a
throttle was used up, and which runs were live together.
"""

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import msgspec

from stepwell.core.transition import LimitKind

_PAUSE_S = 0.05

_THROTTLES = "SELECT key, tat_ns FROM limits WHERE kind = ?"
# A run has been let in once its first call does not stand among those that wait for that.
_LET_IN = """
SELECT json_extract(CAST(e.payload AS TEXT), '$.data.customer'), count(DISTINCT r.id)
  FROM runs r JOIN events e ON e.id = r.event_id JOIN functions f ON f.id = r.function_id
 WHERE f.slug = ? AND NOT EXISTS (
       SELECT 1 FROM queue q WHERE q.run_id = r.id AND q.kind = 0 AND q.lane LIKE 's%')
 GROUP BY 1
"""
_RIVALS = """
SELECT function_id, singleton, group_concat(id) FROM runs
 WHERE singleton <> '' AND status IN (0, 5) GROUP BY 1, 2 HAVING count(*) > 1
"""


class Sample(msgspec.Struct, frozen=True):
    """One moment, as it is committed.

    Attributes:
        until_ns: The moment is not later.
        tats_ns: Of each value of the throttle's key how far the throttle has been used up.
        let_in: How many runs it has let in.
        rivals: Runs that are live together and must not be.
    """

    until_ns: int
    tats_ns: dict[str, int]
    let_in: dict[str, int]
    rivals: list[tuple[str, str, str]]


class Samples:
    """Looks at a database again and again until it is closed.

    Args:
        database: Its file.
        throttled: Slug of the only function with a throttle.
    """

    def __init__(self, database: Path, *, throttled: str) -> None:
        self._taken: list[Sample] = []
        self._uri = f"file:{database}?mode=ro"
        self._throttled = throttled
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._take_all)
        self._thread.start()

    def finish(self) -> list[Sample]:
        """Take one more, and no others; what was seen, in order."""
        self.close()
        return [*self._taken, self._take()]

    def close(self) -> None:
        """Take no more."""
        self._closed.set()
        self._thread.join()

    def _take_all(self) -> None:
        while not self._closed.wait(_PAUSE_S):
            try:
                self._taken.append(self._take())
            except sqlite3.OperationalError:
                # A server that was killed leaves work that only the next one may do.
                continue

    def _take(self) -> Sample:
        with closing(sqlite3.connect(self._uri, uri=True, isolation_level=None)) as connection:
            connection.execute("BEGIN")
            tats = connection.execute(_THROTTLES, (int(LimitKind.THROTTLE),)).fetchall()
            until_ns = time.time_ns()
            let_in = connection.execute(_LET_IN, (self._throttled,)).fetchall()
            rivals = connection.execute(_RIVALS).fetchall()
        tats_ns = {key.rpartition(":")[2]: tat_ns for key, tat_ns in tats}
        return Sample(until_ns, tats_ns, dict(let_in), rivals)
