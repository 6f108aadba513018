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
        *("buffered_events", "buffers", "claims", "inbox", "limits", "nodes", "partitions"),
        *("questions", "queue", "rollups", "signals", "tallies", "waits"),
    ]


def test_migrating_again_changes_nothing(place: PostgresPlace) -> None:
    assert upgrade_postgres(place.connect) is None


_OLD_ROWS = """
INSERT INTO partitions (id, epoch, probe, owner, lease_until_ms) VALUES (0, 41, '', 'a', 7);
INSERT INTO functions (id, app_id, app_name, environment_id, slug, name, version, config,
                       updated_ms, archived, steps_max, state_bytes_max)
SELECT 'f' || to_char(n, 'FM00'), 'a', 'shop', 'env', 'shop-' || n, 'F', 1,
       convert_to(CASE n WHEN 3 THEN '{"slug":"s","name":"n","url":"u","concurrency":'
                                   || '[{"limit":1},{"limit":5,"scope":"account","key":"\\"k\\""}]}'
                         WHEN 5 THEN '{"slug":"s","name":"n","url":"u","concurrency":'
                                   || '[{"limit":5,"scope":"env"}]}'
                         WHEN 7 THEN '{"slug":"s","name":"n","url":"u","concurrency":[{"limit":1}]}'
                         ELSE '{"slug":"s","name":"n","url":"u"}' END, 'UTF8'), 4, 0, 5, 6
  FROM generate_series(0, 19) AS n;
INSERT INTO queue (item_id, partition_id, function_id, run_id, kind, step, attempt, due_ms,
                   queued_ms, body)
SELECT 100 * due + n, 0, 'f' || to_char(n, 'FM00'), '', 2, '', 0, due, 1, ''
  FROM generate_series(0, 19) AS n, generate_series(0, 1) AS due;
INSERT INTO queue (item_id, partition_id, function_id, run_id, kind, step, attempt, due_ms,
                   queued_ms, body) VALUES (999, 0, '', '', 7, '', 0, 0, 1, '');
"""


@pytest.mark.parametrize("version", ["newest", "oldest"])
def test_functions_are_spread_and_what_they_have_queued_follows(
    request: pytest.FixtureRequest, version: str
) -> None:
    """But for those that share limits, which one node has to own together."""
    bench: PostgresBench = request.getfixturevalue(f"postgres_{version}_bench")
    place = bench.blank()
    upgrade_postgres(place.connect, to="0006_partition_leases")
    place.execute(_OLD_ROWS)

    upgrade_postgres(place.connect)

    functions = dict(place.execute("SELECT id, partition_id FROM functions"))
    shared = {"f03", "f05"}
    spread = [functions[each] for each in sorted(functions.keys() - shared)]
    queued = place.execute("SELECT function_id, partition_id, count(*) FROM queue GROUP BY 1, 2")
    assert {functions[each] for each in shared} == {0}
    assert spread == [number % 16 for number in range(18)]
    expected = {(each, partition, 2) for each, partition in functions.items()}
    assert set(queued) == expected | {("", 0, 1)}
    assert place.execute("SELECT id, node_id FROM partitions ORDER BY id") == [
        (number, 0) for number in range(16)
    ]
    assert place.execute("SELECT name, number FROM counters ORDER BY name") == [
        ("catalogue", 0),
        ("nodes", 41),
    ]
    bench.drop(place)
