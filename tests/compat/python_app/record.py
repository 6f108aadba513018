"""What the app's own code saw: the second witness beside the server's answers."""

import threading
import time
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Call:
    """One execution of one step body or handler body."""

    run_id: str
    name: str
    attempt: int
    at_ms: int
    data: Any = None


class Record:
    """The calls of all bodies in the order in which they began; safe to use from any thread."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._lock = threading.Lock()

    def note(self, run_id: str, name: str, attempt: int, data: Any = None) -> None:
        call = Call(run_id, name, attempt, at_ms=time.time_ns() // 1_000_000, data=data)
        with self._lock:
            self._calls.append(call)

    def count(self, run_id: str, name: str) -> int:
        """How often the body called `name` has begun in this run."""
        with self._lock:
            return sum(call.run_id == run_id and call.name == name for call in self._calls)

    def to_json(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(call) for call in self._calls]
