"""`stepwell migrate`: from SQLite to PostgreSQL, with everything."""

import sys
from pathlib import Path
from typing import Any, Final

import click

from stepwell.cli.json_text import json_text
from stepwell.cli.move_progress import move_progress_on
from stepwell.cli.serving import settings_from
from stepwell.cli.setting_flags import config_flag, flag_for
from stepwell.cli.tables import Column, table
from stepwell.server.errors import SettingInvalid
from stepwell.server.options import OPTIONS, Mode
from stepwell.server.settings import Settings

__all__ = ["migrate"]

_BY_NAME: Final = {option.name: option for option in OPTIONS}

_TARGET: Final = (
    "The PostgreSQL database to move into, with nothing in it; better given by the variable "
    "STEPWELL_POSTGRES_URI, because others on this machine see what is typed."
)


@click.command(short_help="Move everything from SQLite to PostgreSQL.")
@config_flag
@click.option("--sqlite-file", type=click.Path(path_type=Path), metavar="FILE", help="Move this file instead of main.db in --sqlite-dir, such as a backup.")  # fmt: skip
@flag_for(_BY_NAME["sqlite-dir"])
@click.option("--postgres-uri", metavar="URI", help=_TARGET)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def migrate(
    ctx: click.Context, /, *, sqlite_file: Path | None, as_json: bool, **flags: Any
) -> None:
    """Move everything from a SQLite database into an empty PostgreSQL database.

    Refused while a server runs on either. The SQLite database stays as it is. PostgreSQL has
    everything at the end, or nothing if the command is interrupted or fails; then it can be
    repeated.
    """
    # The mode that requires no keys, because none are needed to move data.
    settings = settings_from(Mode.DEV, ctx, flags)
    path = _source(settings, sqlite_file)
    if settings.postgres is None:
        message = "say with STEPWELL_POSTGRES_URI or --postgres-uri into which database to move"
        raise SettingInvalid("postgres-uri", message)
    # What works on databases takes a while to import, which `--help` can do without.
    from stepwell.store.moving import move  # noqa: PLC0415
    from stepwell.store.postgres.address import Address  # noqa: PLC0415

    address = Address.parse(settings.postgres.uri)
    try:
        with move_progress_on(sys.stderr) as watch:
            moved = move(path, address, watch)
    except KeyboardInterrupt:
        click.echo("Interrupted; the command can be repeated.", err=True)
        raise
    if as_json:
        click.echo(json_text(moved))
        return
    columns = (Column("TABLE"), Column("ROWS", is_number=True), Column("CHECKSUM"))
    rows = [(each.table, f"{each.rows:,}", each.checksum) for each in moved.tables]
    for line in table(columns, rows):
        click.echo(line)
    click.echo(f"{moved.source} -> {moved.target}")
    click.echo(f"{moved.rows:,} rows moved; rows and checksums are the same on both sides")


def _source(settings: Settings, file: Path | None) -> Path:
    if file is not None:
        return file
    if settings.database is None:
        raise SettingInvalid("persist", "persist is false: there is no database in a file")
    return settings.database
