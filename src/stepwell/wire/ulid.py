"""ULIDs: sortable ids of runs, events and dispatches, and the seed that makes event ids repeatable.

A ULID is 48 bits of milliseconds and 80 bits of entropy in 26 characters of Crockford's base 32.
Several are made for each call to an app, so this is written for speed, not with a library: one
table look-up per two characters.
"""

import binascii
import re
from struct import Struct
from typing import Final

import msgspec

__all__ = [
    "ULID_ALPHABET",
    "EventIdSeed",
    "is_ulid",
    "parse_event_id_seed",
    "ulid_from",
    "ulid_hex",
    "ulid_ms",
    "ulid_time",
]

_MS_MAX: Final = 2**48 - 1
#: Digits of Crockford's base 32, by value.
ULID_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS: Final = [first + second for first in ULID_ALPHABET for second in ULID_ALPHABET]
# 16 bits of entropy, then 64: the only split of ten bytes that one call can unpack.
_unpack_entropy = Struct(">HQ").unpack

#: The first character holds three bits only. Classes are spelled out for both cases because
#: IGNORECASE would let in characters such as the Kelvin sign.
_ULID: Final = re.compile(r"[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}")
# To the digits which `int` knows in base 32. Everything else becomes one that it refuses.
_TO_INT_DIGITS = bytearray(b"!" * 256)
for _value, _character in enumerate(ULID_ALPHABET):
    _digit = b"0123456789abcdefghijklmnopqrstuv"[_value]
    _TO_INT_DIGITS[ord(_character)] = _TO_INT_DIGITS[ord(_character.lower())] = _digit

#: Ten bytes are always 14 characters and two of padding; 2**48 has 15 digits.
_SEED: Final = re.compile(r"([0-9]{1,15}),([A-Za-z0-9+/]{14}==)")


def ulid_from(ms: int, entropy: bytes) -> str:
    """The ULID of this time and these ten bytes, in upper case.

    ULIDs sort as text like their times, and within one millisecond like their entropy.

    Args:
        ms: Milliseconds since 1970, below 2**48 (the year 10889).
        entropy: Exactly ten bytes.

    Source: https://github.com/ulid/spec.
    """
    pairs = _PAIRS
    high, low = _unpack_entropy(entropy)
    return (
        f"{ulid_time(ms)}"
        f"{pairs[high >> 6]}{pairs[(high & 63) << 4 | low >> 60]}{pairs[low >> 50 & 1023]}"
        f"{pairs[low >> 40 & 1023]}{pairs[low >> 30 & 1023]}{pairs[low >> 20 & 1023]}"
        f"{pairs[low >> 10 & 1023]}{pairs[low & 1023]}"
    )


def ulid_time(ms: int) -> str:
    """The first ten characters of the ULIDs of this time; see `ulid_from`."""
    assert 0 <= ms <= _MS_MAX
    pairs = _PAIRS
    return (
        f"{pairs[ms >> 40]}{pairs[ms >> 30 & 1023]}{pairs[ms >> 20 & 1023]}"
        f"{pairs[ms >> 10 & 1023]}{pairs[ms & 1023]}"
    )


def ulid_ms(ulid: str) -> int:
    """The time in a ULID, in milliseconds since 1970.

    Args:
        ulid: Text of which `is_ulid` holds; only its first ten characters are read.

    Raises:
        ValueError: The first ten characters are not of a ULID's alphabet.
    """
    return int(ulid[:10].encode("ascii").translate(_TO_INT_DIGITS), 32)


def ulid_hex(ulid: str) -> str:
    """The 128 bits of a ULID as 32 lower-case hexadecimal digits.

    Args:
        ulid: Text of which `is_ulid` holds.
    """
    return f"{int(ulid.encode().translate(_TO_INT_DIGITS), 32):032x}"


def is_ulid(text: str) -> bool:
    """Whether the text is a ULID. Lower case is accepted; the canonical form is `text.upper()`.

    The look-alikes I, L, O and U are refused, as by the reference.
    """
    return _ULID.fullmatch(text) is not None


class EventIdSeed(msgspec.Struct, frozen=True):
    """What a client sends so that repeating its request gives its events the same internal ids.

    Attributes:
        ms: Time of all the ids, in milliseconds since 1970.
        entropy: Ten bytes, from which each id's entropy is derived.
    """

    ms: int
    entropy: bytes

    def ulid(self, index: int) -> str:
        """The id of one event of the request.

        Args:
            index: Number of the event: the first is 1 on `/e/{key}`, but 0 on `/invoke`.

        Source: execution semantics, 1.4; HTTP APIs, 3.4.
        """
        assert index >= 0
        last = (int.from_bytes(self.entropy[6:], "big") + index) & 0xFFFF_FFFF
        return ulid_from(self.ms, self.entropy[:6] + last.to_bytes(4, "big"))


def parse_event_id_seed(header: str | None) -> EventIdSeed | None:
    """The seed in the header `x-inngest-event-id-seed`, or None if it is absent or malformed.

    A malformed seed is no error: the events then get random ids.

    Source: execution semantics, 1.4.
    """
    match = _SEED.fullmatch(header) if header else None
    if match is None:
        return None
    ms = int(match[1])
    return EventIdSeed(ms, binascii.a2b_base64(match[2])) if ms <= _MS_MAX else None
