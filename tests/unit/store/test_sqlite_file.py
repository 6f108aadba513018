"""A store in a file: who may open it, what is refused, and what a full disk does."""

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stepwell.core.identity import ItemId
from stepwell.core.transition import Transition
from stepwell.engine.store import Ownership, StoreUnavailable, join_alone
from stepwell.store.errors import StoreCorrupt, StoreInUse, StoreNewer, StoreUnusable
from stepwell.store.sqlite import SqliteStore
from stepwell.store.sqlite.database import Database
from tests.unit.store.builders import (
    a_run,
    an_entry,
    an_event,
    an_item,
    event_id,
    lane_query,
    resolved,
    run_id,
)

pytestmark = pytest.mark.anyio


def _opened(store: SqliteStore) -> Database:
    assert isinstance(store._opened, Database)
    return store._opened


_HOLD = """
import asyncio, sys
from pathlib import Path
from stepwell.store.sqlite import SqliteStore
from stepwell.store.sqlite.database import Database

async def hold():
    store = await SqliteStore.open(Path(sys.argv[1]))
    print("open", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await store.close()

asyncio.run(hold())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "stepwell.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    opened = await SqliteStore.open(path)
    yield opened
    await opened.close()


@pytest.fixture
async def owner(store: SqliteStore) -> Ownership:
    return await join_alone(store)


@contextmanager
def _held_by_another_process(path: Path) -> Iterator[int]:
    """Runs a process that has the database open; gives its id."""
    command = [sys.executable, "-c", _HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"open\n"
        try:
            yield process.pid
        finally:
            process.stdin.close()


async def test_a_second_process_is_refused_and_told_who_is_first(path: Path) -> None:
    with _held_by_another_process(path) as holder:
        with pytest.raises(StoreInUse) as refused:
            await SqliteStore.open(path)
        assert refused.value.holder == str(holder)
        assert str(path) in str(refused.value)

    store = await SqliteStore.open(path)
    await store.close()


async def test_a_lock_file_left_behind_does_not_matter(path: Path) -> None:
    """The lock belongs to the process, so no crash leaves it held."""
    path.parent.mkdir()
    path.with_name("stepwell.db.lock").write_text("4711 and more than a number\n")

    store = await SqliteStore.open(path)
    assert path.with_name("stepwell.db.lock").read_text() == f"{os.getpid()}\n"
    await store.close()


async def test_one_process_cannot_open_a_database_twice(path: Path, store: SqliteStore) -> None:
    with pytest.raises(StoreInUse):
        await SqliteStore.open(path)

    await store.close()
    again = await SqliteStore.open(path)
    await again.close()


async def test_directory_and_files_are_for_their_owner(path: Path, store: SqliteStore) -> None:
    await join_alone(store)

    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    assert "stepwell.db-wal" in modes
    assert stat.S_IMODE(path.parent.stat().st_mode) & 0o007 == 0


async def test_a_file_that_is_no_database_is_refused_and_kept(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database, " * 1_000)

    with pytest.raises(StoreCorrupt, match="not a database"):
        await SqliteStore.open(path)

    assert path.read_bytes() == b"no database, " * 1_000


async def test_a_damaged_database_is_refused(path: Path, store: SqliteStore) -> None:
    await store.close()
    content = bytearray(path.read_bytes())
    content[100:4_096] = b"\xff" * 3_996  # the schema's page, behind an intact header
    path.write_bytes(content)

    with pytest.raises(StoreCorrupt):
        await SqliteStore.open(path)


async def test_an_empty_file_becomes_a_database(path: Path) -> None:
    path.parent.mkdir()
    path.touch()

    store = await SqliteStore.open(path)
    assert await store.apps() == []
    await store.close()


async def test_a_database_of_another_program_is_refused_and_kept(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE customers (name TEXT)")
    connection.close()

    with pytest.raises(StoreUnusable, match="another program"):
        await SqliteStore.open(path)

    connection = sqlite3.connect(path)
    tables = connection.execute("SELECT name FROM sqlite_schema").fetchall()
    connection.close()
    assert tables == [("customers",)]


async def test_a_database_of_a_newer_version_is_refused(path: Path, store: SqliteStore) -> None:
    await store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999_future'")
    connection.close()

    with pytest.raises(StoreNewer) as refused:
        await SqliteStore.open(path)

    assert refused.value.revision == "0999_future"
    assert "upgrade Stepwell" in str(refused.value)


async def test_after_a_refusal_the_lock_is_free(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database, " * 1_000)
    with pytest.raises(StoreCorrupt):
        await SqliteStore.open(path)
    path.unlink()

    store = await SqliteStore.open(path)
    await store.close()


async def test_a_path_through_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreUnusable, match="cannot use"):
        await SqliteStore.open(tmp_path / "file" / "stepwell.db")


async def test_a_directory_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match="directory"):
        await SqliteStore.open(tmp_path)


@contextmanager
def _without_root() -> Iterator[None]:
    """Root may write everywhere, so it steps down for a moment."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(user)


