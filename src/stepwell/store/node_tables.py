"""The tables by which nodes know of each other and leave something for each other."""

from typing import Final

from sqlalchemy import Column, Index, LargeBinary, Table, text

from stepwell.store.columns import bytes_column, integer_column, metadata, text_column

__all__ = ["counters", "inbox", "nodes", "partitions", "questions"]

_OPEN: Final = text("reply IS NULL")
_ANSWERED: Final = text("reply IS NOT NULL")

# The last node's id, and how often apps or functions have changed.
counters: Final = Table(
    "counters",
    metadata,
    text_column("name", key=True),
    integer_column("number"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# Whose row is here may commit.
nodes: Final = Table(
    "nodes",
    metadata,
    integer_column("id", key=True),
    integer_column("number"),
    text_column("name"),
    text_column("version"),
    integer_column("joined_ms"),
    # Until then nobody else may remove it.
    integer_column("lease_until_ms"),
    integer_column("catalogue"),
    integer_column("is_draining"),
    # Written and emptied to learn whether a disk that was full has room again.
    bytes_column("probe"),
    Index("nodes_number", "number", unique=True),
    sqlite_strict=True,
)

# Whose each is; 0 is nobody's.
partitions: Final = Table(
    "partitions",
    metadata,
    integer_column("id", key=True),
    integer_column("node_id"),
    sqlite_strict=True,
)

# Queue items that were put into a partition by somebody who does not own it, until its owner knows.
inbox: Final = Table(
    "inbox",
    metadata,
    integer_column("partition_id", key=True),
    integer_column("item_id", key=True),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# What a node asks the owner of a partition, until it has read the reply.
questions: Final = Table(
    "questions",
    metadata,
    text_column("id", key=True),
    integer_column("partition_id"),
    integer_column("node_id"),
    bytes_column("body"),
    Column("reply", LargeBinary),
    integer_column("asked_ms"),
    Index(
        "questions_open",
        "partition_id",
        "asked_ms",
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    ),
    Index("questions_answered", "node_id", sqlite_where=_ANSWERED, postgresql_where=_ANSWERED),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
