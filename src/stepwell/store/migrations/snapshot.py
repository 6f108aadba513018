"""Writes `sqlite/schema.sql`: run `python -m stepwell.store.migrations.snapshot` after a migration.

A test compares the file with what the migrations make.
"""

import sqlite3
from pathlib import Path
from typing import Final

from stepwell.store.migrations.upgrade import upgrade

__all__ = ["SNAPSHOT", "migrated_schema"]

SNAPSHOT: Final = Path(__file__).parents[1] / "sqlite" / "schema.sql"

_STATEMENTS: Final = """
SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY tbl_name, type DESC, name
"""
_ROWS: Final = """
SELECT printf('INSERT INTO environments VALUES (%Q, %Q, %d)', id, name, created_ms)
  FROM environments
UNION ALL SELECT printf('INSERT INTO counters VALUES (%Q, %d)', name, number) FROM counters
UNION ALL SELECT printf('INSERT INTO partitions VALUES (%d, %d)', id, node_id) FROM partitions
UNION ALL SELECT printf('INSERT INTO alembic_version VALUES (%Q)', version_num)
  FROM alembic_version
"""


def migrated_schema() -> str:
    """SQL that creates at once what all migrations together create, and says so."""
    # Shared by two connections: Alembic closes its own.
    name = "file:stepwell-snapshot?mode=memory&cache=shared"
    kept = sqlite3.connect(name, uri=True, isolation_level=None)
    upgrade(lambda: sqlite3.connect(name, uri=True, isolation_level=None))
    statements = [" ".join(sql.split()) for (sql,) in kept.execute(_STATEMENTS)]
    statements += [sql for (sql,) in kept.execute(_ROWS)]
    kept.close()
    return ";\n".join(statements) + "\n"


if __name__ == "__main__":
    SNAPSHOT.write_text(migrated_schema())
