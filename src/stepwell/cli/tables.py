"""Text for people: tables as wide as the terminal, colours where they are wanted."""

import os
import shutil
import sys
import unicodedata
from collections.abc import Callable, Sequence
from typing import Final

import click
import msgspec

__all__ = ["Column", "clean", "facts", "painted", "status_word", "table", "terminal_width"]

_GAP: Final = "  "
_CUT: Final = "…"
#: A column that has to give way keeps at least so much.
_WIDTH_MIN: Final = 8
_COLOURS: Final = {
    "COMPLETED": "green",
    "FAILED": "red",
    "CANCELLED": "yellow",
    "SKIPPED": "bright_black",
    "RUNNING": "blue",
    "WAITING": "cyan",
    "QUEUED": "cyan",
}
#: Two cells wide in a terminal.
_WIDE: Final = frozenset({"W", "F"})


class Column(msgspec.Struct, frozen=True):
    """A column of a table.

    Attributes:
        title: In capitals.
        gives_way: Whether it is cut when the terminal is too narrow; ids are not, because people
            copy them.
        is_number: Whether it stands to the right.
        paint: What colours a cell that has its final width; it must not change the text.
    """

    title: str
    gives_way: bool = False
    is_number: bool = False
    paint: Callable[[str], str] | None = None


def table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], *, indent: int = 0
) -> list[str]:
    """The lines of a table with its head.

    In a terminal no line is longer than it is wide, as far as ids allow; elsewhere nothing is cut.

    Args:
        columns: From left to right.
        rows: A text for each column.
        indent: By so much the caller will move the lines to the right.
    """
    cells = [[clean(cell) for cell in row] for row in rows]
    widths = [
        max([_cells(column.title), *(_cells(row[index]) for row in cells)])
        for index, column in enumerate(columns)
    ]
    limit = terminal_width()
    if limit is not None:
        widths = _narrowed(columns, widths, limit - indent)
    head = painted(_line(columns, [column.title for column in columns], widths), bold=True)
    return [head, *(_line(columns, row, widths, has_paint=True) for row in cells)]


def facts(rows: Sequence[tuple[str, str | None]], *, indent: str = "") -> list[str]:
    """Lines of names and values; those without a value are left out."""
    shown = [(name, value) for name, value in rows if value]
    width = max((len(name) for name, _ in shown), default=0)
    return [
        f"{indent}{painted(name.ljust(width), dim=True)}{_GAP}{clean(value)}"
        for name, value in shown
    ]


def status_word(status: str) -> str:
    """A status in its colour; blanks around it stay."""
    return painted(status, fg=_COLOURS.get(status.strip()))


def painted(
    text: str, *, fg: str | None = None, bold: bool | None = None, dim: bool | None = None
) -> str:
    """The text in colour if standard output is a terminal and nobody asked for none.

    See https://no-color.org.
    """
    if os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        return text
    return click.style(text, fg=fg, bold=bold, dim=dim)


def terminal_width() -> int | None:
    """How wide the terminal is; None if standard output is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def clean(text: str) -> str:
    """The text in one line that cannot steer a terminal: names and errors come from strangers."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else " " if character.isspace() else "\ufffd"
        for character in text
    )


def _narrowed(columns: Sequence[Column], widths: list[int], limit: int) -> list[int]:
    """Widths that fit, taken from the widest of the columns that give way."""
    narrowed = list(widths)
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - limit
    flexible = [index for index, column in enumerate(columns) if column.gives_way]
    while excess > 0:
        widest = max(flexible, key=lambda index: narrowed[index], default=None)
        if widest is None or narrowed[widest] <= _WIDTH_MIN:
            break
        narrowed[widest] -= 1
        excess -= 1
    return narrowed


def _line(
    columns: Sequence[Column],
    row: Sequence[str],
    widths: Sequence[int],
    *,
    has_paint: bool = False,
) -> str:
    shown = []
    for column, cell, width in zip(columns, row, widths, strict=True):
        fitted = _fitted(cell, width, is_number=column.is_number)
        shown.append(column.paint(fitted) if has_paint and column.paint else fitted)
    return _GAP.join(shown).rstrip()


def _fitted(text: str, width: int, *, is_number: bool) -> str:
    if _cells(text) > width:
        while _cells(text) > width - 1:
            text = text[:-1]
        text += _CUT
    filling = " " * (width - _cells(text))
    return filling + text if is_number else text + filling


def _cells(text: str) -> int:
    """How many cells of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.combining(character)
        else 1 + (unicodedata.east_asian_width(character) in _WIDE)
        for character in text
    )
