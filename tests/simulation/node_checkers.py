"""What must be true of servers that share a database: one of them decides about everything."""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from stepwell.core.transition import Transition
from stepwell.engine.nodes import Ownership

if TYPE_CHECKING:
    from tests.simulation.world import World

__all__ = ["check_nodes", "foreign_decisions"]

_ITEM = """
SELECT q.kind, q.function_id, q.partition_id, p.node_id FROM queue q
  JOIN partitions p ON p.id = q.partition_id WHERE q.item_id = ?
"""
_RUN = """
SELECT f.name, f.partition_id, p.node_id FROM runs r JOIN functions f ON f.id = r.function_id
  JOIN partitions p ON p.id = f.partition_id WHERE r.id = ?
"""


def foreign_decisions(
    connection: sqlite3.Connection, owner: Ownership, batch: Sequence[Transition]
) -> Iterator[str]:
    """Decisions about what lies in partitions that the node does not own, just before a commit."""
    if connection.execute("SELECT 1 FROM nodes WHERE id = ?", (owner.node,)).fetchone() is None:
        # It will be refused.
        return
    put: set[int] = set()
    for transition in batch:
        put |= {item.id for item in transition.put}
        changed = [item.id for item in (*transition.renew, *transition.renew_due)]
        for item_id in (*changed, *transition.done):
            if item_id in put:
                continue
            row = connection.execute(_ITEM, (item_id,)).fetchone()
            if row is not None and row[3] != owner.node:
                yield f"node {owner.node} decides about item {item_id}: {row}"
        new = {run.id for run in transition.runs}
        for run_id in dict.fromkeys(row.run_id for row in transition.journal):
            row = connection.execute(_RUN, (run_id,)).fetchone()
            if run_id not in new and row is not None and row[2] != owner.node:
                yield f"node {owner.node} decides about run {run_id}: {row}"


def check_nodes(world: "World") -> Iterator[str]:
    """What must be true when nothing is left to do."""
    if world.fleet.is_one:
        return
    for partition, node in world.rows("SELECT id, node_id FROM partitions"):
        if node not in world.last_nodes:
            yield f"partition {partition} is owned by node {node}, of {world.last_nodes}"
    for table in ("inbox", "questions"):
        for row in world.rows(f"SELECT * FROM {table} LIMIT 5"):
            yield f"{table} still has {row}"
    for row in world.rows(
        "SELECT q.item_id, q.kind, q.partition_id, f.partition_id, f.name FROM queue q"
        " LEFT JOIN functions f ON f.id = q.function_id"
        " WHERE q.partition_id <> coalesce(f.partition_id, 0)"
    ):
        yield f"an item lies where nobody looks for it: {row}"
