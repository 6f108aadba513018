"""Finding waits by the value they ask for, instead of evaluating every wait of an event name.

A condition such as `async.data.userId == event.data.userId && …` can only hold for incoming events
whose `data.userId` has one certain value. The store keeps that path and value with the wait, or
those of several equalities as one; for an incoming event it looks up its own values at the paths in
use. A value is a canonical text with a
type tag, so that two values have the same text if and only if `==` holds (long texts: only if).

Source: execution semantics, 4.1 (matching an event) and 7.5.
"""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from stepwell.core.expressions.paths import Path, walk
from stepwell.core.expressions.values import MISSING, UnsignedInt, to_double

INDEXED_TEXT_CHARS_MAX = 128
"""Characters of a text that go into the index; ids are shorter. The full condition decides."""

INDEXED_PATHS_MAX = 4
"""Equalities of one condition that go into the index together."""

_JOINT = "&"
_SIMPLE_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def index_values(async_event: Mapping[str, Any], paths: Iterable[str]) -> list[tuple[str, str]]:
    """The (path, value) pairs under which waits for this event can be found.

    Waits without a path must be evaluated always.

    Args:
        async_event: The incoming event.
        paths: The distinct `match_path`s of waits for its name; "" is skipped.
    """
    pairs = []
    for joined in filter(None, paths):
        texts = [
            value_text(walk(async_event, tuple(path.split(".")))) for path in joined.split(_JOINT)
        ]
        if None not in texts:
            pairs.append((joined, _JOINT.join(filter(None, texts))))
    return pairs


def joined_index(entries: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """The one entry under which a condition with these equalities is stored.

    Which of several equalities tells waits apart cannot be known, so they are looked up together. A
    value that contains the joint can only bring a candidate too many; the condition decides.
    """
    first_of_path: dict[str, str] = {}
    for path, text in entries:
        first_of_path.setdefault(path, text)
    chosen = sorted(first_of_path.items())[:INDEXED_PATHS_MAX]
    return _JOINT.join(path for path, _ in chosen), _JOINT.join(text for _, text in chosen)


def path_text(path: Path) -> str | None:
    """`data.userId` for `async.data.userId`, or None if the index cannot hold the path."""
    keys = path.keys
    if keys and all(isinstance(key, str) and _SIMPLE_KEY.fullmatch(key) for key in keys):
        return ".".join(map(str, keys))
    return None


def value_text(value: Any) -> str | None:
    """The canonical text of an indexed value, or None for lists, maps and other types.

    A missing field has the text of null, since null equals it.
    """
    match value:
        case None:
            return "null"
        case bool():
            return "b:true" if value else "b:false"
        case str():
            return f"s:{_storable(value[:INDEXED_TEXT_CHARS_MAX])}"
        case float() | int() | UnsignedInt():
            return _number_text(to_double(value))
    return "null" if value is MISSING else None


def _number_text(number: float) -> str | None:
    if math.isnan(number):
        return None
    if number.is_integer() and abs(number) < 1e16:
        return f"n:{int(number)}"
    return f"n:{number!r}"


def _storable(text: str) -> str:
    """Without NUL and lone surrogates, which databases refuse."""
    if text.isascii():
        return text.replace("\0", "\ufffd")
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
