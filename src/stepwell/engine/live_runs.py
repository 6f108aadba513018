"""The runs something is being done for, in memory.

A run is loaded when its turn comes and held until everything that was decided about it is durable
and nothing more is to be done for it now. Sleeping and waiting runs cost no memory.
"""

import asyncio
import enum
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec
import structlog

from stepwell.core.identity import RunId
from stepwell.core.queue import QueueItem
from stepwell.core.run import RunState
from stepwell.wire.errors import OperationalError

__all__ = ["Absent", "LiveRuns", "Then"]

_log = structlog.get_logger("stepwell.engine")

# Runs read in one round trip.
_LOAD_MAX: Final = 500


class Absent(enum.Enum):
    """Why there is no state of a run."""

    #: It does not exist, or it has ended.
    GONE = enum.auto()
    #: What is stored of it cannot be understood. It stays where it is; other runs go on.
    UNREADABLE = enum.auto()


Loader = Callable[[Sequence[RunId]], Awaitable[dict[RunId, RunState]]]
Then = Callable[[RunState | Absent], None]


class _Held(msgspec.Struct):
    run: RunState
    holds: int


class LiveRuns:
    """Runs by id, each with the number of reasons to keep it."""

    def __init__(self, load: Loader) -> None:
        self._load = load
        self._held: dict[RunId, _Held] = {}
        self._wanted: dict[RunId, list[Then]] = {}
        self._answers: dict[RunId, list[QueueItem]] = {}
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

    def want(self, run_id: RunId, then: Then) -> None:
        """Call `then` with the run, held; or with the reason why there is none.

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

    def tell(self, answer: QueueItem) -> None:
        """A RESUME item is durable: its run has to know before the step's timeout is decided.

        That is so even while the run is being read: what is read may be from before the answer.
        """
        run_id = answer.run_id
        held = self._held.get(run_id)
        if held is not None:
            _keep(held.run, answer)
        elif run_id in self._wanted:
            self._answers.setdefault(run_id, []).append(answer)

    async def run(self) -> None:
        """Read wanted runs, as many as are wanted at a time, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._wanted:
                wanted = list(self._wanted)[:_LOAD_MAX]
                loaded = await self._read(wanted)
                for run_id in wanted:
                    self._deliver(run_id, loaded.get(run_id, Absent.GONE))

    async def _read(self, wanted: Sequence[RunId]) -> dict[RunId, RunState | Absent]:
        """The states of the runs; one that cannot be read must not keep the others from it."""
        try:
            return dict(await self._load(wanted))
        except OperationalError:
            raise
        except Exception:  # noqa: BLE001 - whatever it is, it concerns one run
            if len(wanted) > 1:
                found: dict[RunId, RunState | Absent] = {}
                for run_id in wanted:
                    found |= await self._read([run_id])
                return found
            _log.exception("run.unreadable", run_id=wanted[0])
            return {wanted[0]: Absent.UNREADABLE}

    def _deliver(self, run_id: RunId, run: RunState | Absent) -> None:
        waiting = self._wanted.pop(run_id)
        answers = self._answers.pop(run_id, ())
        if isinstance(run, RunState) and run_id not in self._held:
            self._held[run_id] = _Held(run, 0)
            for answer in answers:
                _keep(run, answer)
        # All get the same state, even if the first of them is done with it at once.
        kept = self.hold(run_id)
        for then in waiting:
            held = self.hold(run_id)
            then(run if held is None else held)
        if kept is not None:
            self.release(run_id)


def _keep(run: RunState, answer: QueueItem) -> None:
    # The answer may have had its turn already, if it was read from the store very early.
    if not run.is_ended and run.open_item(answer.step) is not None:
        run.items[answer.id] = answer
