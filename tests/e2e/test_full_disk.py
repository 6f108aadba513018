"""A server whose database cannot grow for a while, and then can again."""

import resource
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests.e2e.checkers import (
    assert_agrees,
    assert_each_started_once,
    assert_sound,
    wait_until_nothing_is_queued,
)
from tests.e2e.disks import full, small_disk
from tests.e2e.load import Load
from tests.e2e.processes import HeldApp, ServerProcess, Servers, wait_until
from tests.e2e.raw_app import EVENT, PROGRAMS
from tests.e2e.raw_app_process import RawAppProcess

pytestmark = pytest.mark.skipif(
    not hasattr(resource, "prlimit"), reason="the limits of another process take Linux"
)

_EVENTS = 20
_FLAGS = ("--retry-interval", "1")
# SQLite's log alone may take 16 MiB before it begins again.
_DISK_MIB = 48


def database_of(directory: Path) -> Path:
    return directory / ".stepwell" / "main.db"


@contextmanager
def files_at_their_limit(server: ServerProcess) -> Iterator[None]:
    """While this lasts, no file of the server can become larger than its largest one is."""
    database = database_of(server.directory)
    sizes = [path.stat().st_size for path in (database, database.with_name("main.db-wal"))]
    pid = server.process.pid
    unlimited = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (max(sizes), unlimited[1]))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own for one server; unmounted when that has ended."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with small_disk(folder, _DISK_MIB) as mounted:
        yield mounted


def assert_refuses_to_accept(server: ServerProcess) -> None:
    """503 with a code and a hint when to repeat, and nothing accepted; the rest still works."""
    refused = server.post("/e/test", {"name": EVENT, "data": {"key": "refused"}})

    assert refused.status == 503
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["code"] == "SW2001"
    assert refused.json()["ids"] == []
    assert server.get("/health").status == 200
    assert server.get("/v1/events?limit=1").status == 200


def _goes_on_afterwards(
    server: ServerProcess, directory: Path, trouble: AbstractContextManager[None]
) -> None:
    """Send events before, during and after the trouble; all acknowledged ones must end well."""
    with closing(RawAppProcess(server)) as app, closing(Load(server.url)) as load:
        load.allow(_EVENTS)
        load.wait_for(1)
        with trouble:
            load.allow(_EVENTS)
            load.wait_for_refusal()
            assert_refuses_to_accept(server)
        load.allow(_EVENTS)
        load.wait_for(3 * _EVENTS)
        app.wait(ended=3 * _EVENTS * len(PROGRAMS))
        record = app.record
        wait_until_nothing_is_queued(database_of(directory))
        assert server.stop(signal.SIGTERM) == 0

    assert_sound(database_of(directory))
    assert_each_started_once(database_of(directory), load.acknowledged)
    assert_agrees(database_of(directory), record)


def test_a_full_database_accepts_nothing_loses_nothing_and_goes_on_when_it_can(
    servers: Servers, tmp_path: Path
) -> None:
    """What was acknowledged before, during and after runs to its end, without a restart."""
    server = servers.dev(*_FLAGS)
    _goes_on_afterwards(server, tmp_path, files_at_their_limit(server))


def test_a_full_disk_accepts_nothing_loses_nothing_and_goes_on_when_there_is_space(
    servers: Servers, disk: Path
) -> None:
    """The same with the log, too, on a disk that has no space left."""
    server = servers("dev", "--no-discovery", "--no-poll", *_FLAGS, directory=disk)
    server.wait_until_healthy()
    _goes_on_afterwards(server, disk, full(disk))


def test_an_answer_that_could_not_be_recorded_is_asked_for_again(
    servers: Servers, held_app: HeldApp
) -> None:
    """The first answer that is recorded counts, not the first that is given."""
    server = servers.dev(*_FLAGS)
    held_app.register_with(server)
    event_id = server.send(held_app.event)
    call = held_app.next_call()

    with files_at_their_limit(server):
        call.answer("lost")
        wait_until(
            lambda: any(entry["msg"] == "partition.lost" for entry in server.entries),
            what="the failed commit",
        )
        assert [run["ended_at"] for run in server.runs_of(event_id)] == [None]
        assert held_app.calls.empty()
    held_app.next_call().answer("recorded")

    wait_until(
        lambda: [run.get("output") for run in server.runs_of(event_id)] == ["recorded"],
        what="end of the run",
    )


def test_a_server_with_a_full_disk_can_be_stopped_and_the_next_one_goes_on(
    servers: Servers, held_app: HeldApp
) -> None:
    server = servers.dev(*_FLAGS)
    held_app.register_with(server)
    event_id = server.send(held_app.event)
    call = held_app.next_call()

    with files_at_their_limit(server):
        call.answer("lost")
        assert server.stop(signal.SIGTERM) == 0
    server = servers.dev(*_FLAGS)
    held_app.next_call().answer("recorded")

    wait_until(
        lambda: [run.get("output") for run in server.runs_of(event_id)] == ["recorded"],
        what="end of the run",
    )
