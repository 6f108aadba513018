"""A server moves from SQLite to PostgreSQL with everything it has begun."""

import json
import os
import random
import re
import secrets
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGTERM, Signals

import psycopg
import pytest

from tests.e2e.checkers import (
    read,
)
from tests.e2e.processes import HeldApp, ServerProcess, Servers, free_port, on_postgres, wait_until
from tests.e2e.series import FLAGS, Series

_LIMIT_S = 60.0
_ROUNDS = 3
#: Longer than it takes to kill a server.
_SLEEP = "8s"
_KEYS = ("--signing-key", "abcd", "--event-key", "test")

#: A lock that the tests hold, so that a move comes to a stand in its middle.
_LOCK = 42
# Where there are no tables yet, as soon as the last of them was made; else at the first run.
_HOLD_TABLES = f"""
CREATE FUNCTION hold() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
    IF to_regclass('operator_tokens') IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock({_LOCK});
    END IF;
END $$;
CREATE EVENT TRIGGER hold ON ddl_command_end EXECUTE FUNCTION hold();
"""
_HOLD_ROWS = f"""
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_advisory_xact_lock({_LOCK});
    RETURN NEW;
END $$;
CREATE TRIGGER hold BEFORE INSERT ON runs FOR EACH ROW EXECUTE FUNCTION hold();
"""
_LET_GO = "DROP FUNCTION hold CASCADE"
_WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
_SESSIONS = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND application_name = 'stepwell'
"""
_RELATIONS = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1
"""


