"""JSON as it is printed."""

import json
from typing import Any

import msgspec

__all__ = ["json_line", "json_text"]


def json_line(value: Any) -> str:
    """The value in one line."""
    # What was sent by others is kept as it is, and may have line breaks between its parts.
    return _harmless(msgspec.json.format(msgspec.json.encode(value), indent=-1).decode())


def json_text(value: Any) -> str:
    """The value over several lines."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    return "\n".join(_harmless(line) for line in text.split("\n"))


def _harmless(line: str) -> str:
    """The same JSON without characters that could steer a terminal, which JSON allows in texts."""
    if line.isprintable():
        return line
    return "".join(
        character if character.isprintable() else json.dumps(character)[1:-1] for character in line
    )
