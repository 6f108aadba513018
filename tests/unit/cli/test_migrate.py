"""`stepwell migrate`: what it prints, and what it says when it cannot."""

import asyncio
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stepwell.cli import move_progress
from stepwell.cli.move_progress import move_progress_on
from stepwell.cli.program import program
from stepwell.core.transition import Transition
from stepwell.engine.store import join_alone
from stepwell.store.moving import Work, WorkKind
from stepwell.store.sqlite import SqliteStore
from tests.postgres.fixtures import PostgresPlace
from tests.unit.store.builders import an_event

SECRET = "postgresql://user:5ecret@host"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with a database that has three events."""
    path = tmp_path / "data"

    async def fill() -> None:
        store = await SqliteStore.open(path / "main.db")
        owner = await join_alone(store)
        await store.commit(owner, [Transition(events=[an_event(n) for n in (1, 2, 3)])])
        await store.close()

    asyncio.run(fill())
    return path


def migrate(*arguments: str, uri: str = "", **environ: str) -> Result:
    given = ["migrate", *arguments]
    environ = {"STEPWELL_POSTGRES_URI": uri, **environ}
    return CliRunner().invoke(program, given, prog_name="stepwell", env=environ)


def test_it_says_what_was_moved_and_how_far_it_is(
    folder: Path, postgres_newest: PostgresPlace
) -> None:
    result = migrate("--sqlite-dir", str(folder), uri=postgres_newest.uri)

    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["TABLE", "ROWS", "CHECKSUM"]
    assert ["events", "3"] in [line.split()[:2] for line in lines]
    assert lines[-2].startswith(f"{folder}/main.db -> postgresql://127.0.0.1:")
    assert lines[-1] == "4 rows moved; rows and checksums are the same on both sides"
    told = result.stderr.splitlines()
    assert told[0] == "checked the file: 4 rows"
    assert {"copied events: 3 rows", "compared events: 3 rows"} <= {*told}
    password = postgres_newest.uri.split("stepwell:")[1].split("@")[0]
    assert password not in result.output
    assert postgres_newest.execute("SELECT count(*) FROM events") == [(3,)]


def test_programs_get_json_and_any_file_can_be_moved(
    folder: Path, tmp_path: Path, postgres_newest: PostgresPlace
) -> None:
    copy = (folder / "main.db").rename(tmp_path / "copy.db")

    result = migrate("--sqlite-file", str(copy), "--json", "--postgres-uri", postgres_newest.uri)

    told = json.loads(result.stdout)
    assert (told["source"], told["rows"]) == (str(copy), 4)
    moved = {each["table"]: each["rows"] for each in told["tables"]}
    assert {table: rows for table, rows in moved.items() if rows} == {
        "environments": 1,
        "events": 3,
    }
    assert all(len(each["checksum"]) == 32 for each in told["tables"])


def test_a_second_time_is_refused(folder: Path, postgres_newest: PostgresPlace) -> None:
    first, second = (
        migrate("--sqlite-dir", str(folder), uri=postgres_newest.uri) for _ in range(2)
    )

    assert (first.exit_code, second.exit_code) == (0, 1)
    assert second.stdout == ""
    assert "is not empty: there is something in events" in second.stderr
    assert "docs/errors/SW2050.md" in second.stderr


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("", "STEPWELL_POSTGRES_URI or --postgres-uri"),
        ("main.db", "must begin with postgres://"),
        ("mysql://user:5ecret@host/db", "must begin with postgres://"),
        (f"{SECRET}/a@b/db", "must be like postgresql://"),
    ],
)
def test_the_target_must_be_said_and_be_postgresql(folder: Path, uri: str, told: str) -> None:
    result = migrate("--sqlite-dir", str(folder), uri=uri)

    assert result.exit_code == 1
    assert told in result.stderr
    assert "SW2010: " in result.stderr
    assert "5ecret" not in result.output


@pytest.mark.parametrize("arguments", [("--sqlite-dir",), ("--sqlite-file",)])
def test_the_source_must_exist(tmp_path: Path, arguments: tuple[str]) -> None:
    result = migrate(*arguments, str(tmp_path / "nothing"), uri=f"{SECRET}/db")

    assert result.exit_code == 1
    assert "SW2007: " in result.stderr
    assert not (tmp_path / "nothing").exists()


def test_a_directory_is_no_database(folder: Path) -> None:
    result = migrate("--sqlite-file", str(folder), uri=f"{SECRET}/db")

    assert result.exit_code == 1
    assert "SW2007: " in result.stderr


def test_what_is_only_in_memory_cannot_be_moved(tmp_path: Path) -> None:
    config = tmp_path / "stepwell.json"
    config.write_text('{"persist": false}')

    result = migrate("--config", str(config), uri=f"{SECRET}/db")

    assert result.exit_code == 1
    assert "persist is false" in result.stderr


# Progress.


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _work(rows: int, *, is_done: bool = False) -> Work:
    return Work(WorkKind.COPY, "runs", rows, 500_000 + rows, 4_000_000, is_done=is_done)


def test_whoever_watches_sees_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is wiped away at the end."""
    monkeypatch.setattr(move_progress, "_PAUSE_S", 0.0)
    stream = _Terminal()

    with move_progress_on(stream) as watch:
        watch(Work(WorkKind.CHECK, "", 0, 0, 0, is_done=False))
        watch(_work(500_000))

    assert stream.getvalue().split("\r\x1b[K") == [
        "",
        "Checking the file ",
        "Copying runs  25 %, 1,000,000 of 4,000,000 rows ",
        "",
    ]


def test_elsewhere_there_is_a_line_for_a_table_and_for_a_million_rows() -> None:
    stream = io.StringIO()

    with move_progress_on(stream) as watch:
        for rows in (1_000, 999_000, 1_000_000, 1_001_000):
            watch(_work(rows))
        watch(_work(1_001_500, is_done=True))

    assert stream.getvalue() == "copied 1,000,000 rows of runs\ncopied runs: 1,001,500 rows\n"
