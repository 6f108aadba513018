"""Identifiers of a real process."""

import os
import random
from typing import Final

from stepwell.engine.clock import Clock
from stepwell.wire.ulid import ULID_ALPHABET, ulid_time

__all__ = ["RandomIds"]

# Numbers are the time with these bits for those of one millisecond, and these for the share; they
# fit into 63 bits until the year 2248.
_SEQUENCE_BITS: Final = 11
_SHARE_BITS: Final = 9

_RANDOM_CHARS: Final = 16
# One system call serves this many ULIDs.
_ULIDS_PER_READ: Final = 512
# A byte has eight times as many values as the alphabet has letters, so every letter is as likely.
_LETTER_OF_BYTE: Final = bytes(ord(ULID_ALPHABET[byte % 32]) for byte in range(256))


class RandomIds:
    """Unpredictable ULIDs, and numbers that grow with time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # Without the share.
        self._number = 0
        self._share = 0
        self._letters = ""
        self._position = 0
        self._time_ms = -1
        self._time = ""
        self._random = random.Random()  # noqa: S311 - jitter needs no secrecy

    def begin_after(self, number: int) -> None:
        """Give only larger numbers from now on."""
        self._number = max(self._number, number >> _SHARE_BITS)

    def share(self, number: int) -> None:
        """Give only numbers that nobody gives who has another share, from 0 to 511."""
        assert 0 <= number < 1 << _SHARE_BITS
        self._share = number

    def ulid(self, at_ms: int) -> str:
        """A ULID whose time part is `at_ms`, with 80 bits from the system's generator."""
        if at_ms != self._time_ms:
            self._time_ms = at_ms
            self._time = ulid_time(at_ms)
        start = self._position
        if start >= len(self._letters):
            entropy = os.urandom(_RANDOM_CHARS * _ULIDS_PER_READ)
            self._letters = entropy.translate(_LETTER_OF_BYTE).decode("ascii")
            start = 0
        self._position = start + _RANDOM_CHARS
        return self._time + self._letters[start : self._position]

    def number(self) -> int:
        """The next number: the time's, or one more than the last."""
        self._number = max(self._number + 1, self._clock.now_ms() << _SEQUENCE_BITS)
        return self._number << _SHARE_BITS | self._share

    def jitter(self) -> float:
        """A random number in [0, 1)."""
        return self._random.random()
