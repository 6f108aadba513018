"""Reports from apps about runs, outside of answers to calls, until they are durable."""

import enum
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
import structlog

from stepwell.core.call import referenced_item
from stepwell.core.checkpointing import CheckpointRefused, checkpoint
from stepwell.core.draft import World
from stepwell.core.endpoint import TooManyEndpoints, begin, report_steps
from stepwell.core.function import Function
from stepwell.core.identity import RunId
from stepwell.core.moment import Moment
from stepwell.core.run import RunState
from stepwell.core.transition import Transition
from stepwell.engine.calls import Call, Calls
from stepwell.engine.store import RunHistory
from stepwell.wire.checkpoint import AsyncCheckpoint, EndpointStart, StepsCheckpoint
from stepwell.wire.events import AcceptedEvent

__all__ = [
    "BegunRun",
    "Checkpointed",
    "Checkpoints",
    "Endpoints",
    "Histories",
    "NotBegun",
    "Runs",
]

_log = structlog.get_logger("stepwell.engine")


class Runs(Protocol):
    """The partition, as far as reports need it."""

    def moment(self) -> Moment:
        """Clock and ids for a decision."""
        ...

    def world(self) -> World:
        """What a decision may look at besides its subject."""
        ...

    async def hold(self, run_id: RunId) -> RunState | None:
        """The run, held until `release` or `commit_for`; None if it does not exist or has ended.

        Raises:
            StoreUnavailable: It cannot be found out now.
        """
        ...

    def release(self, run_id: RunId) -> None:
        """End the hold, nothing having been decided."""
        ...

    async def commit_for(self, run: RunState, transition: Transition) -> None:
        """Apply and write what was decided about the held run; returns when it is durable.

        It is applied before anything is waited for. The hold ends, whatever happens.

        Raises:
            StoreUnavailable, OwnershipLost: It may not be durable.
        """
        ...

    async def commit_all(
        self, transitions: Sequence[Transition], *, settled: Callable[[], None] | None = None
    ) -> None:
        """Write transitions that concern no existing run; returns when they are durable.

        Args:
            transitions: At least one.
            settled: Called when they are durable or have failed, even if nobody waits then.

        Raises:
            StoreUnavailable, OwnershipLost: It may not be durable.
        """
        ...


class Endpoints(Protocol):
    """Who knows durable endpoints as functions."""

    async def endpoint(self, start: EndpointStart) -> Function | TooManyEndpoints:
        """The endpoint as a function; returns when it is durable.

        Raises:
            StoreUnavailable: It may not be known.
        """
        ...


class Histories(Protocol):
    """Where runs can be looked up, ended ones included."""

    async def history(self, run_id: RunId) -> RunHistory | None:
        """Everything about a run; None when there is no such run."""
        ...


class Checkpointed(enum.Enum):
    """What became of a report of finished steps."""

    #: It is durable.
    SAVED = enum.auto()
    #: The call it comes from is not under way any more; its answer will not count either.
    STALE = enum.auto()
    #: There is no such run, or it has ended.
    NO_RUN = enum.auto()


class BegunRun(msgspec.Struct, frozen=True):
    """A durable endpoint's run exists."""

    run_id: RunId
    function: Function


class NotBegun(enum.Enum):
    """Why a durable endpoint's run was not created."""

    #: There is a run with that id.
    EXISTS = enum.auto()
    #: The app has too many endpoints.
    TOO_MANY_ENDPOINTS = enum.auto()


