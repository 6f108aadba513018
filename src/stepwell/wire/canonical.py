"""The canonical form of a JSON document (RFC 8785, "JCS"), as the official SDKs compute it.

Request signatures cover the canonical form. The receiver parses the body and canonicalises it
again before it computes the MAC, so what we sign and send must be a fixed point of every SDK's
own canonicaliser: npm `canonicalize` (TypeScript) and PyPI `jcs` (Python).

PyPI `rfc8785` is not used: it refuses integers beyond 2**53 and lone surrogates, which are valid
JSON and do occur in events, and it is a dozen times slower. msgspec already sorts keys and escapes
strings as the RFC asks. What is left to do here: numbers in ECMAScript form, and keys in the order
of their UTF-16 code units, which differs from msgspec's (UTF-8) order only for characters beyond
U+FFFF.
"""

import re
from typing import Any, Final

import msgspec

from stepwell.wire.unicode_repair import with_unicode_repaired

__all__ = ["canonical_json"]

Json = Any

#: Integers up to here are exact as the IEEE doubles which JavaScript makes of all numbers.
_EXACT_INTEGER_MAX: Final = 2**53

#: Maps each byte of a document to what decides whether the fast path may be taken: "0" a digit, ":"
#: a byte that may stand before a number, "^" the first byte of a character beyond U+FFFF. Searching
#: the result costs a fraction of a regular expression.
_BYTE_CLASSES: Final = bytes(
    ord("0") if chr(byte) in "0123456789"
    else ord(":") if chr(byte) in ":,[- \t\n\r"
    else ord("^") if byte >= 0xF0
    else ord("_")
    for byte in range(256)
)  # fmt: skip
#: A number of fewer digits cannot exceed 2**53.
_LONG_NUMBER: Final = b":" + b"0" * 16

#: Strings are tokens, too, so that digits inside them are left alone.
_TOKEN: Final = re.compile(
    rb'"[^"\\]*(?:\\.[^"\\]*)*"'
    rb"|(?P<integer>-?[0-9]+)(?P<rest>(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)",
    re.DOTALL,
)
#: No double is that large. From 4,301 digits on, Python refuses to read an integer at all.
_DIGITS_OF_INFINITE_INTEGER: Final = 400


def canonical_json(raw: bytes) -> bytes:
    """The document with sorted keys, no white space and numbers as JavaScript writes them.

    Canonicalising twice changes nothing. Of a key that occurs twice, the last value counts.
    Numbers become what JavaScript reads: integers beyond 2**53 are rounded to a double, and
    those beyond the range of a double become `null`. Half a surrogate pair (an emoji that an app
    cut in two) and bytes which are not UTF-8 become U+FFFD, as in Go: the Python SDK cannot
    canonicalise half a pair, so every call would end in 401.

    Args:
        raw: One JSON document in UTF-8, or nothing at all.

    Returns:
        The canonical form in UTF-8. Empty for an empty body, of which only the time is signed.
        A document nested deeper than the interpreter can follow (900 levels at the least,
        about where the Python SDK gives up, too) comes back unchanged.

    Raises:
        msgspec.DecodeError: `raw` is not JSON.

    Source: SDK protocol, 3.2; RFC 8785.
    """
    if not raw:
        return raw
    try:
        value = _decode(raw)
        if _needs_walk(raw):
            return _ENCODER.encode(_canonical_value(value))
        return _SORTING_ENCODER.encode(value)
    except RecursionError:
        return raw


def _decode(raw: bytes) -> Json:
    try:
        return _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _DECODER.decode(_repaired(raw))


def _needs_walk(raw: bytes) -> bool:
    """Whether an integer may be inexact, or UTF-16 may order the keys differently.

    Strings are looked at like everything else: a false alarm only costs time.
    """
    classes = raw.translate(_BYTE_CLASSES)
    return (
        _LONG_NUMBER in classes
        or classes.startswith(_LONG_NUMBER[1:])
        or b"^" in classes
        or b"\\ud" in raw
        or b"\\uD" in raw
    )


def _canonical_value(value: Json) -> Json:
    # Loops, because a comprehension takes a second stack frame per level on CPython 3.11; strings
    # are kept without a call, because most values are strings.
    if isinstance(value, dict):
        members = {}
        for key in sorted(value) if "".join(value).isascii() else sorted(value, key=_utf16_units):
            member = value[key]
            members[key] = member if isinstance(member, str) else _canonical_value(member)
        return members
    if isinstance(value, list):
        items = []
        for item in value:
            items.append(item if isinstance(item, str) else _canonical_value(item))  # noqa: PERF401
        return items
    # `True` is an int, too, but never beyond the bound.
    if isinstance(value, int) and not -_EXACT_INTEGER_MAX <= value <= _EXACT_INTEGER_MAX:
        return _ecmascript_number(str(value))
    return value


def _utf16_units(key: str) -> bytes:
    return key.encode("utf-16-be")


def _ecmascript_number(text: str) -> msgspec.Raw:
    """The number as `JSON.stringify(JSON.parse(text))` writes it (ECMA-262, Number::toString)."""
    number = float(text)
    # An integer below 1e21 is written without exponent; this covers -0, too.
    if number.is_integer() and -1e21 < number < 1e21:
        return msgspec.Raw(_integer_text(number))
    shortest = repr(number)
    mantissa, _, exponent = shortest.partition("e")
    if shortest.endswith("inf"):
        return msgspec.Raw("null")
    if not exponent:
        return msgspec.Raw(shortest)
    sign, digits = ("-", mantissa[1:]) if mantissa[0] == "-" else ("", mantissa)
    power = int(exponent)
    # Python changes to the exponent below 1e-4, JavaScript only below 1e-6.
    if -7 < power < 0:
        return msgspec.Raw(f"{sign}0.{'0' * (-power - 1)}{digits.replace('.', '')}")
    return msgspec.Raw(f"{sign}{digits}e{power:+d}")


def _integer_text(number: float) -> str:
    """Shortest digits that name the double, filled with zeros; `int` would show all its digits."""
    mantissa, _, exponent = repr(number).partition("e")
    if not exponent:
        return str(int(number))
    sign, digits = ("-", mantissa[1:]) if mantissa[0] == "-" else ("", mantissa)
    return sign + digits.replace(".", "").ljust(int(exponent) + 1, "0")


def _repaired(raw: bytes) -> bytes:
    """The document without what msgspec refuses although JavaScript reads it."""
    return _TOKEN.sub(_repaired_token, with_unicode_repaired(raw))


def _repaired_token(match: re.Match[bytes]) -> bytes:
    is_integer = match["integer"] is not None and match["rest"] == b""
    return b"null" if is_integer and len(match[0]) > _DIGITS_OF_INFINITE_INTEGER else match[0]


_DECODER: Final = msgspec.json.Decoder(float_hook=_ecmascript_number)
_ENCODER: Final = msgspec.json.Encoder()
_SORTING_ENCODER: Final = msgspec.json.Encoder(order="sorted")
