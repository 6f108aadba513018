"""Keeping processes: what becomes of those that end, with small programs in place of servers."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from stepwell.server.child import VARIABLE, Child
from stepwell.server.errors import ProcessesEnd
from stepwell.server.options import Mode
from stepwell.server.settings import Settings
from stepwell.server.supervisor import Supervisor
from stepwell.server.worker import Ended
from tests.e2e.processes import wait_until

pytestmark = pytest.mark.anyio

# What a process is, the byte that lets it begin, and a line in the test's file.
_BEGIN = f"""
import json, os, socket, sys, time
me = json.loads(os.environ["{VARIABLE}"])
channel = socket.socket(fileno=me["channel"])
may_begin = channel.recv(1)
def note(text):
    with open("FILE", "a") as file:
        file.write(f"{{me['number']}} {{text}}\\n")
if not may_begin:
    note("never began")
    sys.exit(0)
note("began")
"""
_SERVE = """
channel.send(b"ready\\n")
channel.recv(1)
note("stopped")
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Programs:
    """A supervisor of processes that run a small program, and what they have noted."""

    def __init__(self, directory: Path, program: str, *, count: int = 2) -> None:
        self._file = directory / "notes"
        self._file.touch()
        code = _BEGIN.replace("FILE", str(self._file)) + program
        settings = Settings(
            mode=Mode.START, host="127.0.0.1", port=0, database=None, processes=count
        )
        self.supervisor = Supervisor(settings, (sys.executable, "-S", "-c", code), retry_first_s=0)

    @property
    def notes(self) -> list[str]:
        return self._file.read_text().splitlines()

    async def until_noted(self, text: str, *, times: int) -> None:
        def are_noted() -> bool:
            return sum(note.endswith(text) for note in self.notes) >= times

        await asyncio.to_thread(wait_until, are_noted, what=f"{times} times: {text}")


async def test_all_begin_when_the_first_one_serves_and_stop_when_told(tmp_path: Path) -> None:
    programs = Programs(tmp_path, _SERVE, count=3)
    running = asyncio.create_task(programs.supervisor.run())
    await programs.until_noted("began", times=3)

    programs.supervisor.stop()

    assert await running == 0
    assert programs.notes[0] == "1 began"
    assert sorted(programs.notes[-3:]) == ["1 stopped", "2 stopped", "3 stopped"]


async def test_a_first_process_that_cannot_start_ends_all_with_its_status(tmp_path: Path) -> None:
    programs = Programs(tmp_path, "sys.exit(3)", count=3)

    assert await programs.supervisor.run() == 3
    assert "1 began" in programs.notes
    assert "2 began" not in programs.notes


async def test_a_process_that_ends_is_replaced(tmp_path: Path) -> None:
    once = f"""
if me["number"] == 2 and not os.path.exists("{tmp_path}/died"):
    open("{tmp_path}/died", "w").close()
    os.kill(os.getpid(), 9)
"""
    programs = Programs(tmp_path, once + _SERVE)
    running = asyncio.create_task(programs.supervisor.run())
    await programs.until_noted("2 began", times=2)
    programs.supervisor.stop()

    assert await running == 0
    assert programs.notes.count("1 began") == 1


async def test_others_are_told_which_node_has_died(tmp_path: Path) -> None:
    """A process says which node it is; what it has said last counts."""
    program = f"""
channel.send(b"joined %d\\njoined %d\\nready\\n" % (me["number"], 40 + me["number"]))
if me["number"] == 2 and not os.path.exists("{tmp_path}/died"):
    open("{tmp_path}/died", "w").close()
    os.kill(os.getpid(), 9)
heard = channel.recv(100)
while heard:
    note(f"heard {{heard.decode().strip()}}")
    heard = channel.recv(100)
"""
    programs = Programs(tmp_path, program, count=2)
    running = asyncio.create_task(programs.supervisor.run())
    await programs.until_noted("2 began", times=2)
    await programs.until_noted("1 heard died 42", times=1)
    programs.supervisor.stop()

    assert await running == 0
    assert [note for note in programs.notes if "heard" in note] == ["1 heard died 42"]


async def test_processes_that_all_end_at_once_are_given_up(tmp_path: Path) -> None:
    programs = Programs(tmp_path, 'channel.send(b"ready\\n"); sys.exit(7)')

    with pytest.raises(ProcessesEnd, match="status 7") as raised:
        await programs.supervisor.run()

    assert raised.value.code == "SW2019"
    assert programs.notes.count("1 began") >= 5
    assert programs.notes.count("2 began") >= 5


async def test_as_long_as_one_serves_nobody_gives_up(tmp_path: Path) -> None:
    programs = Programs(tmp_path, "if me['number'] == 2: sys.exit(7)\n" + _SERVE)
    running = asyncio.create_task(programs.supervisor.run())
    await programs.until_noted("2 began", times=7)
    programs.supervisor.stop()

    await running
    assert programs.notes.count("1 began") == programs.notes.count("1 stopped") == 1


async def test_a_process_that_says_nothing_any_more_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a service manager does with whoever promised signs of life."""
    monkeypatch.setenv("WATCHDOG_USEC", "50000")
    silent = 'channel.send(b"ready\\n"); time.sleep(60)'
    programs = Programs(tmp_path, silent, count=1)

    with pytest.raises(ProcessesEnd, match="SIGKILL"):
        await programs.supervisor.run()


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [(0, 0, "status 0"), (3, 3, "status 3"), (-9, 137, "SIGKILL"), (-63, 191, "signal 63")],
)
async def test_how_a_process_ended_is_told(code: int, status: int, reason: str) -> None:
    ended = Ended(1, code, 0.5)
    assert (ended.status, ended.reason) == (status, reason)


async def test_a_process_knows_what_it_is_and_nobody_it_starts_does() -> None:
    child = Child(number=2, port=8288, channel=5)
    environ = {VARIABLE: child.told(), "OTHER": "kept"}

    assert Child.take(environ) == child
    assert environ == {"OTHER": "kept"}
    assert Child.take(environ) is None
    assert json.loads(child.told())["number"] == 2
