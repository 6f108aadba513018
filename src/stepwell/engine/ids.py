"""Identifiers as the engine needs them."""

from typing import Protocol

from stepwell.core.moment import Ids

__all__ = ["NumberedIds"]


class NumberedIds(Ids, Protocol):
    """Ids whose numbers go on where an earlier process stopped."""

    def begin_after(self, number: int) -> None:
        """Give only larger numbers from now on."""
        ...

    def share(self, number: int) -> None:
        """Give only numbers that nobody gives who has another share, from 0 to 511."""
        ...
