"""What `dev` and `start` have in common: from what was typed to a running server."""

import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import click

from stepwell.cli.demo import DEMO_EVENT, DEMO_PATH, create_demo_app
from stepwell.cli.log_flags import remembered
from stepwell.cli.setting_flags import given_flags
from stepwell.server.options import Mode, options_of
from stepwell.server.settings import Given, Settings, resolve

__all__ = ["serve", "settings_from"]


def settings_from(mode: Mode, ctx: click.Context, parameters: Mapping[str, object]) -> Settings:
    """The settings that flags, environment and configuration file add up to."""
    names = ["config", *(option.name for option in options_of(mode))]
    given = Given(
        flags=given_flags(names, parameters, remembered(ctx)),
        environ=os.environ,
        directory=Path.cwd(),
        home=_home(),
    )
    return resolve(mode, given)


def serve(mode: Mode, ctx: click.Context, parameters: Mapping[str, object]) -> None:
    """Run a server until it is told to stop."""
    settings = settings_from(mode, ctx, parameters)
    # A server takes half a second to import, which `--help` and `version` can do without.
    from stepwell.server.child import Child  # noqa: PLC0415

    child = Child.take()
    if settings.processes > 1 and child is None:
        from stepwell.server.supervisor import run_processes  # noqa: PLC0415

        ctx.exit(run_processes(settings))
    from stepwell.server.companion import Companion  # noqa: PLC0415
    from stepwell.server.server import run_server  # noqa: PLC0415

    companion = None
    if settings.demo:
        sdk_path = f"{DEMO_PATH}/api/inngest"
        companion = Companion(DEMO_PATH, sdk_path, create_demo_app, DEMO_EVENT)
    # The banner is for people; programs read the log.
    greets = sys.stdout.isatty() and (child is None or child.greets)
    announce = partial(click.echo, nl=False) if greets else None
    run_server(
        settings,
        show_token=partial(click.echo, nl=False),
        companion=companion,
        announce=announce,
        child=child,
    )


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # a user without home directory, as in some containers
        return Path("/")
