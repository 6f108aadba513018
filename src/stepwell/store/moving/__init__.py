"""Moving all data of a server from a SQLite file into an empty PostgreSQL database.

The file is only read. What it holds is written in one transaction of PostgreSQL, so whatever ends a
move before its end, a signal, a full disk, a lost connection, leaves both databases as they were,
and it can be begun again. Only what is being read and written at a moment is in memory.
"""

from stepwell.store.moving.move import Moved, MovedRows, move
from stepwell.store.moving.work import Work, WorkKind

__all__ = ["Moved", "MovedRows", "Work", "WorkKind", "move"]
