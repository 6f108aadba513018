"""The life of a run in one word."""

import enum
from typing import Final

__all__ = ["RunStatus"]


_LIVE: Final = (0, 5)


class RunStatus(enum.IntEnum):
    """Status of a run. The numbers are stored and known to clients; never renumber.

    Scheduled → Running → Completed, Failed or Cancelled; Scheduled → Cancelled. A sleeping or
    waiting run is Running. Nothing leaves an ended status. Source: execution semantics, 2.4.
    """

    RUNNING = 0
    COMPLETED = 1
    FAILED = 2
    CANCELLED = 3
    SCHEDULED = 5
    SKIPPED = 7

    #: Whether the run can no longer change. An attribute and no property, because it is asked
    #: several times per call.
    is_ended: bool

    def __init__(self, number: int) -> None:
        self.is_ended = number not in _LIVE

    @property
    def wire_name(self) -> str:
        """The name REST v1 and internal events use, such as "Completed"."""
        return self.name.capitalize()
