"""Which events some run may be waiting for, so that all others need no look-up."""

from collections import Counter
from collections.abc import Iterable

from stepwell.core.transition import Transition
from stepwell.engine.store import WaitShape

__all__ = ["AwaitedEvents"]


class AwaitedEvents:
    """Counts the stored waits by event name and indexed path."""

    def __init__(self, shapes: Iterable[WaitShape] = ()) -> None:
        self._paths: dict[str, Counter[str]] = {}
        self.load(shapes)

    def load(self, shapes: Iterable[WaitShape]) -> None:
        """Begin with what the store has."""
        self._paths.clear()
        for shape in shapes:
            self._paths.setdefault(shape.event_name, Counter())[shape.match_path] += shape.count

    def __contains__(self, event_name: object) -> bool:
        return event_name in self._paths

    def paths(self, event_name: str) -> list[str]:
        """The paths by which waits for that event can be found."""
        return [path for path in self._paths.get(event_name, ()) if path]

    def apply(self, transition: Transition) -> None:
        """Count what the transition adds and removes."""
        for wait in transition.waits:
            self._paths.setdefault(wait.event_name, Counter())[wait.match_path] += 1
        for ref in transition.waits_done:
            paths = self._paths.get(ref.event_name)
            if paths is None:
                continue
            paths[ref.match_path] -= 1
            if paths[ref.match_path] <= 0:
                del paths[ref.match_path]
            if not paths:
                del self._paths[ref.event_name]
