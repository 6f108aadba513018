"""Text that JavaScript accepts in JSON but no strict reader does: half pairs and stray bytes.

An app that cuts a string in the middle of an emoji sends half a surrogate pair. msgspec and most
databases refuse it, so it is replaced once, where it comes in.
"""

import re

__all__ = ["with_unicode_repaired"]

_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a pair: one character
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"  # half of a pair
    rb"|\\.",  # every other escape, so that the second backslash of `\\` starts none
    re.DOTALL,
)


def with_unicode_repaired(raw: bytes) -> bytes:
    r"""The JSON text with U+FFFD for half surrogate pairs and for bytes that are not UTF-8.

    Valid text comes back as the same object. The text need not be valid JSON otherwise.
    """
    if not raw.isascii():
        try:
            raw.decode()
        except UnicodeDecodeError:
            raw = raw.decode("utf-8", "replace").encode()
    # Not `in`, which for bytes first tries whether it is given a number and costs five times as much.
    if raw.find(b"\\ud") >= 0 or raw.find(b"\\uD") >= 0:
        return _ESCAPE.sub(_repaired_escape, raw)
    return raw


def _repaired_escape(match: re.Match[bytes]) -> bytes:
    return match[0] if match[1] is None else b"\\ufffd"
