"""A function that was told to stand still."""

import enum

import msgspec

__all__ = ["NewRuns", "Pause", "RunningRuns"]


class NewRuns(enum.StrEnum):
    """What becomes of events that would start a paused function."""

    #: A run with the status Skipped is recorded.
    SKIP = "skip"
    #: Runs are queued and start when the function is resumed.
    WAIT = "wait"


class RunningRuns(enum.StrEnum):
    """What becomes of a paused function's runs that have started."""

    #: They go on to their end.
    FINISH = "finish"
    #: They are not called until the function is resumed. Calls under way end.
    HOLD = "hold"
    #: They are cancelled, and those that have not started as well.
    CANCEL = "cancel"


class Pause(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a function stands still.

    Attributes:
        since_ms: When it was paused.
        is_drain: Because its app is drained.
    """

    since_ms: int
    new_runs: NewRuns = NewRuns.SKIP
    running: RunningRuns = RunningRuns.FINISH
    is_drain: bool = False
