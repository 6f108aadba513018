"""What an operator does with a database file, also while a server has it open."""

import asyncio
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from stepwell.core.transition import Transition
from stepwell.engine.store import join_alone
from stepwell.store.errors import (
    FileExists,
    FileNotWritten,
    StoreCorrupt,
    StoreInUse,
    StoreMissing,
    StoreNewer,
    StoreOutdated,
    StoreUnusable,
)
from stepwell.store.migrations import HEAD, REVISIONS
from stepwell.store.migrations.upgrade import upgrade
from stepwell.store.sqlite import SqliteStore
from stepwell.store.sqlite.backup import back_up, restore
from stepwell.store.sqlite.maintenance import migrate, open_current, status, vacuum
from stepwell.wire.errors import OperationalError
from tests.unit.store.builders import (
    a_run,
    an_event,
    event_id,
)

pytestmark = pytest.mark.anyio

_BYTES_OF_MANY = 4_000


def _ignore(_done: int, _total: int) -> None:
    pass


async def _stored(path: Path, *numbers: int) -> SqliteStore:
    """A store with those events and a run, left open."""
    store = await SqliteStore.open(path)
    owner = await join_alone(store)
    events = [an_event(number) for number in numbers]
    await store.commit(owner, [Transition(events=events, runs=[a_run(1, event=numbers[0])])])
    return store


async def _filled(path: Path, *numbers: int) -> None:
    await (await _stored(path, *numbers)).close()


async def _stored_more(path: Path, number: int) -> SqliteStore:
    store = await SqliteStore.open(path)
    owner = await join_alone(store)
    await store.commit(owner, [Transition(events=[an_event(number)])])
    return store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "main.db"


def _break(path: Path) -> None:
    """Damage a page that is in use, and not the first one."""
    with path.open("r+b") as file:
        file.seek(4_096 * 8)
        file.write(b"\xff" * 4_096)


