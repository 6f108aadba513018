"""What can be wrong with a store besides not answering.

OperationalError
├── StoreInUse       another process has the database open     SW2003
├── StoreCorrupt     the file is damaged or not a database     SW2004
├── StoreNewer       a newer Stepwell has written it           SW2005
├── StoreUnusable    it cannot be opened or created            SW2006
├── StoreMissing     there is no database                      SW2007
├── FileExists       a file would be overwritten               SW2008
├── FileNotWritten   a copy cannot be written                  SW2009
├── StoreOutdated    an older Stepwell has written it          SW2015
├── TargetNotEmpty   there is something where data would go    SW2050
└── TargetInUse      somebody works where data would go        SW2051
DefectError
└── StoreDefect      a row contradicts what is stored          SW9001
"""

from pathlib import Path
from typing import ClassVar

from stepwell.wire.errors import DefectError, OperationalError

__all__ = [
    "FileExists",
    "FileNotWritten",
    "StoreCorrupt",
    "StoreDefect",
    "StoreInUse",
    "StoreMissing",
    "StoreNewer",
    "StoreOutdated",
    "StoreUnusable",
    "TargetInUse",
    "TargetNotEmpty",
]


class StoreInUse(OperationalError):
    """Another process has the database open. Two would work against each other.

    Attributes:
        path: The database file.
        holder: Process id of the other one; "" when it could not be read.
    """

    code: ClassVar[str] = "SW2003"

    def __init__(self, path: Path, holder: str) -> None:
        by = f"process {holder}" if holder else "another process"
        super().__init__(
            f"{path} is in use by {by}; stop that one, or give this one a database of its own"
        )
        self.path = path
        self.holder = holder


class StoreCorrupt(OperationalError):
    """The file is damaged or is not a SQLite database. Nothing was changed.

    Attributes:
        path: The database file.
        reason: What SQLite said.
    """

    code: ClassVar[str] = "SW2004"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path} is damaged or not a database ({reason}); restore a backup, or move it away"
        )
        self.path = path
        self.reason = reason


class StoreNewer(OperationalError):
    """The database was written by a newer Stepwell. Nothing was changed.

    Attributes:
        path: The database file, or where the database is, without a password.
        revision: Its schema revision, which this version does not know.
    """

    code: ClassVar[str] = "SW2005"

    def __init__(self, path: Path | str, revision: str) -> None:
        super().__init__(
            f"{path} has schema {revision}, which this version of Stepwell does not know; "
            "upgrade Stepwell, or restore a backup from before the upgrade"
        )
        self.path = path
        self.revision = revision


class StoreUnusable(OperationalError):
    """The database cannot be opened or created.

    Attributes:
        path: The database file, or where the database is, without a password.
        reason: What stands in the way.
    """

    code: ClassVar[str] = "SW2006"

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(f"cannot use {path} as database: {reason}")
        self.path = path
        self.reason = reason


class StoreMissing(OperationalError):
    """There is no database where one was to be looked at or worked on.

    Attributes:
        path: Where it should be.
    """

    code: ClassVar[str] = "SW2007"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"there is no database {path}; say with --sqlite-dir in which directory it is"
        )
        self.path = path


class FileExists(OperationalError):
    """A file that was to be written exists. It was left as it is.

    Attributes:
        path: The file.
    """

    code: ClassVar[str] = "SW2008"

    def __init__(self, path: Path, advice: str) -> None:
        super().__init__(f"{path} exists; {advice}")
        self.path = path


class FileNotWritten(OperationalError):
    """A copy could not be written. What was written of it was removed.

    Attributes:
        path: What was to be written.
        reason: What stands in the way.
    """

    code: ClassVar[str] = "SW2009"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"cannot write {path}: {reason}")
        self.path = path
        self.reason = reason


class StoreOutdated(OperationalError):
    """The database was written by an older Stepwell, and this command changes none.

    Attributes:
        path: The database file.
        revision: Its schema revision.
    """

    code: ClassVar[str] = "SW2015"

    def __init__(self, path: Path, revision: str) -> None:
        super().__init__(
            f"{path} has schema {revision}, which is older than this version of Stepwell; bring it "
            "up to date with `stepwell db migrate`, or by starting the server"
        )
        self.path = path
        self.revision = revision


class TargetNotEmpty(OperationalError):
    """Data was to be moved into a database that has some already. Nothing was changed.

    Attributes:
        place: Where it is, without a password.
        tables: Those that have rows.
    """

    code: ClassVar[str] = "SW2050"

    def __init__(self, place: str, tables: tuple[str, ...]) -> None:
        super().__init__(
            f"{place} is not empty: there is something in {', '.join(tables)}; move into a new "
            "database"
        )
        self.place = place
        self.tables = tables


class TargetInUse(OperationalError):
    """Data was to be moved into a database that somebody works on. Nothing was changed.

    Attributes:
        place: Where it is, without a password.
        reason: Who does.
    """

    code: ClassVar[str] = "SW2051"

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place} is in use: {reason}; stop all servers on it first")
        self.place = place
        self.reason = reason


class StoreDefect(DefectError):
    """A row to be written or read contradicts what is stored. Nothing was written.

    Attributes:
        operation: What was attempted, such as "commit".
        reason: The contradiction.
    """

    code: ClassVar[str] = "SW9001"

    def __init__(self, operation: str, reason: str) -> None:
        super().__init__(f"contradiction in the store during {operation}: {reason}")
        self.operation = operation
        self.reason = reason
