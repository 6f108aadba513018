"""What is known of a JSON text before or although it cannot be decoded: depth, leading elements.

Nothing here runs for ordinary requests; the callers ask for it only when a cheap test says so.
"""

import json
import re
from itertools import accumulate

__all__ = ["array_prefix", "is_deeper_than"]

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_STEP_OF_BRACKET = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_WHITE_SPACE = re.compile(r"[ \t\r\n]*")

# msgspec cannot say where an element ends when a later one is broken; this decoder can. Numbers
# are not kept, so the cheapest conversion without a limit on digits will do.
_DECODER = json.JSONDecoder(parse_int=float)


def is_deeper_than(levels: int, raw: bytes) -> bool:
    """Whether the JSON text nests objects and arrays in more than `levels` levels.

    Takes two counts for a text with few brackets, otherwise time in proportion to its length.

    Args:
        levels: How deep is still allowed; 1 is an object of scalars.
        raw: Valid JSON.
    """
    if raw.count(b"{") + raw.count(b"[") <= levels:
        return False
    brackets = _STRING.sub(b"", raw).translate(None, _NOT_BRACKETS)
    return max(accumulate(map(_STEP_OF_BRACKET.__getitem__, brackets)), default=0) > levels


def array_prefix(raw: bytes, *, elements_max: int) -> tuple[list[bytes], str | None]:
    """The elements of a JSON array that come before its first error, and that error.

    Only syntax counts, and loosely: an element may still be refused by a stricter decoder.

    Args:
        raw: UTF-8 text that starts with `[`.
        elements_max: Where to stop reading.

    Returns:
        The elements as they were written, and what is wrong after them; None for a complete array
        or one with more than `elements_max` elements.
    """
    text = raw.decode()
    elements: list[bytes] = []
    position = _after_white_space(text, 1)
    if text.startswith("]", position):
        return elements, _after_array(text, position + 1)
    while len(elements) < elements_max:
        try:
            _, end = _DECODER.raw_decode(text, position)
        except RecursionError:
            return elements, "nested too deeply"
        except ValueError:
            return elements, f"no valid value at character {position}"
        elements.append(text[position:end].encode())
        position = _after_white_space(text, end)
        if text.startswith("]", position):
            return elements, _after_array(text, position + 1)
        if not text.startswith(",", position):
            return elements, f"expected ',' or ']' at character {position}"
        position = _after_white_space(text, position + 1)
    return elements, None


def _after_white_space(text: str, position: int) -> int:
    match = _WHITE_SPACE.match(text, position)
    assert match is not None  # the pattern matches the empty string
    return match.end()


def _after_array(text: str, position: int) -> str | None:
    position = _after_white_space(text, position)
    if position == len(text):
        return None
    return f"invalid character '{text[position]}' after top-level value"
