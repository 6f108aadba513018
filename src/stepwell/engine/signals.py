"""Brings signals and the steps that wait for them together.

Steps that begin to wait (SIGNAL items) and signals that are sent are decided in one line, many at a
time: of two steps that want a name the one that was committed first has it, and a signal reaches
every wait that was durable before it was sent.

Who waits for a name is read from the store, but what counts is the state of that run. It is held
from before the decision until that is durable, so the answer to a signal is seen by the wait's
timeout, too: whichever of them is decided first is the step's result.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from stepwell.core.identity import EnvironmentId, ItemId, RunId
from stepwell.core.item_bodies import SignalBody
from stepwell.core.queue import QueueItem
from stepwell.core.run import RunState
from stepwell.core.signals import begin_waiting, is_waiting, receive
from stepwell.core.transition import SignalWait, Transition
from stepwell.engine.asked_runs import AskedRuns
from stepwell.engine.live_runs import LiveRuns
from stepwell.engine.places import OwnedPlaces
from stepwell.engine.requests import Deciding
from stepwell.engine.store import Store, StoreUnavailable
from stepwell.engine.written import Written
from stepwell.wire.errors import OperationalError

__all__ = ["Forward", "Signals"]

# Waits and signals looked up together.
_AT_ONCE: Final = 64

_Name = tuple[EnvironmentId, str]

#: Gives a signal to a step about which another node decides; False if it does not wait any more.
Forward = Callable[[SignalWait, bytes], Awaitable[bool]]


class _Wait(msgspec.Struct):
    """A step begins to wait."""

    item: QueueItem
    name: _Name
    run_id: RunId


class _Signal(msgspec.Struct):
    """A signal was sent; `number` is larger than the ids of all items created before."""

    number: ItemId
    name: _Name
    data: bytes
    answer: "asyncio.Future[RunId | None]"
    run_id: RunId | None = None


class _Board(msgspec.Struct):
    """Who waits for which name, including what was decided a moment ago."""

    waits: dict[_Name, SignalWait | None]
    runs: dict[RunId, RunState | None]

    def waiting(self, name: _Name, *, now_ms: int) -> SignalWait | None:
        """The step that waits for the name now."""
        wait = self.waits[name]
        if wait is None or not is_waiting(wait, self.runs[wait.run_id], now_ms=now_ms):
            return None
        return wait


class Signals:
    """Works off SIGNAL items and sent signals in order.

    Args:
        store: Where it stands who waits.
        live: Runs in memory.
        deciding: Writes decisions.
        is_behind: Whether SIGNAL items with smaller ids may not have had their turn yet.
        decided: Called with each item, the transition that answers it, and what to call when that
            is durable.
        places: Tells about which runs this node decides.
        forward: Gives signals to steps of other runs.
    """

    def __init__(
        self,
        store: Store,
        live: LiveRuns,
        deciding: Deciding,
        *,
        is_behind: Callable[[ItemId], bool],
        decided: Callable[[QueueItem, Transition, Callable[[], None] | None], None],
        places: OwnedPlaces,
        forward: Forward,
    ) -> None:
        self._store = store
        self._places = places
        self._forward = forward
        self._live = live
        self._deciding = deciding
        self._is_behind = is_behind
        self._decided = decided
        self._asked = AskedRuns(live)
        self._begun: deque[_Wait] = deque()
        self._sent: deque[_Signal] = deque()
        # Ordered, so that a simulation can be repeated.
        self._unanswered: dict[asyncio.Future[RunId | None], None] = {}
        self._is_over = False
        self._is_draining = False
        self._wake = asyncio.Event()

    def add(self, item: QueueItem) -> None:
        """A SIGNAL item's turn has come."""
        body = SignalBody.decode(item.body)
        self._begun.append(_Wait(item, (body.environment_id, body.name), body.run_id))
        self._wake.set()

    def look_again(self) -> None:
        """Items that signals wait for may have had their turn by now."""
        if self._sent:
            self._wake.set()

    async def send(self, environment_id: EnvironmentId, name: str, data: bytes) -> RunId | None:
        """Give the step that waits for the signal its result; returns when that is durable.

        Args:
            environment_id: Where it is sent to.
            name: Of the signal.
            data: JSON.

        Returns:
            The run whose step it was; None if no step waits, and then the signal is lost.

        Raises:
            StoreUnavailable: It is not certain whether a step has it.
        """
        if self._is_over:
            raise _over()
        answer: asyncio.Future[RunId | None] = asyncio.get_running_loop().create_future()
        self._unanswered[answer] = None
        answer.add_done_callback(self._unanswered.pop)
        number = ItemId(self._deciding.moment().ids.number())
        self._sent.append(_Signal(number, (environment_id, name), data, answer))
        self._wake.set()
        return await answer

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while batch := self._take():
                if self._places.are_one:
                    await self._work_off(batch)
                    continue
                for one in batch:
                    if not (isinstance(one, _Signal) and await self._is_forwarded(one)):
                        await self._work_off([one])

    def drain(self) -> None:
        """No item has its turn any more: refuse the signals that would have to wait for one."""
        self._is_draining = True
        self._wake.set()

    def resume(self) -> None:
        """Items have their turns again."""
        self._is_draining = False

    def abort(self) -> None:
        """Tell everyone who waits for an answer that there will be none."""
        self._is_over = True
        self._asked.abort()
        for answer in list(self._unanswered):
            if not answer.done():
                answer.set_exception(_over())

    def _take(self) -> list[_Wait | _Signal]:
        """What is to be decided next; a signal not before the waits that are older."""
        batch: list[_Wait | _Signal] = []
        begun, sent = self._begun, self._sent
        while len(batch) < _AT_ONCE:
            if begun and (not sent or begun[0].item.id < sent[0].number):
                batch.append(begun.popleft())
            elif sent and not self._is_behind(sent[0].number):
                batch.append(sent.popleft())
            elif begun:
                batch.append(begun.popleft())
            elif sent and self._is_draining:
                _refuse(sent.popleft())
            else:
                break
        return batch

    async def _work_off(self, batch: Sequence[_Wait | _Signal]) -> None:
        board = await self._board(batch)
        # From here on nothing else happens before all decisions are submitted.
        decisions = [
            (one, transition)
            for one in batch
            if (transition := self._decision(one, board)) is not None
        ]
        if decisions:
            written = Written()
            *others, (last, transition) = decisions
            for one, earlier in others:
                self._submit(one, board, earlier)
            self._submit(last, board, transition, written.committed)
            await written.future
        for run_id, run in board.runs.items():
            if run is not None and self._live.get(run_id) is run:
                self._live.release(run_id)
        if not self._places.are_one:
            for one in batch:
                await self._look_back(one, board)
        for one in batch:
            if isinstance(one, _Signal) and not one.answer.done():
                one.answer.set_result(one.run_id)

    async def _look_back(self, one: _Wait | _Signal, board: _Board) -> None:
        """Give a name free again if another node's run ended while its step got the name."""
        wait = board.waits[one.name]
        if not isinstance(one, _Wait) or wait is None or wait.run_id != one.run_id:
            return
        if not self._places.owns(wait.function_id):
            run = (await self._store.load_runs([wait.run_id])).get(wait.run_id)
            if not is_waiting(wait, run, now_ms=self._deciding.moment().now_ms):
                self._deciding.submit(Transition(signals_done=[wait.ref]))

    async def _is_forwarded(self, signal: _Signal) -> bool:
        """Give the signal to a step of another node's run; False if no such step waits."""
        wait = await self._store.signal(*signal.name)
        if wait is None or self._places.owns(wait.function_id):
            return False
        try:
            is_taken = await self._forward(wait, signal.data)
        except OperationalError as failure:
            if not signal.answer.done():
                signal.answer.set_exception(failure)
            return True
        if not signal.answer.done():
            signal.answer.set_result(wait.run_id if is_taken else None)
        return True

    async def _hold(self, run_id: RunId) -> RunState | None:
        """The run, held; of another node's run, how it stands in the store."""
        if not self._places.are_one:
            found = (await self._store.load_runs([run_id])).get(run_id)
            if found is None or not self._places.owns(found.new.function_id):
                return found
        return await self._asked.hold(run_id)

    async def _board(self, batch: Sequence[_Wait | _Signal]) -> _Board:
        """Who waits for the names of the batch, and the runs it is about, held."""
        names = list(dict.fromkeys(one.name for one in batch))
        found = await asyncio.gather(*(self._store.signal(*name) for name in names))
        waits = dict(zip(names, found, strict=True))
        run_ids = dict.fromkeys(one.run_id for one in batch if isinstance(one, _Wait))
        run_ids |= dict.fromkeys(wait.run_id for wait in found if wait is not None)
        runs = await asyncio.gather(*map(self._hold, run_ids))
        return _Board(waits, dict(zip(run_ids, runs, strict=True)))

    def _decision(self, one: _Wait | _Signal, board: _Board) -> Transition | None:
        """What becomes of it, noted on the board; None if nothing does."""
        at = self._deciding.moment()
        wait = board.waiting(one.name, now_ms=at.now_ms)
        if isinstance(one, _Wait):
            transition = begin_waiting(one.item, board.runs[one.run_id], wait, at=at)
            for begun in transition.signals:
                board.waits[one.name] = begun
            return transition
        if wait is None or one.answer.done():
            # Whoever sent it has gone away before it was decided, so it was not sent.
            return None
        board.waits[one.name] = None
        one.run_id = wait.run_id
        return receive(wait, one.data, at=at)

    def _submit(
        self,
        one: _Wait | _Signal,
        board: _Board,
        transition: Transition,
        committed: Callable[[], None] | None = None,
    ) -> None:
        if isinstance(one, _Wait):
            self._decided(one.item, transition, committed)
            return
        assert one.run_id is not None
        run = board.runs[one.run_id]
        assert run is not None, "a step that waits belongs to a run"
        self._deciding.submit_for(run, transition, committed=committed)


def _refuse(signal: _Signal) -> None:
    if not signal.answer.done():
        signal.answer.set_exception(_over())


def _over() -> StoreUnavailable:
    return StoreUnavailable("signal", "the server stops or opens the store anew")
