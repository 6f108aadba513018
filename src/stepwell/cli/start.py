"""`stepwell start`."""

import click

from stepwell.cli.serving import serve
from stepwell.cli.setting_flags import setting_flags
from stepwell.server.options import Mode

__all__ = ["start"]


@click.command()
@setting_flags(Mode.START)
@click.pass_context
def start(ctx: click.Context, /, **flags: object) -> None:
    """Start a self-hosted server, for production.

    Apps and senders of events must have the keys it is given. The dashboard and the command line
    ask for the operator token, which the first start prints.
    """
    serve(Mode.START, ctx, flags)
