"""Runs that somebody outside asks about: found in memory or read, and held until it is done."""

import asyncio
from functools import partial

from stepwell.core.identity import RunId
from stepwell.core.run import RunState
from stepwell.engine.live_runs import Absent, LiveRuns
from stepwell.engine.store import StoreUnavailable

__all__ = ["AskedRuns"]


class AskedRuns:
    """Waits for runs on behalf of requests, and lets none of them wait for ever."""

    def __init__(self, live: LiveRuns) -> None:
        self._live = live
        # Ordered, so that a simulation can be repeated.
        self._asked: dict[asyncio.Future[RunState | Absent], None] = {}

    async def hold(self, run_id: RunId) -> RunState | None:
        """The run, held; None when there is no such run, or it has ended.

        Raises:
            StoreUnavailable: It cannot be found out now.
        """
        found: asyncio.Future[RunState | Absent] = asyncio.get_running_loop().create_future()
        self._asked[found] = None
        found.add_done_callback(self._asked.pop)
        self._live.want(run_id, partial(self._found, found))
        run = await found
        if isinstance(run, Absent):
            return None
        if run.is_ended:
            self._live.release(run_id)
            return None
        return run

    def abort(self) -> None:
        """Tell everyone who waits that there will be no answer."""
        for found in list(self._asked):
            if not found.done():
                found.set_exception(StoreUnavailable("request", "the server stops"))

    def _found(self, found: "asyncio.Future[RunState | Absent]", run: RunState | Absent) -> None:
        if not found.done():
            found.set_result(run)
        elif isinstance(run, RunState):
            # Whoever asked has gone away.
            self._live.release(run.new.id)
