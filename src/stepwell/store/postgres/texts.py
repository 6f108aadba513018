"""Text as PostgreSQL can store it: it has no place for the character NUL, but events and names do.

NUL becomes U+0001 U+0001, and U+0001 becomes U+0001 U+0002. Nothing is lost, and the order by bytes
stays: what began with a smaller character still does.
"""

import re
from typing import Final

__all__ = ["escape", "escape_bytes", "is_plain", "unescape"]

_NUL: Final = "\x00"
_MARK: Final = "\x01"
_ESCAPED_NUL: Final = "\x01\x01"
_ESCAPED_MARK: Final = "\x01\x02"
_PAIR: Final = re.compile("\x01[\x01\x02]")


def is_plain(text: str) -> bool:
    """Whether the text is the same, escaped and not."""
    return _MARK not in text and _NUL not in text


def escape(text: str) -> str:
    """The text without NUL."""
    if _MARK in text:
        text = text.replace(_MARK, _ESCAPED_MARK)
    return text.replace(_NUL, _ESCAPED_NUL) if _NUL in text else text


def escape_bytes(text: bytes) -> bytes:
    """The same of text in UTF-8."""
    if b"\x01" in text:
        text = text.replace(b"\x01", b"\x01\x02")
    return text.replace(b"\x00", b"\x01\x01") if b"\x00" in text else text


def unescape(text: str) -> str:
    """The text that was escaped."""
    return _PAIR.sub(_unescaped, text)


def _unescaped(pair: re.Match[str]) -> str:
    return _NUL if pair[0] == _ESCAPED_NUL else _MARK