async def test_a_directory_that_cannot_be_written_is_refused() -> None:
    # Not below the fixture's directory, which only its owner may enter.
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o555)
        with _without_root(), pytest.raises(StoreUnusable, match="Permission denied"):
            await SqliteStore.open(directory / "stepwell.db")


async def _limit_pages(store: SqliteStore, *, spare: int | None) -> None:
    """Let the database grow by `spare` pages at most: what a full disk does, repeatably."""

    def limit(connection: sqlite3.Connection) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        pages_max = 10**9 if spare is None else pages + spare
        connection.execute(f"PRAGMA max_page_count = {pages_max}")

    await _opened(store).writer.run("limit", limit)


def _large(number: int) -> Transition:
    memo = b'"%s"' % (b"x" * 100_000)
    return Transition(
        events=[an_event(number)],
        runs=[a_run(number)],
        put=[an_item(number)],
        journal=[an_entry(number, 0, resolved("a", memo))],
    )


async def test_a_full_disk_refuses_commits_until_there_is_room(
    path: Path, store: SqliteStore, owner: Ownership
) -> None:
    """Nothing of a refused batch is stored, reads go on, and no restart is needed."""
    await store.commit(owner, [_large(1)])
    await _limit_pages(store, spare=0)

    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="full") as refused:
            await store.commit(owner, [Transition(done=[ItemId(1)]), _large(2)])
        with pytest.raises(StoreUnavailable, match="full"):
            await store.probe(owner)
    assert refused.value.operation == "commit"
    assert refused.value.retry_after_s == 1
    assert await store.event(event_id(2)) is None
    assert await store.ready([lane_query("c")]) == [[an_item(1)]]

    await _limit_pages(store, spare=None)
    await store.probe(owner)
    await store.commit(owner, [Transition(done=[ItemId(1)]), _large(2)])
    await store.close()

    reopened = await SqliteStore.open(path)
    assert set(await reopened.load_runs([run_id(1), run_id(2)])) == {run_id(1), run_id(2)}
    assert await reopened.ready([lane_query("c")]) == [[an_item(2)]]
    await reopened.close()


async def test_a_lock_of_another_program_makes_the_store_unavailable(
    path: Path, store: SqliteStore, owner: Ownership
) -> None:
    await _opened(store).writer.run(
        "impatience", lambda c: c.execute("PRAGMA busy_timeout = 0").close()
    )
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreUnavailable, match="locked"):
        await store.commit(owner, [_large(1)])

    other.execute("ROLLBACK")
    other.close()
    await store.commit(owner, [_large(1)])
    assert await store.event(event_id(1)) == an_event(1)


async def test_a_reader_connection_cannot_write(store: SqliteStore) -> None:
    with pytest.raises(StoreUnavailable, match="readonly"):
        await _opened(store).readers.run("write", lambda c: c.execute("DELETE FROM events"))


async def test_commits_are_done_in_the_order_they_were_asked_for(
    store: SqliteStore, owner: Ownership
) -> None:
    await store.commit(owner, [Transition(put=[an_item(1, attempt=0)])])
    renewals = [Transition(renew=[an_item(1, attempt=n)]) for n in range(1, 21)]

    await asyncio.gather(*(store.commit(owner, [renewal]) for renewal in renewals))

    assert await store.ready([lane_query("c")]) == [[an_item(1, attempt=20)]]


async def test_closing_finishes_what_was_begun(path: Path) -> None:
    """Also a commit whose caller gave up waiting."""
    store = await SqliteStore.open(path)
    owner = await join_alone(store)
    impatient = asyncio.ensure_future(store.commit(owner, [_large(1)]))
    patient = asyncio.ensure_future(store.commit(owner, [_large(2)]))
    await asyncio.sleep(0)
    impatient.cancel()
    await store.close()
    await patient
    with pytest.raises(asyncio.CancelledError):
        await impatient

    reopened = await SqliteStore.open(path)
    assert await reopened.event(event_id(1)) == an_event(1)
    assert await reopened.event(event_id(2)) == an_event(2)
    await reopened.close()
