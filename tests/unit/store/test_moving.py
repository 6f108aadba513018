"""Moving everything from SQLite to PostgreSQL: all of it, exactly, or nothing."""

import asyncio
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from stepwell.core.placing import placed
from stepwell.store.errors import (
    StoreCorrupt,
    StoreDefect,
    StoreInUse,
    StoreMissing,
    StoreNewer,
    StoreOutdated,
    StoreUnusable,
    TargetInUse,
    TargetNotEmpty,
)
from stepwell.store.migrations import REVISIONS
from stepwell.store.moving import Moved, Work, WorkKind, move, target
from stepwell.store.moving.checksums import Checksum
from stepwell.store.moving.move import WEEKS_MAX
from stepwell.store.moving.tables import LEFT_BEHIND, MADE_BY_MIGRATIONS, moved_tables
from stepwell.store.postgres.address import Address
from stepwell.store.postgres.parameters import register_texts
from stepwell.store.postgres.weeks import WEEK_MS, Week
from stepwell.store.schema import metadata
from stepwell.store.sql import catalog
from stepwell.store.sqlite.asking import answer
from stepwell.store.sqlite.lock import FileLock
from tests.postgres.fixtures import PostgresBench, PostgresPlace
from tests.unit.store.full_database import (
    TOKEN,
    make_full_database,
    put_events,
    sqlite_rows,
)

TABLES = [table.name for table in moved_tables()]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("full") / "main.db"
    make_full_database(path)
    return path


@pytest.fixture
def full(made: Path, tmp_path: Path) -> Path:
    """A database with rows in every table."""
    return Path(shutil.copy(made, tmp_path / "main.db"))


@pytest.fixture(params=["newest", "oldest"])
def bench(request: pytest.FixtureRequest) -> PostgresBench:
    found: PostgresBench = request.getfixturevalue(f"postgres_{request.param}_bench")
    return found


@pytest.fixture
def place(postgres_newest: PostgresPlace) -> Iterator[PostgresPlace]:
    """A database with the schema and nothing in it, as a server leaves it that was never used."""
    yield postgres_newest
    postgres_newest.execute("DELETE FROM environments WHERE name <> 'default'")


def moved(path: Path, place: PostgresPlace) -> Moved:
    return move(path, Address.parse(place.uri), lambda _work: None)


def postgres_rows(place: PostgresPlace, table: str) -> list[tuple[Any, ...]]:
    with closing(place.connect()) as connection:
        register_texts(connection)
        return sorted(connection.execute(f"SELECT * FROM {table}".encode()))


