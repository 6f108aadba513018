"""`stepwell db`: look at the database, keep it in order, copy it, and get data out of it.

The database is found as `stepwell start` finds it.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import msgspec

from stepwell.cli.export_file import written_lines
from stepwell.cli.json_text import json_text
from stepwell.cli.progress import progress_on
from stepwell.cli.serving import settings_from
from stepwell.cli.setting_flags import config_flag, flag_for
from stepwell.cli.tables import Column, facts, table
from stepwell.cli.times import local_text, parse_point_ms, rfc_3339
from stepwell.core.access_token import ENTROPY_BYTES, TokenHash, new_operator_token
from stepwell.core.status import RunStatus
from stepwell.server.errors import SettingInvalid, SettingUnsupported
from stepwell.server.options import OPTIONS, Mode

__all__ = ["db"]

_BY_NAME: Final = {option.name: option for option in OPTIONS}
_STATUSES: Final = {status.wire_name.lower(): status for status in RunStatus}

_Command = TypeVar("_Command", bound=Callable[..., Any])

_as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def _finds_database(command: _Command) -> _Command:
    return config_flag(flag_for(_BY_NAME["sqlite-dir"])(command))


@click.group()
def db() -> None:
    """Look at the database, copy it, bring it up to date, and get data out of it.

    The database is found as the server itself finds it: with --sqlite-dir, STEPWELL_SQLITE_DIR or
    a configuration file, and otherwise in .stepwell.
    """


@db.command()
@_finds_database
@_as_json
@click.pass_context
def status(ctx: click.Context, /, *, as_json: bool, **flags: object) -> None:
    """Show size, schema and rows of the database, and whether a server has it open."""
    # What works on databases takes a while to import, which `--help` can do without.
    from stepwell.store.sqlite import maintenance  # noqa: PLC0415

    found = maintenance.status(_path(ctx, flags))
    if as_json:
        _print_json(found)
        return
    is_current = found.revision == found.newest_revision
    newest = "the newest" if is_current else f"this version works with {found.newest_revision}"
    holder = f"process {found.holder}" if found.holder else "a server"
    lines = facts(
        [
            ("Database", found.path),
            ("Size", _bytes(found.bytes)),
            ("Log beside it", _bytes(found.wal_bytes)),
            ("Free in it", _bytes(found.free_bytes)),
            ("Schema", f"{found.revision} ({newest})"),
            ("In use", f"by {holder}" if found.is_held else "no"),
            ("Events", _period(found.oldest_event_ms, found.newest_event_ms)),
            ("Runs", _period(found.oldest_run_ms, found.newest_run_ms)),
        ]
    )
    columns = (Column("TABLE"), Column("ROWS", is_number=True))
    rows = [
        (t.table, f"{t.rows:,}" if t.is_exact else f"more than {t.rows:,}") for t in found.tables
    ]
    for line in (*lines, "", *table(columns, rows)):
        click.echo(line)


@db.command()
@_finds_database
@_as_json
@click.pass_context
def migrate(ctx: click.Context, /, *, as_json: bool, **flags: object) -> None:
    """Bring the schema up to date, as the start of a server does.

    Refused while a server runs. Older versions of Stepwell cannot open the database afterwards.
    """
    from stepwell.store.sqlite import maintenance  # noqa: PLC0415

    migrated = maintenance.migrate(_path(ctx, flags))
    if as_json:
        _print_json(migrated)
    elif migrated.before == migrated.after:
        click.echo(f"The schema is up to date: {migrated.after}")
    else:
        click.echo(f"{migrated.before} -> {migrated.after}")


@db.command()
@_finds_database
@_as_json
@click.pass_context
def vacuum(ctx: click.Context, /, *, as_json: bool, **flags: object) -> None:
    """Give free space in the file back to the disk.

    Refused while a server runs. It writes the database anew, so it needs as much free space on the
    disk as the new file has.
    """
    from stepwell.store.sqlite import maintenance  # noqa: PLC0415

    with progress_on(sys.stderr, "Writing") as progress:
        done = maintenance.vacuum(_path(ctx, flags), progress)
    if as_json:
        _print_json(done)
    else:
        gained = _bytes(max(0, done.before - done.after))
        click.echo(f"{_bytes(done.before)} -> {_bytes(done.after)}, {gained} gained")


@db.command()
@click.argument("file", type=click.Path(path_type=Path))
@_finds_database
@_as_json
@click.pass_context
def backup(ctx: click.Context, /, *, file: Path, as_json: bool, **flags: object) -> None:
    """Copy the database into FILE, also while a server writes to it.

    The copy holds everything that was acknowledged before the command began, and is read through
    before it gets its name. FILE must not exist. It has the data of all events and results, so it
    is for its owner alone (mode 0600).
    """
    from stepwell.store.sqlite import backup as backups  # noqa: PLC0415

    with progress_on(sys.stderr, "Copying") as progress:
        done = backups.back_up(_path(ctx, flags), file, progress)
    if as_json:
        _print_json(done)
    else:
        click.echo(f"{done.path}  {_bytes(done.bytes)}, schema {done.revision}, checked")


@db.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace a database that is there; it is kept.")
@_finds_database
@_as_json
@click.pass_context
def restore(
    ctx: click.Context, /, *, file: Path, force: bool, as_json: bool, **flags: object
) -> None:
    """Put a copy of the backup FILE in the place of the database.

    Refused while a server runs, and if there is a database, unless --force is given. The backup is
    checked before anything changes.
    """
    from stepwell.store.sqlite import backup as backups  # noqa: PLC0415

    with progress_on(sys.stderr, "Copying") as progress:
        done = backups.restore(file, _path(ctx, flags), progress, replace=force)
    if as_json:
        _print_json(done)
        return
    click.echo(f"{done.path}  {_bytes(done.bytes)}, schema {done.revision}, checked")
    if done.kept is not None:
        click.echo(f"The database that was there is {done.kept}", err=True)


@db.command("replace-token", short_help="Make another operator token, and print it.")
@_finds_database
@_as_json
@click.pass_context
def replace_token(ctx: click.Context, /, *, as_json: bool, **flags: object) -> None:
    """Make another operator token in place of the one that holds, and print it.

    For whoever has lost the token. Refused while a server runs; a running one is asked with
    `stepwell token replace`.
    """
    from stepwell.store.sql import operator_tokens  # noqa: PLC0415
    from stepwell.store.sqlite import maintenance  # noqa: PLC0415
    from stepwell.store.sqlite.asking import change  # noqa: PLC0415

    made = new_operator_token(os.urandom(ENTROPY_BYTES))
    with maintenance.open_for_change(_path(ctx, flags)) as connection:
        # Printed first: if that fails, the token that holds goes on to.
        click.echo(json_text({"token": made}) if as_json else made)
        change(connection, operator_tokens.replace_token(TokenHash.of(made), now_ms=_now_ms()))
    click.echo("The one before does not hold any more.", err=True)


@db.command()
@click.argument("what", type=click.Choice(("runs", "events")))
@click.option("--from", "since", metavar="TIME", help="Only what is from this time or later.")
@click.option("--until", metavar="TIME", help="Only what is from before this time.")
@click.option("--function", "functions", metavar="FUNCTION", multiple=True, help="Only runs of it, by slug or id. Can be repeated.")  # fmt: skip
@click.option("--status", "statuses", type=click.Choice(tuple(_STATUSES), case_sensitive=False), multiple=True, help="Only runs in it. Can be repeated.")  # fmt: skip
@click.option("--with-journal", is_flag=True, help="Also all that happened in each run.")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Write to a new file instead of standard output.")  # fmt: skip
@_finds_database
@click.pass_context
def export(ctx: click.Context, /, *, what: str, output: Path | None, **flags: Any) -> None:
    """Write runs or events as JSON, one to a line, oldest first.

    Also while a server runs. TIME is a date or a time, such as 2026-11-21T09:00, or how long ago,
    such as 2h.
    """
    from stepwell.store.sqlite import export as exports  # noqa: PLC0415
    from stepwell.store.sqlite import maintenance  # noqa: PLC0415

    with maintenance.open_current(_path(ctx, flags)) as connection:
        wanted = exports.Range(
            from_ms=_point_ms("--from", flags["since"], otherwise=0),
            until_ms=_point_ms("--until", flags["until"], otherwise=2**53),
            function_ids=_function_ids(flags["functions"], exports.functions(connection)),
            statuses=tuple(_STATUSES[word.lower()] for word in flags["statuses"]),
            with_journal=flags["with_journal"],
        )
        read = exports.export_runs if what == "runs" else exports.export_events
        count = written_lines(read(connection, wanted), output)
    if output is not None:
        click.echo(f"{output}  {count:,} {what}", err=True)


def _path(ctx: click.Context, flags: Mapping[str, object]) -> Path:
    # The mode that requires no keys, because none are needed for a file.
    settings = settings_from(Mode.DEV, ctx, flags)
    if settings.postgres is not None:
        raise SettingUnsupported("postgres-uri", "stepwell db works on SQLite databases only")
    database = settings.database
    if database is None:
        raise SettingInvalid("persist", "persist is false: there is no database in a file")
    return database


def _point_ms(name: str, text: str | None, *, otherwise: int) -> int:
    if text is None:
        return otherwise
    ms = parse_point_ms(text, now_ms=_now_ms())
    if ms is None:
        raise click.BadParameter(
            f'{text!r} is neither a time such as 2026-11-21T09:00 nor how long ago, such as "2h"',
            param_hint=name,
        )
    return ms


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _function_ids(wanted: tuple[str, ...], slugs: Mapping[str, str]) -> tuple[str, ...]:
    ids = []
    for name in wanted:
        found = [key for key, slug in slugs.items() if name in (key, slug)]
        if not found:
            raise click.BadParameter(f"there is no function {name!r}", param_hint="--function")
        ids += found
    return tuple(ids)


def _print_json(value: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def _period(first_ms: int | None, last_ms: int | None) -> str | None:
    if first_ms is None or last_ms is None:
        return None
    return f"{local_text(rfc_3339(first_ms))} to {local_text(rfc_3339(last_ms))}"


def _bytes(count: int) -> str:
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{count} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"
