"""The program `stepwell`: its commands, and what becomes of their errors."""

import sys
from typing import Any, Final

import click

from stepwell import __version__
from stepwell.cli.apps import apps
from stepwell.cli.completion import completion
from stepwell.cli.db import db
from stepwell.cli.dev import dev
from stepwell.cli.events import events
from stepwell.cli.functions import functions
from stepwell.cli.health import health
from stepwell.cli.log_flags import log_flags, remember
from stepwell.cli.migrate import migrate
from stepwell.cli.nodes import nodes
from stepwell.cli.openapi import openapi
from stepwell.cli.runs import runs
from stepwell.cli.start import start
from stepwell.cli.token import token
from stepwell.cli.version import version
from stepwell.wire.errors import StepwellError

__all__ = ["main", "program"]

_ERROR_PAGES: Final = "https://github.com/stepwell/stepwell/blob/main/docs/errors"


class _Program(click.Group):
    """Tells the errors of all commands in one way."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except StepwellError as error:
            click.echo(f"Error: {error}", err=True)
            click.echo(f"{error.code}: {_ERROR_PAGES}/{error.code}.md", err=True)
            ctx.exit(1)


@click.group(
    name="stepwell",
    cls=_Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "-v", "--version", message="%(version)s")
@log_flags
@click.pass_context
def program(ctx: click.Context, /, **flags: object) -> None:
    """Event-driven durable execution: events in, functions run step by step, nothing is lost."""
    remember(ctx, flags)


for _command in (
    dev,
    start,
    db,
    health,
    migrate,
    openapi,
    version,
    completion,
    apps,
    events,
    functions,
    nodes,
    runs,
    token,
):
    program.add_command(_command)


def main() -> None:
    """Run the command that the arguments name; its exit status becomes that of the process."""
    sys.exit(program(prog_name="stepwell"))
