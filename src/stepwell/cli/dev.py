"""`stepwell dev`."""

import click

from stepwell.cli.serving import serve
from stepwell.cli.setting_flags import setting_flags
from stepwell.server.options import Mode

__all__ = ["dev"]


@click.command()
@setting_flags(Mode.DEV)
@click.pass_context
def dev(ctx: click.Context, /, **flags: object) -> None:
    """Start a development server.

    It finds apps on this machine by itself, asks for no keys, and keeps what happens in
    .stepwell/main.db, so that nothing is lost when it is stopped or killed.
    """
    serve(Mode.DEV, ctx, flags)
