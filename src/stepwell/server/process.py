"""What a long-running process asks of Python and of the system."""

import gc
import resource
import sys
from typing import Final

__all__ = ["raise_open_files", "settle_memory", "take_short_turns"]

# The server makes many short-lived objects and hardly any cycles. The default, a collection every
# 700 objects, would look at the same objects over and over.
_GC_THRESHOLDS: Final = (50_000, 20, 20)
#: Files besides connections: the database, its log, standard streams.
_OTHER_FILES: Final = 256


#: How long the event loop may keep Python's lock while the thread that commits wants it. The default
#: of 5 ms is longer than a whole commit takes, and one has to get the lock back several times.
_TURN_S: Final = 0.000_1


def take_short_turns() -> None:
    """Let threads wait for each other only briefly."""
    sys.setswitchinterval(_TURN_S)


def settle_memory() -> None:
    """Take what exists after start out of the sight of the garbage collector; it is here to stay."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)


def raise_open_files(calls_max: int) -> int:
    """Ask for as many open files as the connections of the server can need.

    Args:
        calls_max: Calls to apps at the same time; as many clients may be connected.

    Returns:
        How many are missing; 0 if there are enough.
    """
    wanted = 2 * calls_max + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return 0
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return wanted - allowed
