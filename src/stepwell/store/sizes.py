"""How much room a database takes."""

from typing import NamedTuple

__all__ = ["StoreSizes"]


class StoreSizes(NamedTuple):
    """How large a database is; None where that makes no sense.

    Attributes:
        database_bytes: What is not written back to its file yet included.
        log_bytes: What is not written back yet.
    """

    database_bytes: int | None
    log_bytes: int | None
