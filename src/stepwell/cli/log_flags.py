"""The flags of the whole program, which may stand before and after the command.

Source: HTTP APIs, 14.1.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import click

from stepwell.cli.setting_flags import flag_for, parameter_name
from stepwell.server.options import OPTIONS

__all__ = ["LOG_NAMES", "log_flags", "remember", "remembered"]

LOG_NAMES: Final = ("json", "verbose", "log-level")

_KEY: Final = "stepwell.log_flags"

_Command = TypeVar("_Command", bound=Callable[..., Any])


def log_flags(command: _Command) -> _Command:
    """Add the flags to a command or group."""
    for option in reversed(OPTIONS):
        if option.name in LOG_NAMES:
            command = flag_for(option)(command)
    return command


def remember(ctx: click.Context, flags: Mapping[str, object]) -> None:
    """Keep what was given before the command."""
    ctx.meta[_KEY] = {
        name: value for name in LOG_NAMES if (value := flags.get(parameter_name(name))) is not None
    }


def remembered(ctx: click.Context) -> Mapping[str, object]:
    """What was given before the command, by option name."""
    found: Mapping[str, object] = ctx.meta.get(_KEY, {})
    return found
