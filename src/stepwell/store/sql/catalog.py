"""Apps, functions and synchronisations: few rows, read at start, written when an app registers."""

# ruff: noqa: S608 - what is put into the SQL are our own constants

from collections.abc import Sequence
from typing import Final

import msgspec

from stepwell.core.app import App
from stepwell.core.app_sync import SyncMark, SyncStatus
from stepwell.core.function import Function
from stepwell.core.transition import Transition
from stepwell.engine.store import Overtaken
from stepwell.store.errors import StoreDefect
from stepwell.store.sql import rows
from stepwell.store.sql.statements import BulkStatement, Query, Question, Statement, Target
from stepwell.store.sql.wakes import wake_everybody
from stepwell.wire.errors import StepwellError

__all__ = ["apps", "functions", "missed", "sync_marks", "write_catalog"]


def _put(table: str, columns: str, *, replace: bool) -> Statement:
    key, *others = columns.split(", ")
    marks = ", ".join(f"?{number}" for number in range(1, len(others) + 2))
    sql = f"INSERT INTO {table} ({columns}) VALUES ({marks})"
    if replace:
        replaced = ", ".join(f"{name} = excluded.{name}" for name in others)
        sql += f" ON CONFLICT ({key}) DO UPDATE SET {replaced}"
    return Statement(sql)


_APPS: Final = Statement(f"SELECT {rows.APP_COLUMNS} FROM apps ORDER BY id")
_FUNCTIONS: Final = Statement(f"SELECT {rows.FUNCTION_COLUMNS} FROM functions ORDER BY id")
_PUT_APP: Final = _put("apps", rows.APP_COLUMNS, replace=True)
_PUT_FUNCTION: Final = _put("functions", rows.FUNCTION_COLUMNS, replace=True)
_REMOVE_APP: Final = Statement("DELETE FROM apps WHERE id = ?1")
_SYNC_MARKS: Final = Statement(
    "SELECT app_id, id, status, error, message FROM syncs ORDER BY app_id, id"
)
_PUT_SYNC: Final = _put("syncs", rows.SYNC_COLUMNS, replace=False)
_REMOVE_SYNC: Final = Statement("DELETE FROM syncs WHERE app_id = ?1 AND id = ?2")
_REMOVE_SYNCS: Final = Statement("DELETE FROM syncs WHERE app_id = ?1")
_COUNT_CHANGE: Final = Statement("UPDATE counters SET number = number + 1 WHERE name = 'catalogue'")

# What it means that the version is another one than a change was decided on.
_OVERTAKEN: Final = "apps or functions have changed"
# Of two nodes that do this at the same time, the later one waits for the other, and misses.
_COUNT_CHANGE_OF: Final = BulkStatement(
    "UPDATE counters SET number = number + 1"
    " FROM (VALUES {rows}) AS v WHERE name = 'catalogue' AND number = v.column1",
    columns="i",
    missing=_OVERTAKEN,
)


def apps() -> Question[list[App]]:
    """All apps."""
    (found,) = yield [Query(_APPS)]
    return [rows.app(row) for row in found.rows]


def functions() -> Question[list[Function]]:
    """All functions."""
    (found,) = yield [Query(_FUNCTIONS)]
    return [rows.function(row) for row in found.rows]


def sync_marks() -> Question[list[SyncMark]]:
    """What is remembered of synchronisations, of each app the oldest first."""
    (found,) = yield [Query(_SYNC_MARKS)]
    return [
        SyncMark(app_id, sync_id, SyncStatus(status), error, message)
        for app_id, sync_id, status, error, message in found.rows
    ]


def write_catalog(into: Target, batch: Sequence[Transition]) -> None:
    """Write what a batch brings of apps, transition by transition: the last one counts.

    Everybody is told that there is something new. Nothing is written if a transition was decided on
    another version; after one that was, no second one of the same batch can have been.
    """
    changing = [transition for transition in batch if _changes_catalogue(transition)]
    decided_on = [each.catalogue for each in changing if each.catalogue is not None]
    # Before all else, so that two nodes cannot wait for each other's rows.
    into.rows(_COUNT_CHANGE_OF, decided_on)
    for transition in changing:
        for app in transition.apps:
            into.run(_PUT_APP, msgspec.structs.astuple(app))
        for app_id in transition.apps_removed:
            into.run(_REMOVE_APP, (app_id,))
            into.run(_REMOVE_SYNCS, (app_id,))
        for function in transition.functions:
            into.run(_PUT_FUNCTION, _function_row(function))
        for mark in transition.syncs_removed:
            into.run(_REMOVE_SYNC, (mark.app_id, mark.id))
        for sync in transition.syncs:
            into.run(_PUT_SYNC, rows.sync_values(sync))
    if changing:
        if not decided_on:
            into.run(_COUNT_CHANGE, ())
        into.run(*wake_everybody())


def missed(operation: str, missing: str) -> StepwellError:
    """What is to be raised when a statement of a commit has missed a row."""
    return Overtaken() if missing == _OVERTAKEN else StoreDefect(operation, missing)


def _changes_catalogue(transition: Transition) -> bool:
    t = transition
    return bool(t.apps or t.apps_removed or t.functions or t.syncs or t.syncs_removed)


def _function_row(function: Function) -> tuple[object, ...]:
    return (
        function.id,
        function.app_id,
        function.app_name,
        function.environment_id,
        function.slug,
        function.name,
        function.version,
        rows.encode_config(function.config),
        function.updated_ms,
        int(function.archived),
        function.steps_max,
        function.state_bytes_max,
        rows.encode_pause(function.pause),
        function.endpoint_method,
        function.partition,
    )
