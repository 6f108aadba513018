"""What operators type: times, JSON, where a list ends."""

import sys
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from stepwell.cli.client import Json
from stepwell.cli.times import parse_point_ms, rfc_3339

__all__ = ["DATA_BYTES_MAX", "LIMIT_MAX", "json_object", "limit_option", "search_option", "when"]

#: Longer lists are for `--json` in parts, by time.
LIMIT_MAX: Final = 100_000
#: What a request to the server may have; an event has its own, smaller limit.
DATA_BYTES_MAX: Final = 16 * 1024 * 1024


def when(text: str | None, *, now_ms: int, name: str) -> str | None:
    """A time for the server; None if none was typed.

    Args:
        text: As typed.
        now_ms: Now.
        name: The flag, for the error.

    Raises:
        click.BadParameter: It is no time.
    """
    if text is None:
        return None
    ms = parse_point_ms(text, now_ms=now_ms)
    if ms is None:
        message = f'{text!r} is no time, such as "2h" for two hours ago or "2026-11-21 09:30"'
        raise click.BadParameter(message, param_hint=name)
    return rfc_3339(ms)


def json_object(text: str | None, *, name: str) -> Json | None:
    """The JSON object that was typed, or is in the file or input that was named; None without.

    Args:
        text: JSON, `@` and the path of a file, or `-` for standard input.
        name: The flag, for the error.

    Raises:
        click.BadParameter: It is no JSON object, too long, or cannot be read.
    """
    if text is None:
        return None
    content = _content(text, name=name)
    if len(content) > DATA_BYTES_MAX:
        message = f"more than {DATA_BYTES_MAX // 1024**2} MiB cannot be sent"
        raise click.BadParameter(message, param_hint=name)
    try:
        value: Any = msgspec.json.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        message = f"this is not JSON: {error}"
        raise click.BadParameter(message, param_hint=name) from error
    if not isinstance(value, dict):
        raise click.BadParameter('it must be a JSON object, such as {"order":17}', param_hint=name)
    return value


def _content(text: str, *, name: str) -> bytes:
    try:
        if text == "-":
            return sys.stdin.buffer.read(DATA_BYTES_MAX + 1)
        if text.startswith("@"):
            with Path(text[1:]).open("rb") as file:
                return file.read(DATA_BYTES_MAX + 1)
    except OSError as error:
        raise click.BadParameter(f"{text}: {error.strerror}", param_hint=name) from error
    return text.encode("utf-8", "surrogateescape")


limit_option = click.option(
    "-n",
    "--limit",
    metavar="COUNT",
    type=click.IntRange(1, LIMIT_MAX),
    default=50,
    help="How many at most. Default: 50.",
)

search_option = click.option(
    "--search",
    metavar="CEL",
    help='Only what an expression is true for, such as "event.data.order == 17".',
)
