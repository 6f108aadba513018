"""What surrounds the commands of operators, so that tests can put something else there."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

__all__ = ["Outside"]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Outside:
    """The network, the clock, and waiting.

    Attributes:
        transport: How requests travel; None for the network.
        now_ms: Milliseconds since 1970.
        pause: Waits for so many seconds.
    """

    transport: "httpx.BaseTransport | None" = None
    now_ms: Callable[[], int] = _now_ms
    pause: Callable[[float], None] = time.sleep
