"""What pure code is given instead of a clock, random numbers and id generators."""

from typing import Protocol

import msgspec

__all__ = ["Ids", "Moment"]


class Ids(Protocol):
    """Source of new identifiers. Injected, so that a simulation can replay them from a seed."""

    def ulid(self, at_ms: int) -> str:
        """A new ULID whose time part is `at_ms`."""
        ...

    def number(self) -> int:
        """A new positive 63-bit number.

        It is larger than every one given before, by earlier processes on the same store too.
        """
        ...

    def jitter(self) -> float:
        """A random number in [0, 1)."""
        ...


class Moment(msgspec.Struct, frozen=True, gc=False):
    """The circumstances of one decision: the wall clock (ms since 1970 UTC) and new ids."""

    now_ms: int
    ids: Ids
