"""The runs something is being done for, in memory.

A run is loaded when its turn comes and held until everything that was decided about it is durable
and nothing more is to be done for it now. Sleeping and waiting runs cost no memory.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from stepwell.core.identity import RunId
from stepwell.core.run import RunState

__all__ = ["LiveRuns"]

# Runs read in one round trip.
_LOAD_MAX: Final = 500

Loader = Callable[[Sequence[RunId]], Awaitable[dict[RunId, RunState]]]


class _Held(msgspec.Struct):
    run: RunState
    holds: int


class LiveRuns:
    """Runs by id, each with the number of reasons to keep it."""

    def __init__(self, load: Loader) -> None:
        self._load = load
        self._held: dict[RunId, _Held] = {}
        self._wanted: dict[RunId, list[Callable[[RunState | None], None]]] = {}
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        return len(self._held)

    def get(self, run_id: RunId) -> RunState | None:
        """The run, if it is in memory."""
        held = self._held.get(run_id)
        return held.run if held is not None else None

    def add(self, run: RunState) -> None:
        """Take a run that has just come into being, with one hold."""
        assert run.new.id not in self._held
        self._held[run.new.id] = _Held(run, 1)

    def hold(self, run_id: RunId) -> RunState | None:
        """Keep the run, if it is in memory, until `release`."""
        held = self._held.get(run_id)
        if held is None:
            return None
        held.holds += 1
        return held.run

    def release(self, run_id: RunId) -> None:
        """End one hold; without any, the run leaves the memory."""
        held = self._held.get(run_id)
        if held is None:
            return
        held.holds -= 1
        if held.holds <= 0:
            del self._held[run_id]

    def want(self, run_id: RunId, then: Callable[[RunState | None], None]) -> None:
        """Call `then` with the run, held; or with None when there is no such run, or it has ended.

        At once if the run is in memory, else after it was read together with others.
        """
        run = self.hold(run_id)
        if run is not None:
            then(run)
            return
        waiting = self._wanted.get(run_id)
        if waiting is None:
            self._wanted[run_id] = [then]
            self._wake.set()
        else:
            waiting.append(then)

    async def run(self) -> None:
        """Read wanted runs, as many as are wanted at a time, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._wanted:
                wanted = list(self._wanted)[:_LOAD_MAX]
                loaded = await self._load(wanted)
                for run_id in wanted:
                    self._deliver(run_id, loaded.get(run_id))

    def _deliver(self, run_id: RunId, run: RunState | None) -> None:
        waiting = self._wanted.pop(run_id)
        if run is not None and run_id not in self._held:
            self._held[run_id] = _Held(run, 0)
        for then in waiting:
            then(self.hold(run_id))
