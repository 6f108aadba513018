"""Forgets what is old: pass by pass, in bites so small that nobody else has to wait for one.

A pass looks for events, journals, runs and bulk operations that are older than they are kept, and
has them deleted by transitions, one after the other. Where the store keeps events and runs by the
week, it drops whole weeks, and a pass deletes only what is left in weeks that could not go. Nothing
of where it stands is stored: a pass that a crash ended is made again, and finds what is left. What
is needed although it is old is passed by; `stepwell.store` says what that is.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

import msgspec
import structlog

from stepwell.core.charts import MINUTES_KEPT_MS
from stepwell.core.counted import Span
from stepwell.core.identity import (
    LOCAL_PARTITION,
    NO_EVENT,
    EnvironmentId,
    EventId,
    FunctionId,
    RunId,
)
from stepwell.core.retention import (
    FOREVER,
    Forgotten,
    ForgottenKind,
    Retention,
    RetentionOverrides,
    common_cutoff_ms,
    cutoff_ms,
    pause_ms,
    row_cutoff_ms,
)
from stepwell.core.status import RunStatus
from stepwell.core.transition import Transition
from stepwell.engine.bites import BITE_ROWS_MAX, events_to_go, journals_to_go, runs_to_go
from stepwell.engine.counts import NO_FUNCTION
from stepwell.engine.places import OwnedPlaces
from stepwell.engine.requests import Requests
from stepwell.engine.retention_setup import RetentionSetup
from stepwell.engine.store import (
    OldEventsQuery,
    OldRun,
    OldRunsQuery,
    RetentionState,
)
from stepwell.engine.surroundings import Surroundings
from stepwell.engine.workers import Workers
from stepwell.wire.errors import OperationalError

__all__ = ["RetentionWork"]

_log = structlog.get_logger("stepwell.engine")

# Rows looked at in one read.
_PAGE: Final = 200
# After a bite others have the store for so many times as long as the bite took.
_REST: Final = 2.0
_REST_S_MIN: Final = 0.001
_REST_S_MAX: Final = 1.0
# A server that has just been started has something better to do.
_FIRST_PAUSE_MS: Final = 60_000
# What was needed and was passed by is looked at again after this time, if it is kept so long.
_FULL_PASS_MS_MAX: Final = 86_400_000
# Bites after which the counters learn how far a long pass is.
_REPORT_BITES: Final = 100
_PAUSE_MS_MAX: Final = 3_600_000

_START: Final = (0, RunId(""))


class _Place(msgspec.Struct):
    """How far the passes have come in one environment.

    Attributes:
        events_after: Events up to this id are deleted or needed.
        journals_after: The same for journals of runs, by function and status.
        since_ms: When they began at the beginning.
    """

    since_ms: int
    events_after: EventId = NO_EVENT
    journals_after: dict[tuple[FunctionId, RunStatus], tuple[int, RunId]] = {}


class _Pass(msgspec.Struct, frozen=True):
    """One pass over one environment."""

    environment_id: EnvironmentId
    kept: Retention
    began_ms: int
    place: _Place
    counted: Counter[str]
    week_ms: int

    def cutoff_ms(self, kept_ms: int) -> int | None:
        return cutoff_ms(kept_ms, now_ms=self.began_ms)

    def row_cutoff_ms(self, kept_ms: int) -> int | None:
        return row_cutoff_ms(kept_ms, now_ms=self.began_ms, week_ms=self.week_ms)

    def bite(
        self, kind: ForgottenKind, before_ms: int, ids: Sequence[str], *, below: int = 0
    ) -> Forgotten:
        return Forgotten(
            kind, self.environment_id, self.began_ms, before_ms, tuple(ids), below=below
        )


class RetentionWork:
    """Forgets what is old, for one ownership of a partition.

    Args:
        setup: How long what is kept.
        around: Where everything is.
        workers: Among them the bulk operations.
        requests: Has transitions written.
        places: Tells whose work it is: runs are forgotten by who decides about them, what belongs
            to no function by the owner of the first partition.
    """

    def __init__(
        self,
        setup: RetentionSetup,
        around: Surroundings,
        workers: Workers,
        requests: Requests,
        places: OwnedPlaces,
    ) -> None:
        self._setup = setup
        self._store = around.store
        self._environment_id = around.environment_id
        self._registry = around.registry
        self._clock = around.clock
        self._operations = workers.operations
        self._commit = requests.commit
        self._requests = requests
        self._weeks_ms = 0
        self._owned = places
        self._places: dict[EnvironmentId, _Place] = {}
        self._bites = 0
        self._changed = asyncio.Event()

    # What is asked.

    async def state(self, environment_id: EnvironmentId) -> RetentionState:
        """What an environment has of its own, and what the last pass over it deleted."""
        return (await self._store.retention()).get(environment_id, RetentionState())

    async def change(self, environment_id: EnvironmentId, own: RetentionOverrides) -> None:
        """Keep what differs for an environment; returns when it is durable. A pass follows."""
        await self._commit(Transition(retention=[(environment_id, own)]))
        self._changed.set()

    # What happens.

    async def run(self) -> None:
        """Work until cancelled."""
        pause_max_ms = _FIRST_PAUSE_MS
        while True:
            await self._pause(pause_max_ms)
            pause_max_ms = _PAUSE_MS_MAX
            try:
                states = await self._store.retention()
                await self._drop_weeks(states)
                for environment_id in self._environments():
                    await self._pass(environment_id, states)
            except OperationalError as failure:
                _log.warning("retention.interrupted", reason=str(failure))
            except Exception:  # noqa: BLE001 - a defect here must cost space, not the partition
                _log.exception("retention.failed")

    async def _pause(self, at_most_ms: int) -> None:
        """Until a pass can find something, or what is kept changes."""
        states: Mapping[EnvironmentId, RetentionState] = {}
        with suppress(OperationalError):
            states = await self._store.retention()
        kept = [self._kept(environment_id, states) for environment_id in self._environments()]
        pauses = [ms for each in kept if (ms := pause_ms(each)) is not None]
        wait_s = min(*pauses, at_most_ms) / 1000 if pauses else None
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._changed.wait()
        self._changed.clear()

    def _environments(self) -> list[EnvironmentId]:
        functions = self._registry.functions
        return sorted({self._environment_id, *(each.environment_id for each in functions)})

    def _kept(
        self, environment_id: EnvironmentId, states: Mapping[EnvironmentId, RetentionState]
    ) -> Retention:
        return states.get(environment_id, RetentionState()).own.over(self._setup.server)

    # A pass.

    async def _pass(
        self, environment_id: EnvironmentId, states: Mapping[EnvironmentId, RetentionState]
    ) -> None:
        now_ms = self._clock.now_ms()
        kept = self._kept(environment_id, states)
        place = self._places.get(environment_id)
        if place is None or now_ms - place.since_ms >= _full_pass_ms(kept):
            place = self._places[environment_id] = _Place(now_ms)
        this = _Pass(environment_id, kept, now_ms, place, Counter(), self._store.week_ms)
        bites = self._bites
        is_first = self._owned.is_here(LOCAL_PARTITION)
        if is_first:
            await self._forget_events(this)
        await self._forget_journals(this)
        await self._forget_runs(this)
        if is_first:
            await self._forget_operations(this)
        await self._forget_counts(this)
        if self._bites > bites:
            await self._report(this)
        if this.counted:
            _log.info(
                "retention.deleted",
                environment=environment_id,
                took_s=round((self._clock.now_ms() - now_ms) / 1000, 1),
                **this.counted,
            )

    async def _drop_weeks(self, states: Mapping[EnvironmentId, RetentionState]) -> None:
        """Once a day, forget weeks of which nothing is kept any more."""
        now_ms = self._clock.now_ms()
        is_time = now_ms - self._weeks_ms >= _FULL_PASS_MS_MAX
        if not is_time or not self._owned.is_here(LOCAL_PARTITION):
            return
        kept = [self._kept(environment_id, states) for environment_id in self._environments()]
        dropped = await self._requests.drop_weeks(
            events_before_ms=common_cutoff_ms([each.events for each in kept], now_ms=now_ms),
            runs_before_ms=common_cutoff_ms([each.runs for each in kept], now_ms=now_ms),
        )
        self._weeks_ms = now_ms
        if dropped:
            _log.info("retention.weeks_dropped", tables=len(dropped))

    async def _forget_events(self, this: _Pass) -> None:
        before_ms = this.row_cutoff_ms(this.kept.events)
        if before_ms is None:
            return
        while True:
            query = OldEventsQuery(
                environment_id=this.environment_id,
                before_ms=before_ms,
                after=this.place.events_after,
                limit=_PAGE,
            )
            page = await self._store.old_events(query)
            for ids in events_to_go(page):
                await self._bite(this, this.bite(ForgottenKind.EVENTS, before_ms, ids))
            if page:
                this.place.events_after = page[-1].id
            if len(page) < _PAGE:
                return

    async def _forget_journals(self, this: _Pass) -> None:
        before_ms = this.cutoff_ms(this.kept.journals)
        if before_ms is None or not this.kept.trims_journals:
            return
        after = this.place.journals_after
        for key in await self._store.with_old_runs(self._functions(this), before_ms=before_ms):
            while True:
                page = await self._old_runs(key, before_ms, after.get(key, _START))
                for pieces in journals_to_go(page):
                    await self._bite(
                        this,
                        *(
                            this.bite(ForgottenKind.JOURNAL, before_ms, [run_id], below=below)
                            for run_id, below in pieces
                        ),
                    )
                if page:
                    after[key] = (page[-1].ended_ms, page[-1].id)
                if len(page) < _PAGE:
                    break

    async def _forget_runs(self, this: _Pass) -> None:
        before_ms = this.row_cutoff_ms(this.kept.runs)
        if before_ms is None:
            return
        for key in await self._store.with_old_runs(self._functions(this), before_ms=before_ms):
            after = _START
            while True:
                page = await self._old_runs(key, before_ms, after)
                await self._forget_page(this, [run for run in page if run.is_free], before_ms)
                if len(page) < _PAGE:
                    break
                after = (page[-1].ended_ms, page[-1].id)

    async def _forget_page(self, this: _Pass, page: Sequence[OldRun], before_ms: int) -> None:
        """Delete runs, and their events if these are only left because the runs were live."""
        events_before_ms = this.row_cutoff_ms(this.kept.events)
        for runs, pieces in runs_to_go(page):
            for run_id, below in pieces:
                # So long a journal goes in several bites; nothing but its outcome may be left.
                await self._bite(
                    this, this.bite(ForgottenKind.JOURNAL, before_ms, [run_id], below=below)
                )
            forgotten = [this.bite(ForgottenKind.RUNS, before_ms, [run.id for run in runs])]
            events = [event_id for run in runs for event_id in run.event_ids]
            if events and events_before_ms is not None:
                forgotten.append(this.bite(ForgottenKind.EVENTS, events_before_ms, events))
            await self._bite(this, *forgotten)

    async def _forget_operations(self, this: _Pass) -> None:
        before_ms = this.cutoff_ms(this.kept.operations)
        if before_ms is None:
            return
        ids = [
            operation.id
            for operation in self._operations.all()
            if 0 < operation.ended_ms < before_ms
            and operation.environment_id == this.environment_id
        ]
        for start in range(0, len(ids), BITE_ROWS_MAX):
            some = ids[start : start + BITE_ROWS_MAX]
            await self._bite(this, this.bite(ForgottenKind.OPERATIONS, before_ms, some))

    async def _forget_counts(self, this: _Pass) -> None:
        """Of the minutes no more are kept than charts show; the sums for ever are never touched."""
        hours_ms = this.cutoff_ms(this.kept.rollups)
        minutes_ms = max(hours_ms or 0, this.began_ms - MINUTES_KEPT_MS)
        function_ids = self._functions(this)
        if self._owned.is_here(LOCAL_PARTITION):
            function_ids.append(NO_FUNCTION)
        for kind, span, before_ms in (
            (ForgottenKind.MINUTES, Span.MINUTE, minutes_ms),
            (ForgottenKind.HOURS, Span.HOUR, hours_ms),
        ):
            if before_ms is None:
                continue
            for function_id in await self._store.with_old_rollups(
                function_ids, span, before_ms=before_ms
            ):
                await self._forget_counts_of(this, function_id, span, kind, before_ms)

    async def _forget_counts_of(
        self, this: _Pass, function_id: FunctionId, span: Span, kind: ForgottenKind, before_ms: int
    ) -> None:
        while True:
            last_ms = await self._store.old_rollups(
                function_id, span, before_ms=before_ms, limit=BITE_ROWS_MAX
            )
            if last_ms is None:
                return
            await self._bite(this, this.bite(kind, last_ms + 1, [function_id]))

    def _functions(self, this: _Pass) -> list[FunctionId]:
        return [
            function.id
            for function in self._owned.here(self._registry.functions)
            if function.environment_id == this.environment_id
        ]

    async def _old_runs(
        self, key: tuple[FunctionId, RunStatus], before_ms: int, after: tuple[int, RunId]
    ) -> list[OldRun]:
        function_id, status = key
        query = OldRunsQuery(
            function_id=function_id, status=status, before_ms=before_ms, after=after, limit=_PAGE
        )
        return await self._store.old_runs(query)

    async def _bite(self, this: _Pass, *forgotten: Forgotten) -> None:
        """Delete, and leave the store to others for a while."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        await self._commit(Transition(forgotten=list(forgotten)))
        took_s = loop.time() - began_s
        self._bites += 1
        if self._bites % _REPORT_BITES == 0:
            await self._report(this)
        await asyncio.sleep(min(max(_REST * took_s, _REST_S_MIN), _REST_S_MAX))

    async def _report(self, this: _Pass) -> None:
        """Count what the pass has deleted since the last report."""
        state = await self.state(this.environment_id)
        if state.pass_ms == this.began_ms:
            now = Counter(state.deleted)
            self._setup.deleted.update(now - this.counted)
            this.counted.update(now - this.counted)


def _full_pass_ms(kept: Retention) -> int:
    """How long after a pass over everything there is another one."""
    return _FULL_PASS_MS_MAX if kept.events == FOREVER else min(kept.events, _FULL_PASS_MS_MAX)
