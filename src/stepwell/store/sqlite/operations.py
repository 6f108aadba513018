"""Bulk operations: few rows, each written again with every bite."""

# ruff: noqa: S608 - what is put into the SQL are our own constants

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from stepwell.core.identity import OperationId
from stepwell.core.operation import Operation
from stepwell.core.transition import Transition
from stepwell.store.sqlite import rows
from stepwell.store.sqlite.bulk import BulkStatement

__all__ = ["operations", "write_operations"]

_ALL: Final = f"SELECT {rows.OPERATION_COLUMNS} FROM operations ORDER BY id DESC"
_PUT: Final = BulkStatement(
    f"INSERT OR REPLACE INTO operations ({rows.OPERATION_COLUMNS}) VALUES {{rows}}", columns=18
)
_REMOVE: Final = BulkStatement("DELETE FROM operations WHERE id IN (VALUES {rows})", columns=1)


def write_operations(connection: sqlite3.Connection, batch: Sequence[Transition]) -> None:
    """Write what the transitions, one after the other, do to operations."""
    put: dict[OperationId, Operation] = {}
    done: list[OperationId] = []
    for transition in batch:
        for operation in transition.operations:
            put[operation.id] = operation
        for operation_id in transition.operations_done:
            put.pop(operation_id, None)
            done.append(operation_id)
    values: list[Any] = []
    for operation in put.values():
        values += rows.operation_values(operation)
    _REMOVE.run(connection, done)
    _PUT.run(connection, values)


def operations(connection: sqlite3.Connection) -> list[Operation]:
    """All operations, the newest first."""
    return [rows.operation(row) for row in connection.execute(_ALL)]
