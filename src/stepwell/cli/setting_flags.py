"""Flags made from the table of settings.

They hand on what was typed. What a value means is decided in one place for flags, variables and
files alike.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import click

from stepwell.server.options import Kind, Mode, Option, options_of

__all__ = ["config_flag", "flag_for", "given_flags", "parameter_name", "setting_flags"]

_Command = TypeVar("_Command", bound=Callable[..., Any])


def setting_flags(mode: Mode) -> Callable[[_Command], _Command]:
    """A decorator that adds every setting a command knows."""

    def decorate(command: _Command) -> _Command:
        for option in reversed(options_of(mode)):
            command = flag_for(option)(command)
        return config_flag(command)

    return decorate


def config_flag(command: _Command) -> _Command:
    """Add the flag that names the configuration file."""
    return click.option(
        "--config",
        metavar="FILE",
        help="Read settings from this file, JSON or YAML, instead of looking for one.",
    )(command)


def flag_for(option: Option) -> Callable[[_Command], _Command]:
    """A decorator that adds one setting."""
    declaration = f"--{option.name}"
    if option.can_be_negated:
        declaration += f"/--no-{option.name}"
    names = [declaration, parameter_name(option.name)]
    if option.short:
        names.insert(1, option.short)
    if option.kind is Kind.SWITCH:
        return click.option(
            *names, is_flag=True, default=None, help=option.about, hidden=not option.is_shown
        )
    return click.option(
        *names,
        multiple=option.kind is Kind.LIST,
        type=str,
        metavar=option.metavar or option.kind.value,
        help=option.about,
        hidden=not option.is_shown,
    )


def parameter_name(option_name: str) -> str:
    """The name under which click hands over the value."""
    return option_name.replace("-", "_")


def given_flags(
    names: Iterable[str], parameters: Mapping[str, object], before: Mapping[str, object]
) -> dict[str, object]:
    """What was typed, by option name; what stands after the command wins over what is before it."""
    flags = dict(before)
    for name in names:
        value = parameters.get(parameter_name(name))
        if value is not None and value != ():
            flags[name] = value
    return flags
