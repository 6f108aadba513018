"""What a move does at a moment, for whoever watches it."""

import enum
from collections.abc import Callable

import msgspec

__all__ = ["Watch", "Work", "WorkKind"]


class WorkKind(enum.Enum):
    """The three rounds of a move, in this order."""

    CHECK = enum.auto()
    COPY = enum.auto()
    COMPARE = enum.auto()


class Work(msgspec.Struct, frozen=True):
    """How far a move is.

    Attributes:
        kind: The round.
        table: What is being worked on; "" while the whole file is checked.
        rows: Rows of the table that are done in this round.
        rows_all: Rows of all tables that are done in this round.
        rows_max: Rows of all tables.
        is_done: Whether the table is done.
    """

    kind: WorkKind
    table: str
    rows: int
    rows_all: int
    rows_max: int
    is_done: bool


#: Told now and then, and at the end of each table.
Watch = Callable[[Work], None]
