"""Several servers on one database: who they are, what each owns, and what they leave for each other."""

import json
from typing import Any, Final

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, text

from stepwell.store.migrations.postgres import TEXT, is_postgres, keep_small

revision = "0007_nodes"
down_revision = "0006_partition_leases"
branch_labels = None
depends_on = None

#: Only PostgreSQL has several servers, and so a use for several partitions.
_PARTITIONS: Final = 16

_INTEGER = BigInteger().with_variant(Integer, "sqlite")


def _text(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, TEXT, nullable=False, primary_key=key)


def _integer(name: str, *, key: bool = False) -> Column[int]:
    return Column(name, _INTEGER, nullable=False, primary_key=key, autoincrement=False)


def upgrade() -> None:
    _create_counters()
    _create_nodes()
    _replace_partitions()
    _create_inbox()
    _create_questions()
    op.add_column(
        "functions", Column("partition_id", _INTEGER, nullable=False, server_default=text("0"))
    )
    if is_postgres():
        _spread_functions()


def _create_counters() -> None:
    op.create_table(
        "counters",
        _text("name", key=True),
        _integer("number"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    # Nodes are numbered where epochs end, so that none is taken for one there was before.
    op.execute(
        "INSERT INTO counters (name, number)"
        " SELECT 'nodes', coalesce(max(epoch), 0) FROM partitions"
    )
    op.execute("INSERT INTO counters (name, number) VALUES ('catalogue', 0)")


def _create_nodes() -> None:
    op.create_table(
        "nodes",
        _integer("id", key=True),
        _integer("number"),
        _text("name"),
        _text("version"),
        _integer("joined_ms"),
        _integer("lease_until_ms"),
        _integer("catalogue"),
        _integer("is_draining"),
        Column("probe", LargeBinary, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("nodes_number", "nodes", ["number"], unique=True)
    keep_small("nodes", fillfactor=50)


def _replace_partitions() -> None:
    op.drop_table("partitions")
    partitions = op.create_table(
        "partitions", _integer("id", key=True), _integer("node_id"), sqlite_strict=True
    )
    count = _PARTITIONS if is_postgres() else 1
    op.bulk_insert(partitions, [{"id": number, "node_id": 0} for number in range(count)])
    keep_small("partitions", fillfactor=50)


def _create_inbox() -> None:
    op.create_table(
        "inbox",
        _integer("partition_id", key=True),
        _integer("item_id", key=True),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    keep_small("inbox", fillfactor=90)


def _create_questions() -> None:
    op.create_table(
        "questions",
        _text("id", key=True),
        _integer("partition_id"),
        _integer("node_id"),
        Column("body", LargeBinary, nullable=False),
        Column("reply", LargeBinary),
        _integer("asked_ms"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    is_open, is_answered = text("reply IS NULL"), text("reply IS NOT NULL")
    op.create_index(
        "questions_open",
        "questions",
        ["partition_id", "asked_ms"],
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_index(
        "questions_answered",
        "questions",
        ["node_id"],
        sqlite_where=is_answered,
        postgresql_where=is_answered,
    )
    keep_small("questions", fillfactor=90)


def _spread_functions() -> None:
    """Give every function a partition, in turn, and have what it has queued follow."""
    connection = op.get_bind()
    found = connection.exec_driver_sql("SELECT id, config FROM functions ORDER BY id").all()
    free = [function_id for function_id, config in found if not _shares_limits(config)]
    for number, function_id in enumerate(free):
        if partition := number % _PARTITIONS:
            place = {"partition": partition, "function": function_id}
            connection.execute(
                text("UPDATE functions SET partition_id = :partition WHERE id = :function"), place
            )
            connection.execute(
                text(
                    "UPDATE queue SET partition_id = :partition"
                    " WHERE partition_id = 0 AND function_id = :function"
                ),
                place,
            )


def _shares_limits(config: Any) -> bool:
    """Whether functions are counted together; then one node has to own all of them."""
    limits = json.loads(bytes(config)).get("concurrency", ())
    return any(limit.get("scope", "fn") != "fn" for limit in limits)
