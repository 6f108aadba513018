"""Bulk operations: few rows, each written again with every bite."""

# ruff: noqa: S608 - what is put into the SQL are our own constants

from collections.abc import Sequence
from typing import Any, Final

from stepwell.core.identity import OperationId
from stepwell.core.operation import Operation
from stepwell.core.transition import Transition
from stepwell.store.sql import rows
from stepwell.store.sql.statements import BulkStatement, Query, Question, Statement, Target

__all__ = ["operations", "write_operations"]

_ALL: Final = Statement(f"SELECT {rows.OPERATION_COLUMNS} FROM operations ORDER BY id DESC")
_REPLACED: Final = ", ".join(
    f"{name} = excluded.{name}" for name in rows.OPERATION_COLUMNS.split(", ")[1:]
)
_PUT: Final = BulkStatement(
    f"INSERT INTO operations ({rows.OPERATION_COLUMNS}) VALUES {{rows}}"
    f" ON CONFLICT (id) DO UPDATE SET {_REPLACED}",
    columns="titttiiittttitiiii",
)
_REMOVE: Final = BulkStatement("DELETE FROM operations WHERE id IN (VALUES {rows})", columns="t")


def write_operations(into: Target, batch: Sequence[Transition]) -> None:
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
    into.rows(_REMOVE, done)
    into.rows(_PUT, values)


def operations() -> Question[list[Operation]]:
    """All operations, the newest first."""
    (found,) = yield [Query(_ALL)]
    return [rows.operation(row) for row in found.rows]
