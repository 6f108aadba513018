"""What all commands of operators share: which server, how to print, and where options may stand.

`operator_group` makes a group such as `stepwell runs`. Its options may stand after the group or
after the command; `--help` explains them at the group. `operator_options` gives them to a command
that stands alone, such as `stepwell nodes`. A command gets a `Console`, by which it asks and prints.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import update_wrapper
from typing import Any, Final, TypeVar

import click

from stepwell.cli.client import Client, Json
from stepwell.cli.json_text import json_line, json_text
from stepwell.cli.log_flags import remembered
from stepwell.cli.operator_errors import KeyExposed
from stepwell.cli.outside import Outside
from stepwell.cli.target import SERVER_DEFAULT, Target, TargetInvalid

__all__ = ["Console", "OperatorGroup", "operator_group", "operator_options", "pass_console"]

_Command = TypeVar("_Command", bound=Callable[..., Any])

_KEY: Final = "stepwell.operators"
_TIMEOUT_S: Final = 30.0
_TIMEOUT_S_MAX: Final = 3_600.0


class Console:
    """What a command of operators asks with and prints to.

    Attributes:
        as_json: Whether programs read what is printed.
        outside: Clock and waiting.
    """

    def __init__(self, target: Target, outside: Outside, *, as_json: bool) -> None:
        self._target = target
        self.outside = outside
        self.as_json = as_json

    @contextmanager
    def client(self) -> Iterator[Client]:
        """A client of the server that was named."""
        if self._target.bearer and not self._target.may_carry_keys:
            raise KeyExposed(self._target.url, "operator token")
        with Client(self._target, self.outside) as client:
            yield client

    def object(self, value: Json) -> None:
        """Print one thing for programs."""
        click.echo(json_text(value))

    def line(self, value: Json) -> None:
        """Print one of many things for programs."""
        click.echo(json_line(value))

    def lines(self, lines: Iterable[str]) -> None:
        """Print lines for people."""
        for line in lines:
            click.echo(line)

    def remark(self, text: str) -> None:
        """Say something beside what was asked for."""
        click.echo(text, err=True)

    def progress(self, text: str) -> None:
        """Say how far a long list is, over what was said before; an empty text wipes it away."""
        if sys.stderr.isatty():
            click.echo(f"\r\x1b[K{text}", err=True, nl=False)


class _SharedOption(click.Option):
    """An option of all commands of a group: explained there, and completed everywhere."""


class _OperatorCommand(click.Command):
    """A command that also takes the options of its group."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        own = [
            record
            for param in self.get_params(ctx)
            if not isinstance(param, _SharedOption | click.Argument)
            and (record := param.get_help_record(ctx)) is not None
        ]
        with formatter.section("Options"):
            formatter.write_dl(own)
        group = ctx.parent.command_path if ctx.parent is not None else "its group"
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(
                f"--json, --server, --token, --insecure and --timeout: see {group} --help."
            )


class OperatorGroup(click.Group):
    """A group whose commands take its options as well."""

    command_class = _OperatorCommand

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command, and the options of the group to it."""
        cmd.params += _shared_options(at_group=False)
        super().add_command(cmd, name)


def operator_group(name: str, about: str) -> OperatorGroup:
    """A group of commands for operators.

    Args:
        name: As typed.
        about: What its help begins with.
    """

    @click.pass_context
    def remember(ctx: click.Context, /, **flags: object) -> None:
        ctx.meta[_KEY] = _given(flags)

    return OperatorGroup(
        name, callback=remember, help=about, params=list(_shared_options(at_group=True))
    )


def operator_options(command: click.Command) -> click.Command:
    """Give a command that stands in no group the options of one."""
    command.params += _shared_options(at_group=True)
    return command


def pass_console(command: _Command) -> _Command:
    """Give a command a `Console`, made from the options of its group, as first argument."""

    @click.pass_context
    def with_console(ctx: click.Context, /, **parameters: Any) -> Any:
        shared = {name: parameters.pop(name) for name in _NAMES}
        return ctx.invoke(command, _console(ctx, _given(shared)), **parameters)

    # click reads the help from the docstring.
    return update_wrapper(with_console, command)  # type: ignore[return-value]


def _console(ctx: click.Context, given: Mapping[str, object]) -> Console:
    options: dict[str, Any] = {**ctx.meta.get(_KEY, {}), **given}
    timeout_s = float(options.get("timeout", _TIMEOUT_S))
    try:
        target = Target.parse(
            str(options.get("server", SERVER_DEFAULT)),
            str(options.get("token", "")),
            timeout_s=timeout_s,
            insecure=bool(options.get("insecure", False)),
        )
    except TargetInvalid as error:
        raise click.UsageError(str(error), ctx) from error
    outside = ctx.find_object(Outside) or Outside()
    as_json = bool(options.get("as_json", remembered(ctx).get("json", False)))
    return Console(target, outside, as_json=as_json)


def _given(flags: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in flags.items() if value is not None}


_NAMES: Final = ("as_json", "server", "token", "insecure", "timeout")


def _shared_options(*, at_group: bool) -> tuple[click.Option, ...]:
    """The options, new ones for each command; variables count where the group reads them."""
    kind = click.Option if at_group else _SharedOption
    return (
        kind(
            ["--json", "as_json"],
            is_flag=True,
            default=None,
            help="Print JSON: one object, or for lists an object in each line.",
        ),
        kind(
            ["--server"],
            metavar="URL",
            envvar="STEPWELL_SERVER" if at_group else None,
            help=f"The server to ask; http:// may be left out. Variable: STEPWELL_SERVER. "
            f"Default: {SERVER_DEFAULT}.",
        ),
        kind(
            ["--token"],
            metavar="TOKEN",
            envvar="STEPWELL_TOKEN" if at_group else None,
            help="The operator token of a server in production; better given by the variable "
            "STEPWELL_TOKEN, because others on this machine see what is typed.",
        ),
        kind(
            ["--insecure"],
            is_flag=True,
            default=None,
            help="Send the token also over http:// to another machine, where others can read them.",
        ),
        kind(
            ["--timeout"],
            metavar="SECONDS",
            type=click.FloatRange(0, _TIMEOUT_S_MAX, min_open=True),
            help=f"How long an answer may take. Default: {_TIMEOUT_S:g}.",
        ),
    )
