"""What the driver raises, in words of the store."""

from typing import Final

import psycopg

from stepwell.engine.store import StoreUnavailable
from stepwell.store.errors import StoreDefect
from stepwell.wire.errors import StepwellError

__all__ = ["DIVISION_BY_ZERO", "failure", "reason_of"]

#: What statements fail with that check something themselves.
DIVISION_BY_ZERO: Final = "22012"

#: Rows that contradict each other, and values that no column takes.
_CONTRADICTIONS: Final = ("22", "23")


def failure(operation: str, error: psycopg.Error) -> StepwellError:
    """What is to be raised for an error of the driver.

    What is not a contradiction may pass: connections that broke or were ended by an operator,
    servers that start, stop, are full or out of connections, locks and statements that took too
    long, transactions that were chosen to end a deadlock, a primary that became a standby.
    """
    if (error.sqlstate or "").startswith(_CONTRADICTIONS):
        return StoreDefect(operation, reason_of(error))
    return StoreUnavailable(operation, reason_of(error))


def reason_of(error: psycopg.Error) -> str:
    """What went wrong, in one line and without values of rows, which PostgreSQL puts into details."""
    return error.diag.message_primary or " ".join(str(error).split()) or type(error).__name__
