"""Waiting for the end of a run, on behalf of requests from outside."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from stepwell.core.identity import RunId
from stepwell.core.run import RunState
from stepwell.core.transition import Transition
from stepwell.engine.store import StoreUnavailable

__all__ = ["WAITING_MAX", "RunEnds"]

#: Requests that may wait at the same time; each holds a connection.
WAITING_MAX: Final = 10_000

_Ended = asyncio.Future[None]


class RunEnds:
    """Tells who waits for a run when its end is durable.

    Whoever waits must begin to `watch` before it looks whether the run has ended; otherwise the
    end could come in between.
    """

    def __init__(self) -> None:
        self._watched: dict[RunId, list[_Ended]] = {}
        self._waiting = 0
        self._when_watched: Callable[[], None] | None = None
        self._is_closed = False

    def __len__(self) -> int:
        return self._waiting

    @contextmanager
    def watch(self, run_id: RunId) -> Iterator[_Ended]:
        """A future that is done once the run has ended. For use in a `with` statement.

        Raises:
            StoreUnavailable: Too many wait already, or the server stops; the future raises the
                latter as well.
        """
        if self._is_closed:
            raise _stopping()
        if self._waiting >= WAITING_MAX:
            raise StoreUnavailable("request", "too many requests wait for runs to end")
        ended: _Ended = asyncio.get_running_loop().create_future()
        self._watched.setdefault(run_id, []).append(ended)
        self._waiting += 1
        if self._when_watched is not None:
            self._when_watched()
        try:
            yield ended
        finally:
            self._waiting -= 1
            self._forget(run_id, ended)

    def observe(self, run: RunState | None, transition: Transition) -> None:  # noqa: ARG002
        """Take in a durable transition; an `Observer` of the partition."""
        if self._watched:
            self.have_ended(end.run_id for end in transition.ended)

    def when_watched(self, call: Callable[[], None]) -> None:
        """Have `call` called whenever somebody begins to wait."""
        self._when_watched = call

    @property
    def watched(self) -> list[RunId]:
        """The runs whose ends somebody waits for."""
        return list(self._watched)

    def have_ended(self, run_ids: Iterable[RunId]) -> None:
        """These runs have ended, wherever that was decided."""
        for run_id in run_ids:
            for ended in self._watched.pop(run_id, ()):
                if not ended.done():
                    ended.set_result(None)

    def close(self) -> None:
        """Let nobody wait any more: the server stops."""
        self._is_closed = True
        for waiting in self._watched.values():
            for ended in waiting:
                if not ended.done():
                    ended.set_exception(_stopping())
        self._watched.clear()

    def _forget(self, run_id: RunId, ended: _Ended) -> None:
        # What nobody looks at must not be reported as an exception that was never retrieved.
        ended.cancel()
        if ended.done() and not ended.cancelled():
            ended.exception()
        waiting = self._watched.get(run_id)
        if waiting is not None and ended in waiting:
            waiting.remove(ended)
            if not waiting:
                del self._watched[run_id]


def _stopping() -> StoreUnavailable:
    return StoreUnavailable("request", "the server stops")
