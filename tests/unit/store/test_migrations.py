"""The migrations make the schema that the code expects, from nothing and from any revision."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect
from sqlalchemy.pool import NullPool

from stepwell.store.migrations import HEAD, REVISIONS
from stepwell.store.migrations.snapshot import SNAPSHOT, migrated_schema
from stepwell.store.migrations.upgrade import alembic_config, upgrade
from stepwell.store.schema import metadata
from stepwell.store.sqlite import SqliteStore
from stepwell.store.sqlite.database import connect_writer

_SCHEMA = "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "stepwell.db"


@pytest.fixture
def migrated(path: Path) -> Iterator[Engine]:
    upgrade(lambda: connect_writer(path))
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    yield engine
    engine.dispose()


def test_the_list_of_revisions_is_that_of_the_migrations() -> None:
    scripts = ScriptDirectory.from_config(alembic_config())

    assert tuple(script.revision for script in scripts.walk_revisions())[::-1] == REVISIONS
    assert scripts.get_current_head() == HEAD


def test_the_migrations_make_the_tables_that_are_read(migrated: Engine) -> None:
    with migrated.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
        inspector = inspect(connection)
        for table in metadata.sorted_tables:
            columns = [column["name"] for column in inspector.get_columns(table.name)]
            assert columns == [column.name for column in table.columns], table.name
            key = inspector.get_pk_constraint(table.name)["constrained_columns"]
            assert key == [column.name for column in table.primary_key], table.name
    assert differences == []


def test_the_tables_are_strict_and_keyed_as_declared(migrated: Engine) -> None:
    with migrated.connect() as connection:
        rows = connection.exec_driver_sql("PRAGMA table_list").mappings().all()
    found = {row["name"]: (bool(row["strict"]), bool(row["wr"])) for row in rows}
    for table in metadata.sorted_tables:
        options = table.dialect_options["sqlite"]
        assert found[table.name] == (options["strict"], not options["with_rowid"]), table.name


def test_the_shipped_schema_is_what_the_migrations_make() -> None:
    """A new database skips them; run `python -m stepwell.store.migrations.snapshot`."""
    assert SNAPSHOT.read_text() == migrated_schema()


def test_a_migrated_database_is_a_new_one(path: Path, migrated: Engine) -> None:
    migrated.dispose()
    connection = sqlite3.connect(path)
    fresh = sqlite3.connect(":memory:")
    SqliteStore.in_memory(connection=fresh)

    both = [database.execute(_SCHEMA).fetchall() for database in (connection, fresh)]
    connection.close()
    fresh.close()

    one, other = [
        [(kind, name, " ".join((sql or "").split())) for kind, name, sql in rows] for rows in both
    ]
    assert one == other


def test_migrating_again_changes_nothing(path: Path, migrated: Engine) -> None:
    migrated.dispose()
    upgrade(lambda: connect_writer(path))


def test_opening_a_database_does_not_import_what_migrates_and_reads(path: Path) -> None:
    """Start-up time and memory: SQLAlchemy and Alembic come only when they are needed."""
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from stepwell.store.sqlite import SqliteStore\n"
        f"store = asyncio.run(SqliteStore.open(Path({str(path)!r})))\n"
        "store.read_models()\n"
        "sys.exit(any(name in sys.modules for name in ('sqlalchemy', 'alembic')))\n"
    )
    for _ in ("new", "existing"):
        assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