def _pretend(path: Path, revision: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    connection.commit()
    connection.close()


def _old(path: Path) -> None:
    """A database as the oldest version wrote it."""
    path.parent.mkdir(exist_ok=True)
    upgrade(lambda: sqlite3.connect(path, isolation_level=None), to=REVISIONS[0])


# Looking.


async def test_a_database_is_looked_at_while_a_server_has_it(path: Path) -> None:
    store = await _stored(path, 1, 2, 3)

    found = await asyncio.to_thread(status, path)
    await store.close()
    afterwards = status(path)

    assert (found.is_held, afterwards.is_held) == (True, False)
    assert found.holder
    assert (found.revision, found.newest_revision) == (HEAD, HEAD)
    rows = {table.table: table.rows for table in found.tables}
    assert (rows["events"], rows["runs"], rows["journal"]) == (3, 1, 0)
    assert all(table.is_exact for table in found.tables)
    assert (found.oldest_event_ms, found.newest_run_ms) == (1_002, 1_003)
    assert found.wal_bytes > 0
    assert afterwards.bytes == path.stat().st_size


async def test_an_old_database_is_looked_at_and_left_as_it_is(path: Path) -> None:
    _old(path)

    found = status(path)

    assert (found.revision, found.newest_revision) == (REVISIONS[0], HEAD)
    assert (found.oldest_event_ms, found.newest_run_ms) == (None, None)


@pytest.mark.parametrize(
    "look",
    [
        status,
        migrate,
        lambda path: vacuum(path, _ignore),
        lambda path: back_up(path, path.with_name("copy"), _ignore),
        lambda path: restore(path, path.with_name("other"), _ignore, replace=False),
    ],
)
def test_nothing_is_created_where_there_is_nothing(
    path: Path, look: Callable[[Path], object]
) -> None:
    with pytest.raises(StoreMissing, match="--sqlite-dir"):
        look(path)

    assert not path.parent.exists()


def test_a_database_of_another_program_is_none_of_ours(path: Path) -> None:
    path.parent.mkdir()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (x)")
    other.close()

    with pytest.raises(StoreUnusable, match="no database of Stepwell"):
        status(path)


# Migrating.


def test_an_old_database_is_brought_up_to_date(path: Path) -> None:
    _old(path)

    first, second = migrate(path), migrate(path)

    assert (first.before, first.after) == (REVISIONS[0], HEAD)
    assert (second.before, second.after) == (HEAD, HEAD)


async def test_a_newer_database_is_not_touched(path: Path) -> None:
    await _filled(path, 1)
    _pretend(path, "9999_future")
    before = path.read_bytes()

    with pytest.raises(StoreNewer):
        migrate(path)
    with pytest.raises(StoreNewer), open_current(path):
        pass

    assert path.read_bytes() == before


def test_what_reads_todays_tables_wants_them(path: Path) -> None:
    _old(path)

    with pytest.raises(StoreOutdated, match="db migrate"), open_current(path):
        pass


# Vacuuming.


async def test_free_space_is_given_back(path: Path) -> None:
    await _filled(path, *range(1, _BYTES_OF_MANY))
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM events WHERE id > ?", (event_id(1),))
    connection.commit()
    connection.close()
    free_bytes = status(path).free_bytes
    told: list[tuple[int, int]] = []

    done = vacuum(path, lambda *told_of: told.append(told_of))

    assert free_bytes > 0
    # What is left is written anew, and may take a page more than before.
    assert done.before - done.after >= free_bytes - 4096
    assert status(path).free_bytes == 0
    # All that was to be written is; what it came to is known only now, to a page.
    assert told[-1][0] == told[-1][1]
    assert abs(told[-1][1] - done.after) <= 4096
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(each.name for each in path.parent.iterdir()) == ["main.db", "main.db.lock"]
    store = await SqliteStore.open(path)
    assert await store.event(event_id(1)) == an_event(1)
    await store.close()


async def test_nothing_that_writes_works_while_a_server_runs(path: Path, tmp_path: Path) -> None:
    store = await _stored(path, 1)
    copy = tmp_path / "copy.db"
    await asyncio.to_thread(back_up, path, copy, _ignore)

    with pytest.raises(StoreInUse):
        vacuum(path, _ignore)
    with pytest.raises(StoreInUse):
        migrate(path)
    with pytest.raises(StoreInUse):
        restore(copy, path, _ignore, replace=True)

    assert await store.event(event_id(1)) == an_event(1)
    await store.close()


# Backup and restore.


async def test_a_backup_has_what_was_committed_before_it_began(path: Path, tmp_path: Path) -> None:
    """Whatever is written meanwhile, by a server that never waits for it."""
    store = await _stored(path, *range(1, 500))
    owner = await join_alone(store)
    copy = tmp_path / "copy.db"
    failures: list[BaseException] = []

    def work() -> None:
        try:
            back_up(path, copy, _ignore)
        except BaseException as failure:  # noqa: BLE001 - told below
            failures.append(failure)

    thread = Thread(target=work)
    thread.start()
    written = 500
    while thread.is_alive():
        await store.commit(owner, [Transition(events=[an_event(written)])])
        written += 1
    thread.join()
    await store.close()

    assert failures == []
    restored = tmp_path / "other" / "main.db"
    done = restore(copy, restored, _ignore, replace=False)
    assert (done.revision, done.kept) == (HEAD, None)
    again = await SqliteStore.open(restored)
    found = await again.events([event_id(number) for number in range(1, written)])
    await again.close()
    assert set(found) >= {event_id(number) for number in range(1, 500)}
    # Nothing is there of which an earlier one is missing.
    assert set(found) == {event_id(number) for number in range(1, len(found) + 1)}


async def test_copies_are_for_their_owner_alone(path: Path, tmp_path: Path) -> None:
    await _filled(path, 1)
    copy, restored = tmp_path / "copy.db", tmp_path / "other" / "main.db"

    back_up(path, copy, _ignore)
    restore(copy, restored, _ignore, replace=False)

    assert {stat.S_IMODE(each.stat().st_mode) for each in (copy, restored)} == {0o600}
    assert sorted(each.name for each in tmp_path.iterdir()) == ["copy.db", "data", "other"]


async def test_a_database_that_is_replaced_is_kept(path: Path, tmp_path: Path) -> None:
    await _filled(path, 1)
    copy = tmp_path / "copy.db"
    back_up(path, copy, _ignore)
    store = await _stored_more(path, 2)
    await store.close()

    with pytest.raises(FileExists, match="--force"):
        restore(copy, path, _ignore, replace=False)
    done = restore(copy, path, _ignore, replace=True)

    assert done.kept is not None
    for place, expected in ((path, None), (Path(done.kept), an_event(2))):
        store = await SqliteStore.open(place)
        assert await store.event(event_id(1)) == an_event(1)
        assert await store.event(event_id(2)) == expected
        await store.close()


async def test_a_target_is_never_written_over(path: Path, tmp_path: Path) -> None:
    await _filled(path, 1)
    copy = tmp_path / "copy.db"
    copy.write_text("precious")

    with pytest.raises(FileExists):
        back_up(path, copy, _ignore)

    assert copy.read_text() == "precious"


async def test_a_damaged_backup_replaces_nothing(path: Path, tmp_path: Path) -> None:
    await _filled(path, *range(1, _BYTES_OF_MANY))
    copy = tmp_path / "copy.db"
    back_up(path, copy, _ignore)
    _break(copy)
    before = path.read_bytes()

    with pytest.raises(StoreCorrupt):
        restore(copy, path, _ignore, replace=True)

    assert path.read_bytes() == before
    assert sorted(each.name for each in path.parent.iterdir()) == ["main.db", "main.db.lock"]


@pytest.mark.parametrize(
    ("content", "error"), [(b"", StoreUnusable), (b"not a database at all" * 500, StoreCorrupt)]
)
def test_what_is_no_backup_is_refused(
    path: Path, tmp_path: Path, content: bytes, error: type[OperationalError]
) -> None:
    copy = tmp_path / "copy.db"
    copy.write_bytes(content)

    with pytest.raises(error):
        restore(copy, path, _ignore, replace=False)

    assert not path.exists()


async def test_a_backup_of_a_newer_version_is_refused(path: Path, tmp_path: Path) -> None:
    await _filled(path, 1)
    copy = tmp_path / "copy.db"
    back_up(path, copy, _ignore)
    _pretend(copy, "9999_future")

    with pytest.raises(StoreNewer):
        restore(copy, tmp_path / "other" / "main.db", _ignore, replace=False)


async def test_a_backup_of_an_older_version_is_restored_as_it_is(
    path: Path, tmp_path: Path
) -> None:
    """The next start, or `migrate`, brings it up to date, as it does with any old database."""
    _old(path)
    copy, restored = tmp_path / "copy.db", tmp_path / "other" / "main.db"
    back_up(path, copy, _ignore)

    assert restore(copy, restored, _ignore, replace=False).revision == REVISIONS[0]

    await (await SqliteStore.open(restored)).close()
    assert status(restored).revision == HEAD


async def test_a_damaged_database_is_replaced_and_kept(path: Path, tmp_path: Path) -> None:
    await _filled(path, 1)
    copy = tmp_path / "copy.db"
    back_up(path, copy, _ignore)
    path.write_bytes(b"damage" * 1_000)

    done = restore(copy, path, _ignore, replace=True)

    assert done.kept is not None
    assert Path(done.kept).read_bytes() == b"damage" * 1_000
    store = await SqliteStore.open(path)
    assert await store.event(event_id(1)) == an_event(1)
    await store.close()


async def test_a_copy_that_cannot_be_written_leaves_nothing(path: Path, tmp_path: Path) -> None:
    await _filled(path, 1)

    with pytest.raises(FileNotWritten, match="No such file"):
        back_up(path, tmp_path / "missing" / "copy.db", _ignore)

    assert not (tmp_path / "missing").exists()
