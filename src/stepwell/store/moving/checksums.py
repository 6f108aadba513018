"""Comparing tables of two databases that give their rows in different orders."""

from hashlib import blake2b
from typing import Final

__all__ = ["Checksum"]

_BYTES: Final = 16
_MASK: Final = (1 << 8 * _BYTES) - 1


class Checksum:
    """Of the rows of a table: the sum of their digests, which no order changes.

    A row that is missing, there twice, or another one changes it; a sum that was meant to deceive is
    another matter.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, row: bytes) -> None:
        """Count one row in."""
        self.rows += 1
        digest = blake2b(row, digest_size=_BYTES).digest()
        self._sum = (self._sum + int.from_bytes(digest)) & _MASK

    @property
    def text(self) -> str:
        """The sum, as people compare it."""
        return f"{self._sum:0{2 * _BYTES}x}"