class Checkpoints:
    """Takes reports for the runs of a partition.

    Args:
        runs: The partition.
        calls: Its calls under way.
        histories: The store.
        endpoints: The registry.
    """

    def __init__(
        self, runs: Runs, calls: Calls, *, histories: Histories, endpoints: Endpoints
    ) -> None:
        self._runs = runs
        self._calls = calls
        self._histories = histories
        self._endpoints = endpoints
        self._beginning: set[RunId] = set()

    async def save(self, report: AsyncCheckpoint) -> Checkpointed | CheckpointRefused:
        """Record what a call under way reports; returns when it is durable.

        A report counts only if it comes from a call that is under way. That is so for as long as
        the queue item has not been dispatched again, by this owner or another one.

        Raises:
            StoreUnavailable, OwnershipLost: It may not be durable; it can be repeated.

        Source: HTTP APIs, 8.4.
        """
        run_id = RunId(report.run_id)
        run = await self._runs.hold(run_id)
        if run is None:
            return Checkpointed.NO_RUN
        decision: Transition | CheckpointRefused | None = None
        try:
            decision = self._decide(run, report)
        finally:
            if not isinstance(decision, Transition):
                self._runs.release(run_id)
        if decision is None:
            return Checkpointed.STALE
        if isinstance(decision, CheckpointRefused):
            return decision
        await self._runs.commit_for(run, decision)
        return Checkpointed.SAVED

    async def begin(self, start: EndpointStart, accepted: AcceptedEvent) -> BegunRun | NotBegun:
        """Create the run of a durable endpoint; returns when it is durable.

        Raises:
            StoreUnavailable, OwnershipLost: It may not be durable.

        Source: HTTP APIs, 8.2.
        """
        run_id = RunId(start.run_id)
        if run_id in self._beginning:
            return NotBegun.EXISTS
        self._beginning.add(run_id)
        transition: Transition | None = None
        try:
            if await self._histories.history(run_id) is not None:
                return NotBegun.EXISTS
            function = await self._endpoints.endpoint(start)
            if isinstance(function, TooManyEndpoints):
                _log.warning("endpoint.refused", reason="too many", domain=function.domain)
                return NotBegun.TOO_MANY_ENDPOINTS
            world, at = self._runs.world(), self._runs.moment()
            transition = begin(start, function, accepted=accepted, world=world, at=at)
        finally:
            if transition is None:
                self._beginning.discard(run_id)
        # The id stays taken until then, even when the client does not wait any more.
        await self._runs.commit_all([transition], settled=lambda: self._beginning.discard(run_id))
        return BegunRun(run_id, function)

    async def report(self, report: StepsCheckpoint) -> Checkpointed:
        """Decide about what a durable endpoint reports; returns when that is durable.

        Raises:
            StoreUnavailable, OwnershipLost: It may not be durable; it can be repeated.

        Source: HTTP APIs, 8.3.
        """
        run_id = RunId(report.run_id)
        run = await self._runs.hold(run_id)
        if run is None:
            return Checkpointed.NO_RUN
        decision: Transition | None = None
        try:
            world, at = self._runs.world(), self._runs.moment()
            decision = report_steps(run, report.ops, world=world, at=at)
        finally:
            if decision is None:
                self._runs.release(run_id)
        if decision is None:
            return Checkpointed.STALE
        await self._runs.commit_for(run, decision)
        return Checkpointed.SAVED

    def _decide(
        self, run: RunState, report: AsyncCheckpoint
    ) -> Transition | CheckpointRefused | None:
        """None when the report does not come from a call that is under way."""
        call = self._find(run, report)
        if call is None or run.items.get(call.item.id) != call.current:
            return None
        decision = checkpoint(
            run,
            call.current,
            report.ops,
            call=call.facts,
            world=self._runs.world(),
            at=self._runs.moment(),
        )
        if isinstance(decision, Transition):
            for item in decision.renew:
                call.current = item
        return decision

    def _find(self, run: RunState, report: AsyncCheckpoint) -> Call | None:
        """The call the report comes from, or any of the run if the SDK does not tell exactly.

        Go and older TypeScript SDKs do not know the generation.
        """
        run_id = run.new.id
        item_id = referenced_item(report.qi_id)
        if report.qi_id and report.generation:
            if item_id is None:
                return None
            return self._calls.find(run_id, item_id, generation=report.generation)
        named = self._calls.find(run_id, item_id) if item_id is not None else None
        found = (self._calls.find(run_id, each) for each in run.items)
        return named or next((call for call in found if call is not None), None)
