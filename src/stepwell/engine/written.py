"""Waiting for what was decided to become durable."""

import asyncio
from collections.abc import Callable

from stepwell.core.identity import RunId
from stepwell.engine.committer import CommitFailed

__all__ = ["UnwrittenRuns", "Written"]


class Written:
    """Waits for one transition.

    Args:
        settled: Called when it is durable or has failed, even if nobody waits then.
    """

    def __init__(self, settled: Callable[[], None] | None = None) -> None:
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._settled = settled

    def committed(self) -> None:
        """It is durable."""
        if self._settled is not None:
            self._settled()
        if not self.future.done():
            self.future.set_result(None)

    def failed(self, failure: CommitFailed) -> None:
        """It was not written, or it is unknown whether it was."""
        if self._settled is not None:
            self._settled()
        if not self.future.done():
            self.future.set_exception(failure)


class UnwrittenRuns:
    """Runs about which something was decided that is not durable yet, and what waits for that.

    An app must not see a result that a crash could still undo, so a call waits for what was decided
    about its run.
    """

    def __init__(self) -> None:
        self._counts: dict[RunId, int] = {}
        self._waiting: dict[RunId, list[Callable[[], None]]] = {}

    def __contains__(self, run_id: object) -> bool:
        return run_id in self._counts

    def add(self, run_id: RunId) -> None:
        """A transition of the run was submitted."""
        self._counts[run_id] = self._counts.get(run_id, 0) + 1

    def then(self, run_id: RunId, go_on: Callable[[], None]) -> None:
        """Call `go_on` when everything decided about the run is durable."""
        assert run_id in self._counts
        self._waiting.setdefault(run_id, []).append(go_on)

    def written(self, run_id: RunId) -> None:
        """The oldest transition of the run is durable."""
        left = self._counts[run_id] - 1
        if left:
            self._counts[run_id] = left
            return
        del self._counts[run_id]
        for go_on in self._waiting.pop(run_id, ()):
            go_on()
