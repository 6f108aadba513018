"""A condition with the trigger event's values in it, for people to read.

The reference keeps conditions in this form and shows them so. We keep them as they were written,
see `waiting`, and insert the values when somebody looks.

Source: GraphQL, 5.10; execution semantics, 7.5.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

__all__ = ["VALUE_CHARS_MAX", "inserted"]

#: A value that takes more is not inserted: nobody could read the condition any more.
VALUE_CHARS_MAX: Final = 1_000

_QUOTED: Final = r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'"""
_KEY: Final = rf"\.\s*[A-Za-z_]\w*|\[\s*(?:{_QUOTED}|\d+)\s*\]"
# Quoted text comes first, so that nothing inside of it is taken for a path. What is called, such as
# `startsWith`, belongs to no path.
_FOUND: Final = re.compile(
    rf"(?P<quoted>{_QUOTED})|(?<![\w.])event(?P<keys>(?:\s*(?:{_KEY})(?!\w|\s*\())+)", re.DOTALL
)
_EACH_KEY: Final = re.compile(_KEY, re.DOTALL)


def inserted(source: str, event: Mapping[str, Any]) -> str:
    """The condition with each path into `event` replaced by its value; missing ones are null.

    >>> inserted("async.data.id == event.data.id", {"data": {"id": "o-1"}})
    'async.data.id == "o-1"'
    """

    def replace(match: re.Match[str]) -> str:
        keys = match["keys"]
        if keys is None:
            return match[0]
        shown = msgspec.json.encode(_value(event, keys)).decode()
        return shown if len(shown) <= VALUE_CHARS_MAX else match[0]

    return _FOUND.sub(replace, source)


def _value(event: Any, keys: str) -> Any:
    value = event
    for written in _EACH_KEY.findall(keys):
        key = _key(written)
        if isinstance(value, dict) and isinstance(key, str):
            value = value.get(key)
        elif isinstance(value, list) and isinstance(key, int) and key < len(value):
            value = value[key]
        else:
            return None
    return value


def _key(written: str) -> str | int:
    """The name or index that `.name`, `["name"]` or `[0]` stands for."""
    inner = written.strip(".[] \t\r\n")
    if written.startswith("."):
        return inner
    return inner[1:-1] if inner[0] in "\"'" else int(inner)
