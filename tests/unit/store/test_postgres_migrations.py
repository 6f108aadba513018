"""The migrations make on PostgreSQL what the code expects, and tables that stay small."""

from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect
from sqlalchemy.pool import NullPool

from stepwell.store.migrations.upgrade import upgrade_postgres
from stepwell.store.postgres.weeks import OF_EVENTS, OF_RUNS
from stepwell.store.schema import metadata
from tests.postgres.fixtures import PostgresBench, PostgresPlace

HISTORY = OF_EVENTS | OF_RUNS


@pytest.fixture(params=["newest", "oldest"])
def place(request: pytest.FixtureRequest) -> Iterator[PostgresPlace]:
    bench: PostgresBench = request.getfixturevalue(f"postgres_{request.param}_bench")
    found = bench.migrated()
    yield found
    bench.drop(found)


@pytest.fixture
def engine(place: PostgresPlace) -> Iterator[Engine]:
    made = create_engine("postgresql+psycopg://", creator=place.connect, poolclass=NullPool)
    yield made
    made.dispose()


def test_the_migrations_make_the_tables_that_are_read(engine: Engine) -> None:
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
        inspector = inspect(connection)
        for table in metadata.sorted_tables:
            columns = [column["name"] for column in inspector.get_columns(table.name)]
            assert columns == [column.name for column in table.columns], table.name
            key = inspector.get_pk_constraint(table.name)["constrained_columns"]
            assert key == [column.name for column in table.primary_key], table.name
    defaults = {f"{table}_default" for table in HISTORY}
    assert [each for each in differences if not _is_about(each, defaults)] == []


def _is_about(difference: object, tables: set[str]) -> bool:
    """Whether it only says that there are partitions, which the metadata does not know of."""
    match difference:
        case ("remove_table", table) | ("remove_index", table):
            found = getattr(table, "table", table)
            return getattr(found, "name", None) in tables
        case _:
            return False


def test_text_is_compared_byte_by_byte(place: PostgresPlace) -> None:
    """Everywhere, because the engine compares it so, too."""
    other = place.execute(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND data_type = 'text'"
        " AND collation_name IS DISTINCT FROM 'C'"
    )
    assert other == []


def test_history_is_partitioned_by_what_it_is_keyed_by(place: PostgresPlace) -> None:
    found = place.execute(
        "SELECT partrelid::regclass::text, pg_get_partkeydef(partrelid), partdefid::regclass::text"
        " FROM pg_partitioned_table"
    )
    assert {table: rest for table, *rest in found} == {
        table: [f"RANGE ({key})", f"{table}_default"] for table, key in HISTORY.items()
    }


def test_tables_whose_rows_come_and_go_are_vacuumed_early(place: PostgresPlace) -> None:
    found = place.execute(
        "SELECT relname FROM pg_class"
        " WHERE 'autovacuum_vacuum_scale_factor=0.01' = ANY (reloptions) ORDER BY relname"
    )
    assert [name for (name,) in found] == [
        *("buffered_events", "buffers", "claims", "limits", "partitions", "queue", "rollups"),
        *("signals", "tallies", "waits"),
    ]


def test_migrating_again_changes_nothing(place: PostgresPlace) -> None:
    assert upgrade_postgres(place.connect) is None
