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

from stepwell.core.counted import Counted
from stepwell.core.identity import LOCAL_PARTITION, EventId, FunctionId, ItemId, RunId
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.transition import RunMode, SkipReason
from stepwell.engine.store import LaneQuery, join_alone
from stepwell.store.migrations import HEAD, REVISIONS
from stepwell.store.migrations.snapshot import SNAPSHOT, migrated_schema
from stepwell.store.migrations.upgrade import alembic_config, upgrade
from stepwell.store.schema import metadata
from stepwell.store.sqlite import SqliteStore
from stepwell.store.sqlite.database import connect_writer

# Calls, sleeps, waits and invocations.
_OPEN = (
    Counted.CALLS_SCHEDULED.value,
    Counted.SLEEPS_BEGUN.value,
    Counted.WAITS_BEGUN.value,
    Counted.INVOCATIONS_BEGUN.value,
)
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


_OLD_ROWS = """
INSERT INTO apps VALUES ('a', 'env', 'shop', 'http://x', 'serve', '', '', '', '', '', '', '', '',
    1, 2, 3);
INSERT INTO functions VALUES ('f', 'a', 'shop', 'env', 'shop-f', 'F', 1,
    CAST('{"slug": "shop-f", "name": "F", "url": "http://x"}' AS BLOB), 4, 0, 5, 6);
INSERT INTO events VALUES ('e1', 0, 'env', 'shop/order', 'x', 7, 8, x'7b7d');
INSERT INTO runs VALUES ('r1', 'env', 'a', 'f', 1, 5, 111, 111, 0, 0, -1, 'e1', 'shop/order', '',
    '', '', '', '', '');
INSERT INTO runs VALUES ('r2', 'env', 'a', 'f', 1, 0, 112, 112, 113, 0, -1, 'e1', 'shop/order', '',
    '', '', '', '', '');
INSERT INTO runs VALUES ('r3', 'env', 'a', 'f', 1, 1, 114, 114, 115, 116, 0, 'e1', 'shop/order',
    '', '', '', '', '', '');
INSERT INTO queue VALUES (1, 0, 'f', 'r1', 0, '', 0, 0, 111, x'');
INSERT INTO queue VALUES (2, 0, 'f', 'r2', 1, 's', 0, 0, 117, x'');
INSERT INTO queue VALUES (3, 0, 'f', 'r2', 2, 't', 0, 900, 118, x'');
INSERT INTO queue VALUES (4, 0, 'f', 'r2', 3, 'u', 0, 901, 119, x'');
INSERT INTO queue VALUES (5, 0, '', '', 6, '', 0, 0, 120, x'7b7d');
INSERT INTO queue VALUES (6, 0, 'f', 'r2', 4, 'v', 0, 902, 120, x'7b7d');
INSERT INTO queue VALUES (7, 0, 'f', 'r2', 4, 'w', 0, 903, 120,
    CAST('{"invocation":true}' AS BLOB));
INSERT INTO skips VALUES ('e1', 'f', 'duplicate', 'k', 121);
"""


async def _queue_of(store: SqliteStore) -> list[QueueItem]:
    lanes = await store.ready_lanes(LOCAL_PARTITION, after=None, limit=9)
    queries = [
        LaneQuery(LOCAL_PARTITION, lane.function_id, lane.lane, (-1, ItemId(0)), 9)
        for lane in lanes
    ]
    items = [item for page in await store.ready(queries) for item in page]
    timers = store.timers(
        LOCAL_PARTITION, FunctionId("f"), after=(0, ItemId(0)), until_ms=999, limit=9
    )
    return items + await timers


@pytest.mark.anyio
async def test_a_database_of_the_first_version_goes_on_where_it_stood(path: Path) -> None:
    """First calls stand in their lane, other calls in theirs, both by the age of the run."""
    upgrade(lambda: connect_writer(path), to="0001_durable_core")
    connection = sqlite3.connect(path)
    connection.executescript(_OLD_ROWS)
    connection.close()

    store = await SqliteStore.open(path)
    items = sorted(await _queue_of(store), key=lambda item: item.id)
    states = await store.load_runs([RunId("r1"), RunId("r2"), RunId("r3")])
    (function,) = await store.functions()
    (app,) = await store.apps()
    skips = await store.read_models().skips_of_event(EventId("e1"))
    admitted = await store.admitted_runs(FunctionId("f"))
    counted = await store.read_models().lifetime_counts([FunctionId("f")], _OPEN)
    await store.close()

    places = [(item.kind, item.lane, item.score, item.due_ms) for item in items]
    assert places == [
        (ItemKind.START, "s", 111, 0),
        (ItemKind.DISCOVER, "c", 112, 0),
        (ItemKind.STEP, "c", 112, 900),
        (ItemKind.SLEEP, "", 0, 901),
        (ItemKind.CANCEL, "", 0, 0),
        (ItemKind.TIMEOUT, "", 0, 902),
        (ItemKind.TIMEOUT, "", 0, 903),
    ]
    news = [state.new for state in states.values()]
    assert [(new.id, new.lane, new.score, new.singleton, new.mode) for new in news] == [
        ("r1", "c", 111, "", RunMode.ASYNC),
        ("r2", "c", 112, "", RunMode.ASYNC),
    ]
    assert admitted == [("r2", "c")]
    assert (function.pause, function.endpoint_method, app.drained_ms) == (None, "", 0)
    assert [skip.reason for skip in skips] == [SkipReason.DUPLICATE]
    # What was queued before it was counted is counted as begun.
    assert counted == {FunctionId("f"): dict(zip(_OPEN, (3, 1, 1, 1), strict=True))}


@pytest.mark.anyio
async def test_nodes_are_numbered_where_the_epochs_of_older_versions_end(path: Path) -> None:
    upgrade(lambda: connect_writer(path), to="0006_partition_leases")
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO partitions VALUES (0, 41, x'', '', 0)")
    connection.commit()
    connection.close()

    store = await SqliteStore.open(path)
    owner = await join_alone(store)

    assert (owner.node, owner.number, store.partitions) == (42, 0, [LOCAL_PARTITION])
    await store.close()


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
