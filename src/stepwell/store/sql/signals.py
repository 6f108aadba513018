"""Waits for signals: one per environment and name."""

# ruff: noqa: S608 - what is put into the SQL are our own constants

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final

from stepwell.core.identity import EnvironmentId
from stepwell.core.transition import SignalRef, SignalWait, Transition
from stepwell.store.sql.statements import BulkStatement, Query, Question, Statement, Target

__all__ = ["signal", "write_signals"]

_COLUMNS: Final = "environment_id, name, run_id, function_id, step, expires_ms"

_SIGNAL: Final = Statement(
    f"SELECT {_COLUMNS} FROM signals WHERE environment_id = ?1 AND name = ?2"
)
_PUT: Final = BulkStatement(
    f"INSERT INTO signals ({_COLUMNS}) VALUES {{rows}}"
    " ON CONFLICT (environment_id, name) DO UPDATE SET run_id = excluded.run_id,"
    " function_id = excluded.function_id, step = excluded.step, expires_ms = excluded.expires_ms",
    columns="ttttti",
)
# Row by row: as a list of rows, SQLite would read the whole table for it.
_REMOVE: Final = Statement("DELETE FROM signals WHERE environment_id = ?1 AND name = ?2")
_REMOVE_OF: Final = Statement(
    "DELETE FROM signals WHERE environment_id = ?1 AND name = ?2 AND run_id = ?3 AND step = ?4"
)

_Key = tuple[EnvironmentId, str]


class _Changes:
    """What a batch does to waits in the end; what it removes is removed before it writes.

    Attributes:
        done: Waits to remove if they are what stands there.
        gone: Where a wait that this batch wrote ended again. What stood there before gave way to
            it, so that nothing is left.
    """

    def __init__(self, batch: Sequence[Transition]) -> None:
        self.put: dict[_Key, SignalWait] = {}
        self.done: list[SignalRef] = []
        self.gone: list[_Key] = []
        for transition in batch:
            for wait in transition.signals:
                self.put[wait.environment_id, wait.name] = wait
            for ref in transition.signals_done:
                self._remove(ref)

    def _remove(self, ref: SignalRef) -> None:
        key = (ref.environment_id, ref.name)
        wait = self.put.get(key)
        if wait is None:
            self.done.append(ref)
        elif wait.ref == ref:
            del self.put[key]
            self.gone.append(key)


def write_signals(into: Target, batch: Sequence[Transition]) -> None:
    """Write what the transitions, one after the other, do to waits for signals."""
    changes = _Changes(batch)
    put: list[Any] = []
    # In order, so that two owners who put the same names do not wait for each other in a circle.
    for _, wait in sorted(changes.put.items(), key=itemgetter(0)):
        put += (wait.environment_id, wait.name, wait.run_id, wait.function_id, wait.step)
        put.append(wait.expires_ms)
    for ref in changes.done:
        into.run(_REMOVE_OF, (ref.environment_id, ref.name, ref.run_id, ref.step))
    for key in changes.gone:
        into.run(_REMOVE, key)
    into.rows(_PUT, put)


def signal(environment_id: EnvironmentId, name: str) -> Question[SignalWait | None]:
    """What waits for the signal."""
    (found,) = yield [Query(_SIGNAL, (environment_id, name))]
    return SignalWait(*found.rows[0]) if found.rows else None
