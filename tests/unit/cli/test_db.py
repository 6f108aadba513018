"""`stepwell db`, on real files."""

import asyncio
import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from stepwell.cli.program import program
from stepwell.core.journal import RunEnded
from stepwell.core.status import RunStatus
from stepwell.core.transition import RunEnd, Transition
from stepwell.engine.store import join_alone
from stepwell.store.migrations import HEAD
from stepwell.store.sqlite import SqliteStore
from tests.unit.store.builders import (
    a_function,
    a_run,
    an_entry,
    an_event,
    event_id,
    run_id,
)

FUNCTION = a_function()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with a database: three events, a run that has ended and one that has not."""
    path = tmp_path / "data"

    async def fill() -> None:
        store = await SqliteStore.open(path / "main.db")
        owner = await join_alone(store)
        runs = [a_run(n, function=FUNCTION.id, queued_ms=1_003 * n) for n in (1, 2)]
        ended = RunEnded(1_014, RunStatus.COMPLETED, output=_raw(b'{"n":1}'))
        transition = Transition(
            functions=[FUNCTION],
            events=[an_event(n, received_ms=1_000 * n) for n in (1, 2, 3)],
            runs=runs,
            journal=[an_entry(1, 0), an_entry(1, 1, ended)],
            ended=[RunEnd(run_id(1), RunStatus.COMPLETED, 1_013, 1_014, 1)],
        )
        await store.commit(owner, [transition])
        await store.close()

    asyncio.run(fill())
    return path


def _raw(json_bytes: bytes) -> msgspec.Raw:
    return msgspec.Raw(json_bytes)


def db(folder: Path, *arguments: str) -> Result:
    given = ["db", *arguments, "--sqlite-dir", str(folder)]
    return CliRunner().invoke(program, given, prog_name="stepwell")


def _lines(result: Result) -> list[dict[str, object]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_the_status_tells_what_is_there(folder: Path) -> None:
    shown = db(folder, "status")
    told = json.loads(db(folder, "status", "--json").output)

    assert shown.exit_code == 0
    assert f"{HEAD} (the newest)" in shown.output
    assert told["revision"] == told["newest_revision"] == HEAD
    assert told["is_held"] is False
    assert {"table": "events", "rows": 3, "is_exact": True} in told["tables"]


def test_a_backup_is_restored(folder: Path, tmp_path: Path) -> None:
    copy, other = tmp_path / "copy.db", tmp_path / "other"

    backed_up = db(folder, "backup", str(copy))
    restored = db(other, "restore", str(copy), "--json")

    assert backed_up.exit_code == 0, backed_up.output
    assert json.loads(restored.stdout)["kept"] is None
    assert len(_lines(db(other, "export", "events"))) == 3


def test_a_database_is_replaced_only_if_that_is_said(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    db(folder, "backup", str(copy))

    refused = db(folder, "restore", str(copy))
    done = db(folder, "restore", str(copy), "--force")

    assert refused.exit_code == 1
    assert "SW2008" in refused.output
    assert done.exit_code == 0
    assert "The database that was there is" in done.stderr


def test_the_schema_is_brought_up_to_date(folder: Path) -> None:
    assert db(folder, "migrate").output == f"The schema is up to date: {HEAD}\n"
    assert json.loads(db(folder, "migrate", "--json").output) == {"before": HEAD, "after": HEAD}


def test_free_space_is_given_back(folder: Path) -> None:
    assert "gained" in db(folder, "vacuum").output
    sizes = json.loads(db(folder, "vacuum", "--json").output)
    assert sizes["before"] == sizes["after"]


@pytest.mark.parametrize(
    "arguments", [("status",), ("migrate",), ("vacuum",), ("backup", "b"), ("export", "runs")]
)
def test_without_a_database_there_is_an_error_that_says_what_to_do(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    result = db(tmp_path / "nothing", *arguments)

    assert result.exit_code == 1
    assert "--sqlite-dir" in result.stderr
    assert "docs/errors/SW2007.md" in result.stderr


def test_there_is_no_file_where_everything_is_in_memory(tmp_path: Path) -> None:
    (tmp_path / "stepwell.json").write_text('{"persist": false}')

    result = db(tmp_path, "status", "--config", str(tmp_path / "stepwell.json"))

    assert result.exit_code == 1
    assert "persist is false" in result.stderr


# Export.


def test_events_are_written_a_line_each(folder: Path) -> None:
    lines = _lines(db(folder, "export", "events"))

    assert [line["internal_id"] for line in lines] == [event_id(n) for n in (1, 2, 3)]
    assert lines[0] == {
        "internal_id": event_id(1),
        "environment_id": "00000000-0000-4000-b000-000000000000",
        "name": "shop/order",
        "id": "sent-1",
        "ts": 1_001,
        "received_ms": 1_000,
        "event": {"name": "shop/order", "data": {"n": 1, "r": 0}},
    }


def test_events_of_a_time_are_written(folder: Path) -> None:
    since, until = "1970-01-01T00:00:02Z", "1970-01-01T00:00:03Z"

    lines = _lines(db(folder, "export", "events", "--from", since, "--until", until))

    assert [line["internal_id"] for line in lines] == [event_id(2)]


def test_runs_are_written_with_their_outcome(folder: Path) -> None:
    ended, live = _lines(db(folder, "export", "runs"))

    assert (ended["id"], ended["function"], ended["status"]) == (
        run_id(1),
        FUNCTION.slug,
        "Completed",
    )
    assert (ended["output"], ended["ended_ms"]) == ({"n": 1}, 1_014)
    assert (live["status"], "output" in live, "journal" in live) == ("Scheduled", False, False)


def test_runs_are_written_with_all_that_happened(folder: Path) -> None:
    ended, live = _lines(db(folder, "export", "runs", "--with-journal"))

    assert [entry["is"] for entry in ended["journal"]] == ["RunStarted", "RunEnded"]  # type: ignore[attr-defined]
    assert live["journal"] == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--status", "completed"), [run_id(1)]),
        (("--status", "Scheduled", "--status", "failed"), [run_id(2)]),
        (("--function", FUNCTION.slug), [run_id(1), run_id(2)]),
        (("--function", FUNCTION.id, "--status", "cancelled"), []),
        (("--from", "1970-01-01T00:00:02Z"), [run_id(2)]),
    ],
)
def test_some_runs_are_chosen(
    folder: Path, arguments: tuple[str, ...], expected: list[str]
) -> None:
    assert [line["id"] for line in _lines(db(folder, "export", "runs", *arguments))] == expected


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--function", "nobody"), "there is no function 'nobody'"),
        (("--from", "yesterday"), "neither a time"),
        (("--status", "done"), "is not one of"),
    ],
)
def test_a_choice_that_cannot_be_is_refused(
    folder: Path, arguments: tuple[str, ...], says: str
) -> None:
    result = db(folder, "export", "runs", *arguments)

    assert result.exit_code == 2
    assert says in result.stderr


def test_an_export_goes_into_a_new_file(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "events.jsonl"

    first = db(folder, "export", "events", "--output", str(output))
    again = db(folder, "export", "events", "--output", str(output))

    assert (first.exit_code, first.stdout) == (0, "")
    assert len(output.read_text().splitlines()) == 3
    assert output.stat().st_mode & 0o777 == 0o600
    assert (again.exit_code, "SW2008" in again.stderr) == (1, True)
    assert [each.name for each in tmp_path.glob("*.part")] == []


def _holds(folder: Path, token: str) -> bool:
    async def look() -> bool:
        store = await SqliteStore.open(folder / "main.db")
        held = await store.operator_tokens().current()
        await store.close()
        return held is not None and held.matches(token)

    return asyncio.run(look())


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_whoever_has_lost_the_operator_token_gets_another_one(
    folder: Path, flags: tuple[str, ...]
) -> None:
    first, second = (db(folder, "replace-token", *flags) for _ in range(2))

    tokens = [json.loads(r.stdout)["token"] if flags else r.stdout.strip() for r in (first, second)]
    assert [first.exit_code, second.exit_code] == [0, 0]
    assert "does not hold any more" in second.stderr
    assert [_holds(folder, token) for token in tokens] == [False, True]


def test_the_token_stays_while_a_server_runs_and_where_there_is_no_database(
    folder: Path, tmp_path: Path
) -> None:
    async def while_open() -> Result:
        store = await SqliteStore.open(folder / "main.db")
        try:
            return await asyncio.to_thread(db, folder, "replace-token")
        finally:
            await store.close()

    in_use = asyncio.run(while_open())
    missing = db(tmp_path / "nowhere", "replace-token")

    assert (in_use.exit_code, in_use.stdout) == (1, "")
    assert "SW2003: " in in_use.stderr
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert "SW2007: " in missing.stderr
    assert not (tmp_path / "nowhere").exists()


def test_a_postgresql_database_is_not_mistaken_for_the_file_beside_it(folder: Path) -> None:
    environ = {"STEPWELL_POSTGRES_URI": "postgresql://user:5ecret@host/db"}
    given = ["db", "status", "--sqlite-dir", str(folder)]

    result = CliRunner().invoke(program, given, prog_name="stepwell", env=environ)

    assert result.exit_code == 1
    assert "SW2014: " in result.stderr
    assert "5ecret" not in result.output