def _process(directory: Path, *arguments: str, environ: Mapping[str, str]) -> subprocess.Popen[str]:
    foreign = ("INNGEST_", "STEPWELL_", "LOG_")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    return subprocess.Popen(
        [sys.executable, "-m", "stepwell", "migrate", *arguments],
        cwd=directory,
        env={**inherited, **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _migrate(directory: Path, uri: str, *arguments: str) -> tuple[int, str, str]:
    """Status, output and errors of the command."""
    with _process(directory, *arguments, environ=on_postgres(uri)) as process:
        output, errors = process.communicate(timeout=_LIMIT_S)
    password = uri.partition("stepwell:")[2].partition("@")[0]
    assert password not in output + errors
    return process.returncode, output, errors


def _has_ended(server: ServerProcess, event_id: str) -> bool:
    return [run["output"] for run in server.runs_of(event_id)] == ["done"]


@pytest.mark.timeout(120)
def test_a_server_goes_on_after_the_move_with_all_it_had_begun(
    servers: Servers, blank_uri: str, tmp_path: Path
) -> None:
    """Sleeping, waiting, invoking and half-done runs end; nothing is lost, repeated or changed."""
    uri = blank_uri
    seed = secrets.randbits(32)
    environ: dict[str, str] = {}
    port = free_port()

    def start() -> ServerProcess:
        return servers.dev(*FLAGS, port=port, environ=environ)

    def move() -> None:
        before = read(tmp_path / ".stepwell" / "main.db", "SELECT id, status FROM runs ORDER BY id")
        status, output, errors = _migrate(tmp_path, uri)
        assert status == 0, errors
        assert "the same on both sides" in output
        assert "compared queue: " in errors
        assert read(uri, "SELECT id, status FROM runs ORDER BY id") == before
        assert read(uri, "SELECT count(*) FROM queue") != [(0,)]
        environ.update(on_postgres(uri))

    with closing(Series(start, random.Random(seed))) as lives:
        for _ in range(_ROUNDS):
            lives.rounds.go_on()
        lives.terminate(meanwhile=move)
        lives.rounds.go_on()
        lives.finish(uri)

    sys.stdout.write(f"seed {seed}: {lives.rounds.check(uri)}\n")


def test_runs_that_sleep_and_wait_go_on_after_the_move(
    servers: Servers, held_app: HeldApp, uri: str, tmp_path: Path
) -> None:
    """The sleep ends when it was to end, wherever it began; the event finds who waits for it."""
    first = servers.dev()
    held_app.register_with(first)
    sleeper, waiter = (first.send(held_app.event) for _ in range(2))
    held = {call.body["event"]["id"]: call for call in (held_app.next_call(), held_app.next_call())}
    held[sleeper].ask_for({"id": "s", "op": "Sleep", "name": _SLEEP, "displayName": "s"})
    options = {"event": "held/reply", "timeout": "1h"}
    wait = {"id": "w", "op": "WaitForEvent", "name": "held/reply", "opts": options}
    held[waiter].ask_for({**wait, "displayName": "w"})
    database = tmp_path / ".stepwell" / "main.db"
    for row in ("queue WHERE due_ms > 0 AND step = 's'", "waits"):
        wait_until(partial(read, database, f"SELECT 1 FROM {row}"), what=f"a row of {row}")
    first.kill()

    status, _, errors = _migrate(tmp_path, uri)
    assert status == 0, errors
    second = servers.dev(environ=on_postgres(uri))
    second.send("held/reply", {"n": 7})

    again = {
        call.body["event"]["id"]: call for call in (held_app.next_call(), held_app.next_call())
    }
    assert again[sleeper].body["steps"] == {"s": None}
    assert again[waiter].body["steps"]["w"]["data"] == {"n": 7}
    for call in again.values():
        call.answer("done")
    for event_id in (sleeper, waiter):
        wait_until(partial(_has_ended, second, event_id), what="the end of the run")
    assert second.stop() == 0


def test_who_signed_in_before_the_move_does_so_afterwards(
    servers: Servers, uri: str, tmp_path: Path
) -> None:
    """The operator token holds, and no other one is made."""
    first = servers("start", *_KEYS).wait_until_healthy()
    (token,) = re.findall(r"^Operator token: (\S+)$", first.output, re.MULTILINE)
    assert first.stop() == 0

    status, output, errors = _migrate(tmp_path, uri, "--json")

    assert status == 0, errors
    told = {each["table"]: each["rows"] for each in json.loads(output)["tables"]}
    assert told["operator_tokens"] == 1
    assert token not in output + errors
    second = servers("start", *_KEYS, environ=on_postgres(uri)).wait_until_healthy()
    assert "Operator token:" not in second.output
    bearer = {"Authorization": f"Bearer {token}"}
    wait_until(
        lambda: second.get("/v1/retention", headers=bearer).status == 200,
        what="an answer to the operator",
    )
    assert second.stop() == 0


def test_a_move_is_refused_while_a_server_runs_on_either_side(
    servers: Servers, uri: str, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    source = servers.dev()
    source.send("e2e/kept")
    target = servers.dev(directory=tmp_path / "other", environ=on_postgres(uri))

    def refusal() -> str:
        status, output, errors = _migrate(tmp_path, uri)
        assert (status, output) == (1, "")
        return errors

    assert "SW2003: " in refusal()
    assert source.stop() == 0
    told = refusal()
    assert "SW2051: " in told
    assert str(target.process.pid) in told
    # It was not disturbed.
    assert target.send("e2e/other")
    assert target.stop() == 0
    assert "SW2050: " in refusal()
    assert read(uri, "SELECT name FROM events") == [("e2e/other",)]


@pytest.mark.parametrize(
    ("how", "has_schema"),
    [(SIGKILL, False), (SIGKILL, True), (SIGTERM, True), (SIGINT, False), (SIGINT, True)],
)
def test_a_move_that_ends_in_its_middle_leaves_nothing_and_can_be_repeated(
    servers: Servers,
    held_app: HeldApp,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    how: Signals,
    *,
    has_schema: bool,
) -> None:
    uri: str = request.getfixturevalue("uri" if has_schema else "blank_uri")
    server = servers.dev()
    held_app.register_with(server)
    event_id = server.send(held_app.event)
    call = held_app.next_call()
    server.kill()
    call.answer("too late")
    with psycopg.connect(uri, autocommit=True) as holder:
        holder.execute((_HOLD_ROWS if has_schema else _HOLD_TABLES).encode())
        before = read(uri, _RELATIONS)
        holder.execute(f"SELECT pg_advisory_lock({_LOCK})".encode())
        with _process(tmp_path, environ=on_postgres(uri)) as process:
            wait_until(lambda: read(uri, _WAITING) != [(0,)], what="the middle of the move")
            process.send_signal(how)
            _, errors = process.communicate(timeout=_LIMIT_S)
        holder.execute(f"SELECT pg_advisory_unlock({_LOCK})".encode())
        wait_until(lambda: read(uri, _SESSIONS) == [(0,)], what="the end of its session")

        assert process.returncode == (1 if how is SIGINT else -how)
        assert ("can be repeated" in errors) == (how is SIGINT)
        assert "Traceback" not in errors
        assert read(uri, _RELATIONS) == before
        if has_schema:
            assert read(uri, "SELECT id FROM events UNION ALL SELECT id FROM runs") == []
        holder.execute(_LET_GO.encode())

    status, _, errors = _migrate(tmp_path, uri)
    assert status == 0, errors
    again = servers.dev(environ=on_postgres(uri))
    held_app.next_call().answer("done")
    wait_until(partial(_has_ended, again, event_id), what="the end of the run")
    assert again.stop() == 0
