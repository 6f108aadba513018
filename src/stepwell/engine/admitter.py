"""Decides, one after the other, about events for functions that limit, merge or skip events.

Whether an event starts such a function depends on what the events before it have done. All these
decisions are made here, in one row, so none of them needs a lock. To be quick all the same they are
made many at a time: what is stored about all of them is read together, each is decided about in
memory on what those before it have left, and the next ones are looked at when all are durable.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

import msgspec
import structlog

from stepwell.core.admission import admit, end_buffer, in_order, record_defect
from stepwell.core.admission_view import AdmissionView, Findings, FunctionKey
from stepwell.core.arrival import Arrival
from stepwell.core.draft import World
from stepwell.core.identity import FunctionId, RunId
from stepwell.core.moment import Moment
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.singleton import supersede
from stepwell.core.transition import Transition
from stepwell.engine.admission_reads import AdmissionReads, Question, Questions, claim_keys
from stepwell.engine.claims import Claims
from stepwell.engine.store import Store, StoreUnavailable
from stepwell.engine.written import Written
from stepwell.wire.config import SingletonMode
from stepwell.wire.errors import OperationalError

__all__ = ["Admitter", "CancelRun", "Decide"]

_log = structlog.get_logger("stepwell.engine")

# Items decided about before the next ones are read: enough for a commit to be worth while, and few
# enough that no function waits long for another's.
_ITEMS_AT_ONCE: Final = 200
_STARTS_AT_ONCE: Final = 50

Decided = Callable[[QueueItem, Transition, Callable[[], None] | None], None]
Submit = Callable[[Transition, Callable[[], None] | None], None]
#: Cancels a run for a reason; returns when that is durable, or at once if there is no live run.
CancelRun = Callable[[RunId, str], Awaitable[bool]]
#: Told which live run has the key and does not give way, says what is to be written and which run
#: comes into being with it.
Decide = Callable[[RunId | None], tuple[Transition, RunId]]


class _Decision(msgspec.Struct):
    question: Question
    transition: Transition


class _Start(msgspec.Struct):
    """Somebody wants a run of a singleton that no event of its own starts."""

    key: FunctionKey
    decide: Decide
    started: "asyncio.Future[RunId]"


class Admitter:
    """Works off ADMIT, DEBOUNCE and BATCH items.

    Args:
        store: Where limits, buffers and runs are.
        claims: Tells repetitions of events.
        moment: Gives clock and ids for a decision.
        world: Functions, and what else decisions may look at.
        decided: Called with each item, the transition that answers it, and what is to be called
            when that is durable.
        submit: The same for what answers no item.
        cancel_run: Cancels a run.
    """

    def __init__(
        self,
        store: Store,
        claims: Claims,
        *,
        moment: Callable[[], Moment],
        world: Callable[[], World],
        decided: Decided,
        submit: Submit,
        cancel_run: CancelRun,
    ) -> None:
        self._store = store
        self._claims = claims
        self._moment = moment
        self._world = world
        self._decided = decided
        self._submit = submit
        self._cancel_run = cancel_run
        self._reads = AdmissionReads(store, functions=lambda: world().functions)
        self._items: deque[QueueItem] = deque()
        self._starts: deque[_Start] = deque()
        # Ordered, so that a simulation can be repeated.
        self._waiting: dict[asyncio.Future[RunId], None] = {}
        self._is_over = False
        self._wake = asyncio.Event()

    def expect(self, transition: Transition) -> None:
        """Keep the events of a transition that will be decided about once it is durable."""
        if not transition.events:
            return
        if any(item.kind is ItemKind.ADMIT for item in transition.put):
            self._reads.keep(transition.events)

    def add(self, item: QueueItem) -> None:
        """An item's turn has come."""
        self._items.append(item)
        self._wake.set()

    async def start(self, function_id: FunctionId, key: str, decide: Decide) -> RunId:
        """Have a run of a singleton started in the row of all decisions; returns when it is durable.

        Only the singleton is heeded. In the mode in which the older run gives way, it is cancelled,
        and that is durable, before `decide` is called.

        Args:
            function_id: The function.
            key: The key under which the run will be the only live one (`singleton_key`); not "".
            decide: Called once.

        Raises:
            StoreUnavailable, OwnershipLost: It is unknown whether there is a run.
        """
        assert key
        if self._is_over:
            raise _over()
        started: asyncio.Future[RunId] = asyncio.get_running_loop().create_future()
        self._waiting[started] = None
        started.add_done_callback(self._waiting.pop)
        self._starts.append(_Start((function_id, key), decide, started))
        self._wake.set()
        return await started

    def abort(self) -> None:
        """Tell everyone who waits for a start that there will be none."""
        self._is_over = True
        for started in list(self._waiting):
            if not started.done():
                started.set_exception(_over())

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._items or self._starts:
                if self._items:
                    await self._admit(_taken(self._items, _ITEMS_AT_ONCE))
                if self._starts:
                    await self._start_runs(self._next_starts())

    # Events.

    async def _admit(self, items: Sequence[QueueItem]) -> None:
        """Decide about the items; one that cannot be read must not keep the others from it."""
        reserved: list[FunctionKey] = []
        try:
            questions, findings = await self._look_up(items, reserved)
        except OperationalError:
            raise
        except Exception:  # noqa: BLE001 - whatever it is, it concerns one item
            self._claims.release(reserved)
            await self._admit_apart(items)
            return
        try:
            await self._decide(questions, findings)
        finally:
            self._claims.release(reserved)

    async def _admit_apart(self, items: Sequence[QueueItem]) -> None:
        if len(items) > 1:
            for item in items:
                await self._admit([item])
            return
        (item,) = items
        _log.exception("admission.unreadable", item_id=item.id, kind=item.kind.name)
        self._leave(item)

    async def _look_up(
        self, items: Sequence[QueueItem], reserved: list[FunctionKey]
    ) -> tuple[Questions, Findings]:
        """What the items ask and what is stored about it; says in `reserved` what was reserved."""
        now_ms = self._moment().now_ms
        questions = await self._reads.questions(in_order(items), now_ms=now_ms)
        findings = await self._reads.findings(questions, now_ms=now_ms)
        keys = claim_keys(questions, findings)
        if keys:
            claimed = await self._claims.reserve(keys)
            reserved += keys
            findings = msgspec.structs.replace(findings, claims=frozenset(claimed))
        return questions, findings

    async def _decide(self, questions: Questions, findings: Findings) -> None:
        for item in questions.unreadable:
            self._leave(item)
        for item in questions.pointless:
            self._decided(item, Transition(done=[item.id]), None)
        decisions = await self._settled(questions, findings)
        if not decisions:
            return
        written = Written()
        for decision in decisions[:-1]:
            self._decided(decision.question.item, decision.transition, None)
        last = decisions[-1]
        self._decided(last.question.item, last.transition, written.committed)
        await written.future

    async def _settled(self, questions: Questions, findings: Findings) -> list[_Decision]:
        """The decisions, once every run that has to give way to one of them is cancelled.

        A run that cannot be cancelled because of a defect stays, and what was decided before that
        was known is decided again.
        """
        immovable: set[RunId] = set()
        while True:
            view = AdmissionView(findings, immovable=immovable)
            decisions = [self._decision(question, view) for question in questions.asked]
            failed = await self._cancel_all(view.giving_way)
            if not failed:
                return [self._superseded(decision, view) for decision in decisions]
            immovable.update(failed)

    def _decision(self, question: Question, view: AdmissionView) -> _Decision:
        at = self._moment()
        try:
            if isinstance(question, Arrival):
                transition = admit(question, view, at=at)
            else:
                transition = end_buffer(question, view, at=at)
        except Exception:  # noqa: BLE001 - a defect must cost one item, not the partition
            transition = self._after_defect(question)
        view.apply(transition)
        return _Decision(question, transition)

    def _superseded(self, decision: _Decision, view: AdmissionView) -> _Decision:
        """The decision, with its run cancelled at once if a later one has taken its place."""
        transition = decision.transition
        for run in transition.runs:
            if run.id in view.superseded:
                event = view.event(run.event_id)
                assert event is not None, "a run that was just decided about has its event"
                try:
                    transition = supersede(
                        transition, run.id, event, world=self._world(), at=self._moment()
                    )
                except Exception:  # noqa: BLE001 - a defect must cost one item, not the partition
                    transition = self._after_defect(decision.question)
                return _Decision(decision.question, transition)
        return decision

    def _after_defect(self, question: Question) -> Transition:
        """What is written in place of a decision that could not be made.

        An event is recorded as skipped. A buffer is left as it is, with its item in the queue.
        """
        item = question.item
        _log.exception("admission.failed", item_id=item.id, kind=item.kind.name)
        if isinstance(question, Arrival):
            return record_defect(question, at=self._moment())
        return Transition()

    def _leave(self, item: QueueItem) -> None:
        """End the item's turn; it stays in the queue for a version that understands it."""
        self._decided(item, Transition(), None)

    async def _cancel_all(self, run_ids: Iterable[RunId]) -> dict[RunId, Exception]:
        """Cancel the runs; returns those that could not be cancelled because of a defect."""
        run_ids = list(run_ids)
        if not run_ids:
            return {}
        cancelling = (self._cancel_run(run_id, "singleton") for run_id in run_ids)
        outcomes = await asyncio.gather(*cancelling, return_exceptions=True)
        failed: dict[RunId, Exception] = {}
        for run_id, outcome in zip(run_ids, outcomes, strict=True):
            if isinstance(outcome, Exception) and not isinstance(outcome, OperationalError):
                _log.error("admission.not_cancelled", run_id=run_id, exc_info=outcome)
                failed[run_id] = outcome
            elif isinstance(outcome, BaseException):
                raise outcome
        return failed

    # Starts without an event of their own.

    def _next_starts(self) -> list[_Start]:
        """The next ones in line, of each key only the first: others find the run it starts."""
        taken: dict[FunctionKey, _Start] = {}
        while self._starts and len(taken) < _STARTS_AT_ONCE:
            if self._starts[0].key in taken:
                break
            start = self._starts.popleft()
            if not start.started.done():
                taken[start.key] = start
        return list(taken.values())

    async def _start_runs(self, starts: Sequence[_Start]) -> None:
        holders = dict(await self._store.singletons([start.key for start in starts]))
        giving_way = {key: run_id for key, run_id in holders.items() if self._gives_way(key[0])}
        failed = await self._cancel_all(giving_way.values())
        decided: list[tuple[_Start, Transition, RunId]] = []
        for start in starts:
            holder = holders.get(start.key)
            if holder is not None and holder in failed:
                _refuse(start, failed[holder])
                continue
            try:
                transition, run_id = start.decide(None if start.key in giving_way else holder)
            except Exception as defect:  # noqa: BLE001 - it is the one's who asked
                _refuse(start, defect)
            else:
                decided.append((start, transition, run_id))
        if not decided:
            return
        written = Written()
        for _, transition, _ in decided[:-1]:
            self._submit(transition, None)
        self._submit(decided[-1][1], written.committed)
        await written.future
        for start, _, run_id in decided:
            if not start.started.done():
                start.started.set_result(run_id)

    def _gives_way(self, function_id: FunctionId) -> bool:
        """Whether the older of two runs of the function gives way."""
        function = self._world().functions.get(function_id)
        singleton = function.config.singleton if function is not None else None
        return singleton is not None and singleton.mode is SingletonMode.CANCEL


def _refuse(start: _Start, failure: Exception) -> None:
    if not start.started.done():
        start.started.set_exception(failure)


def _taken(items: deque[QueueItem], count_max: int) -> list[QueueItem]:
    return [items.popleft() for _ in range(min(len(items), count_max))]


def _over() -> StoreUnavailable:
    return StoreUnavailable("start", "the server stops")
