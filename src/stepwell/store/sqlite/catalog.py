"""Apps, functions and synchronisations: few rows, read at start, written when an app registers."""

# ruff: noqa: S608 - what is put into the SQL are our own constants

import sqlite3
from collections.abc import Sequence
from typing import Final

import msgspec

from stepwell.core.app import App
from stepwell.core.app_sync import SyncMark, SyncStatus
from stepwell.core.function import Function
from stepwell.core.transition import Transition
from stepwell.store.sqlite import rows

__all__ = ["apps", "functions", "sync_marks", "write_catalog"]

_APPS: Final = f"SELECT {rows.APP_COLUMNS} FROM apps ORDER BY id"
_FUNCTIONS: Final = f"SELECT {rows.FUNCTION_COLUMNS} FROM functions ORDER BY id"
_PUT_APP: Final = f"INSERT OR REPLACE INTO apps ({rows.APP_COLUMNS}) VALUES ({','.join('?' * 18)})"
_PUT_FUNCTION: Final = (
    f"INSERT OR REPLACE INTO functions ({rows.FUNCTION_COLUMNS}) VALUES ({','.join('?' * 14)})"
)
_REMOVE_APP: Final = "DELETE FROM apps WHERE id = ?"
_SYNC_MARKS: Final = "SELECT app_id, id, status, error, message FROM syncs ORDER BY app_id, id"
_PUT_SYNC: Final = f"INSERT INTO syncs ({rows.SYNC_COLUMNS}) VALUES ({','.join('?' * 13)})"
_REMOVE_SYNC: Final = "DELETE FROM syncs WHERE app_id = ? AND id = ?"
_REMOVE_SYNCS: Final = "DELETE FROM syncs WHERE app_id = ?"


def apps(connection: sqlite3.Connection) -> list[App]:
    """All apps."""
    return [rows.app(row) for row in connection.execute(_APPS)]


def functions(connection: sqlite3.Connection) -> list[Function]:
    """All functions."""
    return [rows.function(row) for row in connection.execute(_FUNCTIONS)]


def sync_marks(connection: sqlite3.Connection) -> list[SyncMark]:
    """What is remembered of synchronisations, of each app the oldest first."""
    return [
        SyncMark(app_id, sync_id, SyncStatus(status), error, message)
        for app_id, sync_id, status, error, message in connection.execute(_SYNC_MARKS)
    ]


def write_catalog(connection: sqlite3.Connection, batch: Sequence[Transition]) -> None:
    """Write what a batch brings of apps, transition by transition: the last one counts."""
    for transition in batch:
        for app in transition.apps:
            connection.execute(_PUT_APP, msgspec.structs.astuple(app))
        for app_id in transition.apps_removed:
            connection.execute(_REMOVE_APP, (app_id,))
            connection.execute(_REMOVE_SYNCS, (app_id,))
        for function in transition.functions:
            connection.execute(_PUT_FUNCTION, _function_row(function))
        for mark in transition.syncs_removed:
            connection.execute(_REMOVE_SYNC, (mark.app_id, mark.id))
        for sync in transition.syncs:
            connection.execute(_PUT_SYNC, rows.sync_values(sync))


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
    )