def without_places(table: str, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The rows without the column that says in which partition they lie."""
    names = list(metadata.tables[table].columns.keys())
    if table not in {"functions", "queue"}:
        return rows
    at = names.index("partition_id")
    return sorted(row[:at] + row[at + 1 :] for row in rows)


def relations(place: PostgresPlace) -> list[Any]:
    """Everything that a migration or a move could make."""
    return place.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
    )


def assert_empty(place: PostgresPlace) -> None:
    for table in {*TABLES} - MADE_BY_MIGRATIONS:
        assert place.execute(f"SELECT * FROM {table}") == [], table


class TestWhatIsMoved:
    def test_every_row_arrives_as_it_was(self, full: Path, bench: PostgresBench) -> None:
        """Bytes, any character, the least and the greatest numbers; in a database without schema."""
        place = bench.blank()
        bytes_before = full.read_bytes()

        told = moved(full, place)

        for table in TABLES:
            rows = without_places(table, sqlite_rows(full, table))
            assert rows, f"nothing to be moved in {table}"
            assert without_places(table, postgres_rows(place, table)) == rows, table
        assert [(each.table, each.rows) for each in told.tables] == [
            (table, len(sqlite_rows(full, table))) for table in TABLES
        ]
        assert told.rows == sum(each.rows for each in told.tables)
        assert full.read_bytes() == bytes_before
        bench.drop(place)

    def test_every_table_is_moved_but_those_that_tell_of_servers(self) -> None:
        """A new table is moved unless somebody says here that it must not be."""
        assert {*TABLES} | LEFT_BEHIND == metadata.tables.keys()
        assert {"counters", "inbox", "nodes", "partitions", "questions"} == LEFT_BEHIND

    def test_what_is_queued_lies_where_its_function_does(
        self, full: Path, place: PostgresPlace
    ) -> None:
        with closing(sqlite3.connect(full)) as connection:
            functions = answer(connection, catalog.functions())
        expected = {each.id: placed(each, None, 16).partition for each in functions}

        moved(full, place)

        assert dict(place.execute("SELECT id, partition_id FROM functions")) == expected
        for function_id, partition in place.execute("SELECT function_id, partition_id FROM queue"):
            assert partition == expected.get(function_id, 0)

    def test_only_known_tables_have_rows_in_a_new_database(
        self, postgres_newest_bench: PostgresBench
    ) -> None:
        place = postgres_newest_bench.migrated()

        filled = {table for table in TABLES if place.execute(f"SELECT 1 FROM {table} LIMIT 1")}

        assert filled == MADE_BY_MIGRATIONS
        postgres_newest_bench.drop(place)

    @pytest.mark.anyio
    async def test_a_store_works_with_it(self, full: Path, place: PostgresPlace) -> None:
        """The operator token holds, and calls of earlier owners cannot be mistaken for new ones."""
        with closing(sqlite3.connect(full)) as connection:
            ((last,),) = connection.execute("SELECT number FROM counters WHERE name = 'nodes'")
        await asyncio.to_thread(moved, full, place)

        store = await place.open()
        tokens = store.operator_tokens()
        assert (await store.join("host:1", "1.0")).node == last + 1
        assert await tokens.current() == TOKEN
        await store.close()

    def test_numbers_of_servers_do_not_come_back(self, full: Path, place: PostgresPlace) -> None:
        place.execute("UPDATE counters SET number = 1000 WHERE name = 'nodes'")

        moved(full, place)

        last = place.execute("SELECT number FROM counters WHERE name = 'nodes'")
        place.execute("UPDATE counters SET number = 0")
        assert last == [(1000,)]

    def test_what_a_killed_server_has_committed_is_moved_and_its_log_left_alone(
        self, full: Path, tmp_path: Path, place: PostgresPlace
    ) -> None:
        hot = tmp_path / "hot" / "main.db"
        hot.parent.mkdir()
        with closing(sqlite3.connect(full, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("INSERT INTO claims VALUES ('f', 'only in the log', 'r', 1)")
            for suffix in ("", "-wal"):
                shutil.copy(f"{full}{suffix}", f"{hot}{suffix}")
        before = [Path(f"{hot}{suffix}").read_bytes() for suffix in ("", "-wal")]

        moved(hot, place)

        assert place.execute("SELECT key FROM claims WHERE function_id = 'f'")
        assert [Path(f"{hot}{suffix}").read_bytes() for suffix in ("", "-wal")] == before

    def test_the_path_may_have_any_character(self, full: Path, place: PostgresPlace) -> None:
        odd = full.rename(full.with_name("a?b#c%41 ü.db"))

        assert moved(odd, place).rows > 0

    def test_recent_weeks_of_history_get_partitions_and_others_do_not(
        self, tmp_path: Path, postgres_newest_bench: PostgresBench
    ) -> None:
        place = postgres_newest_bench.migrated()
        ((now_ms,),) = place.execute(
            "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"
        )
        path = tmp_path / "main.db"
        numbers = (0, -2, -WEEKS_MAX, -WEEKS_MAX - 1, 2, 3)
        put_events(path, [now_ms + number * WEEK_MS for number in numbers])

        moved(path, place)

        found = place.execute("SELECT tableoid::regclass::text, count(*) FROM events GROUP BY 1")
        weeks = [Week.of(now_ms + number * WEEK_MS) for number in (0, -2, -WEEKS_MAX, 2)]
        assert dict(found) == {
            **{week.partition("events"): 1 for week in weeks},
            "events_default": 2,
        }
        postgres_newest_bench.drop(place)

    def test_whoever_watches_is_told_of_every_table(self, full: Path, place: PostgresPlace) -> None:
        told: list[Work] = []

        move(full, Address.parse(place.uri), told.append)

        for kind in (WorkKind.COPY, WorkKind.COMPARE):
            assert [work.table for work in told if work.kind is kind and work.is_done] == TABLES
        assert told[-1].rows_all == told[-1].rows_max


class TestRefusals:
    """Nothing is changed on either side."""

    def test_there_must_be_a_file(self, tmp_path: Path, place: PostgresPlace) -> None:
        with pytest.raises(StoreMissing):
            moved(tmp_path / "main.db", place)
        assert list(tmp_path.iterdir()) == []

    def test_the_file_must_be_a_database(self, tmp_path: Path, place: PostgresPlace) -> None:
        path = tmp_path / "main.db"
        path.write_bytes(b"no database at all" * 1_000)

        with pytest.raises(StoreCorrupt):
            moved(path, place)

    def test_the_database_must_be_ours(self, tmp_path: Path, place: PostgresPlace) -> None:
        path = tmp_path / "main.db"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE other (x)")

        with pytest.raises(StoreUnusable, match="no database of Stepwell"):
            moved(path, place)

    def test_a_damaged_file_is_noticed_before_anything_is_written(
        self, full: Path, place: PostgresPlace
    ) -> None:
        with full.open("r+b") as file:
            file.seek(full.stat().st_size // 2)
            file.write(b"\xff" * 20_000)
        before = relations(place)

        with pytest.raises(StoreCorrupt):
            moved(full, place)
        assert relations(place) == before

    def test_a_server_must_not_run_on_the_file(self, full: Path, place: PostgresPlace) -> None:
        lock = FileLock(full)
        with pytest.raises(StoreInUse):
            moved(full, place)
        lock.release()

    def test_a_link_to_the_file_of_a_server_is_no_way_around(
        self, full: Path, tmp_path: Path, place: PostgresPlace
    ) -> None:
        link = tmp_path / "link.db"
        link.symlink_to(full)
        lock = FileLock(full)
        with pytest.raises(StoreInUse):
            moved(link, place)
        lock.release()
        assert moved(link, place).rows > 0

    def test_a_file_that_may_not_be_read_is_refused(self, full: Path, place: PostgresPlace) -> None:
        # Not below the fixture's directory, which only its owner may enter.
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            path = folder / "main.db"
            shutil.copy(full, path)
            path.chmod(0)
            folder.chmod(0o777)
            user = os.geteuid()
            os.seteuid(65_534 if user == 0 else user)
            try:
                with pytest.raises(StoreUnusable, match="unable to open"):
                    moved(path, place)
            finally:
                os.seteuid(user)

    @pytest.mark.parametrize(
        ("revision", "refusal"),
        [("9999_from_the_future", StoreNewer), (REVISIONS[-2], StoreOutdated)],
    )
    def test_the_schema_of_the_file_must_be_todays(
        self, full: Path, place: PostgresPlace, revision: str, refusal: type[Exception]
    ) -> None:
        with closing(sqlite3.connect(full)) as connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
            connection.commit()

        with pytest.raises(refusal, match=revision):
            moved(full, place)

    def test_a_move_is_not_made_twice(self, full: Path, place: PostgresPlace) -> None:
        moved(full, place)
        before = {table: postgres_rows(place, table) for table in TABLES}

        with pytest.raises(TargetNotEmpty, match="new database") as refused:
            moved(full, place)

        assert refused.value.tables == tuple(TABLES)
        assert {table: postgres_rows(place, table) for table in TABLES} == before

    @pytest.mark.parametrize("table", TABLES)
    def test_a_single_row_is_enough_to_be_not_empty(
        self, full: Path, place: PostgresPlace, table: str
    ) -> None:
        with closing(sqlite3.connect(full)) as connection:
            row = connection.execute(f"SELECT * FROM {table} ORDER BY 1 LIMIT 1").fetchone()
        with closing(place.connect()) as connection:
            register_texts(connection)
            marks = ", ".join(["%s"] * len(row))
            connection.execute(f"INSERT INTO {table} VALUES ({marks})".encode(), row)

        with pytest.raises(TargetNotEmpty) as refused:
            moved(full, place)
        assert refused.value.tables == (table,)

    def test_a_server_must_not_work_on_the_target(self, full: Path, place: PostgresPlace) -> None:
        place.execute(
            "INSERT INTO nodes (id, number, name, version, joined_ms, lease_until_ms, catalogue,"
            " is_draining, probe) VALUES (7, 0, 'host:1-abcd', '', 0, 9000000000000, 0, 0, '')"
        )

        with pytest.raises(TargetInUse, match="host:1-abcd"):
            moved(full, place)
        assert_empty(place)
        place.execute("DELETE FROM nodes")

    @pytest.mark.parametrize("has_schema", [True, False])
    def test_whoever_holds_the_target_is_waited_for_a_while_only(
        self,
        full: Path,
        postgres_newest_bench: PostgresBench,
        monkeypatch: pytest.MonkeyPatch,
        *,
        has_schema: bool,
    ) -> None:
        monkeypatch.setitem(target._SETTINGS, "lock_timeout", "10ms")
        bench = postgres_newest_bench
        place, lock = (
            (bench.migrated(), "LOCK TABLE queue")
            if has_schema
            # As somebody does who makes the schema at the same time.
            else (bench.blank(), f"SELECT pg_advisory_lock({int.from_bytes(b'stepwell')})")
        )
        with psycopg.connect(place.uri) as other:
            other.execute(lock.encode())
            with pytest.raises(TargetInUse, match="holds a lock"):
                moved(full, place)
        bench.drop(place)

    def test_a_newer_target_is_left_alone(
        self, full: Path, postgres_newest_bench: PostgresBench
    ) -> None:
        place = postgres_newest_bench.migrated()
        place.execute("UPDATE alembic_version SET version_num = '9999_from_the_future'")

        with pytest.raises(StoreNewer, match="9999_from_the_future"):
            moved(full, place)
        assert_empty(place)
        postgres_newest_bench.drop(place)

    def test_the_target_must_hold_all_text(
        self, full: Path, postgres_newest_bench: PostgresBench
    ) -> None:
        server = postgres_newest_bench.server
        with psycopg.connect(server.uri(), autocommit=True) as connection:
            connection.execute(
                "CREATE DATABASE latin_target ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'"
                " TEMPLATE template0"
            )

        with pytest.raises(StoreUnusable, match="LATIN1"):
            moved(full, PostgresPlace(server.uri("latin_target")))
        server.drop_database("latin_target")

    def test_who_may_not_make_tables_is_told_so(
        self, full: Path, postgres_newest_bench: PostgresBench
    ) -> None:
        place = postgres_newest_bench.blank()
        place.execute("CREATE USER guest PASSWORD 'gu3st'")
        uri = place.uri.partition("//")[0] + "//guest:gu3st@" + place.uri.partition("@")[2]

        with pytest.raises(StoreUnusable, match=r"permission denied.*nothing was moved") as told:
            moved(full, PostgresPlace(uri))

        assert "gu3st" not in str(told.value)
        assert relations(place) == []
        postgres_newest_bench.drop(place)


class TestFailures:
    def test_a_target_that_changes_rows_is_noticed_and_left_empty(
        self, full: Path, bench: PostgresBench
    ) -> None:
        """Whatever a trigger of somebody does, what is there must be what was sent."""
        place = bench.migrated()
        place.execute(
            "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql"
            " AS 'BEGIN NEW.body := ''spoilt''; RETURN NEW; END'"
        )
        place.execute(
            "CREATE TRIGGER spoil BEFORE INSERT ON queue FOR EACH ROW EXECUTE FUNCTION spoil()"
        )
        before = relations(place)

        with pytest.raises(StoreDefect, match="queue: counted"):
            moved(full, place)

        assert_empty(place)
        assert relations(place) == before
        place.execute("DROP TRIGGER spoil ON queue")
        assert moved(full, place).rows > 0
        bench.drop(place)

    def test_a_row_that_is_refused_leaves_nothing(self, full: Path, bench: PostgresBench) -> None:
        place = bench.migrated()
        place.execute("ALTER TABLE waits ADD CHECK (kind < 0)")

        with pytest.raises(StoreUnusable, match=r"check constraint.*nothing was moved"):
            moved(full, place)

        assert_empty(place)
        bench.drop(place)

    def test_a_connection_that_breaks_in_the_commit_leaves_a_question(
        self, full: Path, bench: PostgresBench
    ) -> None:
        """Whoever asks again learns what came of it."""
        place = bench.migrated()
        place.execute(
            "CREATE FUNCTION break_off() RETURNS trigger LANGUAGE plpgsql"
            " AS 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'"
        )
        place.execute(
            "CREATE CONSTRAINT TRIGGER break_off AFTER INSERT ON waits"
            " INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION break_off()"
        )

        with pytest.raises(StoreUnusable, match=r"is not known: run the command again"):
            moved(full, place)

        place.execute("DROP TRIGGER break_off ON waits")
        assert moved(full, place).rows > 0
        bench.drop(place)


def test_a_checksum_knows_rows_but_no_order() -> None:
    def of(*rows: bytes) -> tuple[int, str]:
        checksum = Checksum()
        for row in rows:
            checksum.add(row)
        return checksum.rows, checksum.text

    assert of(b"a", b"b") == of(b"b", b"a")
    assert len({of(), of(b"a"), of(b"b"), of(b"a", b"a"), of(b"a", b"b"), of(b"ab")}) == 6
