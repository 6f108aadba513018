"""The life of a run in one word."""

import enum

__all__ = ["RunStatus"]


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

    @property
    def is_ended(self) -> bool:
        """Whether the run can no longer change."""
        return self not in {RunStatus.RUNNING, RunStatus.SCHEDULED}

    @property
    def wire_name(self) -> str:
        """The name REST v1 and internal events use, such as "Completed"."""
        return self.name.capitalize()
