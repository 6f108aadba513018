"""What must be true of limits, merged events, signals and operations, seen from outside."""

from collections import Counter
from collections.abc import Iterator

import msgspec

from stepwell.core.operation import OperationKind
from stepwell.core.status import RunStatus
from tests.simulation.ended_runs import EndedRun
from tests.simulation.event_outcomes import check_outcomes
from tests.simulation.flow_models import (
    check_batches,
    check_debounces,
    check_rates,
    check_starts,
)
from tests.simulation.key_values import has_value, optional_value
from tests.simulation.outside_world import SECRET
from tests.simulation.step_checkers import check_signals
from tests.simulation.world import World

__all__ = ["check_flow", "flow_cancel_problems"]


def check_flow(world: World, runs: list[EndedRun]) -> Iterator[str]:
    """All that follows from the options of functions and from what people did."""
    yield from check_outcomes(world, runs)
    yield from check_rates(world)
    yield from check_debounces(world)
    yield from check_batches(world)
    yield from check_starts(world)
    yield from _singletons(world, runs)
    yield from _timeouts(world, runs)
    yield from check_signals(world, runs)
    yield from _reruns(world, runs)
    yield from _operations(world, runs)
    yield from _secrets(world)


# Runs.


def _singletons(world: World, runs: list[EndedRun]) -> Iterator[str]:
    """No two runs with one key lived at the same time; who was skipped had somebody in its way."""
    by_id = {run.id: run for run in runs}
    keys: dict[str, tuple[str, str]] = {}
    for run in runs:
        singleton = run.function.singleton
        if singleton is None:
            continue
        value = optional_value(singleton.key, run.event)
        if value is not None and run.status is not RunStatus.SKIPPED:
            keys[run.id] = (run.function.name, value)
        elif run.status is RunStatus.SKIPPED and run.end.cause == "singleton":
            other = by_id.get(run.end.existing_run_id)
            # What was read of the other may have been a little old when it was decided about.
            late_ms = run.queued_ms - other.ended_ms if other is not None else 0
            if other is None or other.queued_ms > run.queued_ms or late_ms > world.decision_ms:
                yield f"run {run.id} was skipped because of a run that did not live"
    alive: Counter[tuple[str, str]] = Counter()
    for begun, ended in world.record.lives:
        changed = {key for run_id in begun if (key := keys.get(run_id)) is not None}
        alive.update(keys[run_id] for run_id in begun if run_id in keys)
        alive.subtract(keys[run_id] for run_id in ended if run_id in keys)
        for key in changed:
            if alive[key] > 1:
                yield f"{alive[key]} runs of {key[0]} lived together with the key {key[1]!r}"


def _timeouts(world: World, runs: list[EndedRun]) -> Iterator[str]:
    """No run starts after its time, or lives on after it while the server is up."""
    for run in runs:
        timeouts = run.function.timeouts
        if timeouts is None or not run.started_ms:
            continue
        start_ms, finish_ms = timeouts.start_ms, timeouts.finish_ms
        waited_ms, lived_ms = run.started_ms - run.queued_ms, run.ended_ms - run.started_ms
        if start_ms is not None and waited_ms >= start_ms:
            yield f"run {run.id} started {waited_ms} ms after its event"
        late_ms = world.lateness_ms(run.started_ms, run.ended_ms)
        if finish_ms is not None and lived_ms > finish_ms + late_ms:
            yield f"run {run.id} lived for {lived_ms} ms, although its time was up"


def flow_cancel_problems(world: World, run: EndedRun) -> Iterator[str]:
    """Whether what is said to have cancelled the run could do so."""
    cause, timeouts = run.end.cause, run.function.timeouts
    if cause == "start_timeout":
        start_ms = timeouts.start_ms if timeouts is not None else None
        if start_ms is None or run.started_ms or run.ended_ms < run.queued_ms + start_ms:
            yield "it was cancelled because it had not started in time, but it had"
    elif cause == "finish_timeout":
        finish_ms = timeouts.finish_ms if timeouts is not None else None
        if finish_ms is None or run.ended_ms < run.started_ms + finish_ms:
            yield "it was cancelled because it had not ended in time, too early"
    elif cause == "singleton":
        if run.function.singleton is None:
            yield "it gave way, but is no singleton"
    elif cause == "paused":
        if run.function.name not in world.paused:
            yield "it was cancelled because of a pause that never was"
    elif cause == "bulk":
        asked = world.rows(
            "SELECT 1 FROM operations o JOIN functions f ON f.id = o.function_id"
            " WHERE o.kind = 0 AND f.name = ? AND o.started_after_ms <= ?"
            " AND o.started_before_ms > ?",
            run.function.name,
            run.queued_ms,
            run.queued_ms,
        )
        if not asked:
            yield "it was cancelled by no bulk cancellation"
    else:
        yield f"it was cancelled without a reason: {run.end}"


# Operations.


def _reruns(world: World, runs: list[EndedRun]) -> Iterator[str]:
    by_id = {run.id: run for run in runs}
    for run_id, origin_run_id in world.reruns.items():
        run = by_id.get(run_id)
        if run is None or run.origin_run_id != origin_run_id:
            yield f"rerun {run_id} of {origin_run_id} was acknowledged, but does not exist"
        elif run.event_ids != by_id[origin_run_id].event_ids:
            yield f"rerun {run_id} has other events than {origin_run_id}"


class _Operation(msgspec.Struct):
    id: str
    kind: int
    name: str
    created_ms: int
    started_after_ms: int
    started_before_ms: int
    seen: int
    done: int
    failed: int
    ended_ms: int
    statuses: str
    cause: str
    condition: str

    def concerns(self, run: EndedRun) -> bool:
        """Whether the run is one of those that it is about."""
        return (
            run.function.name == self.name
            and self.started_after_ms <= run.queued_ms < self.started_before_ms
            and run.queued_ms < self.created_ms
            and has_value(self.condition, run.event)
        )


def _operations(world: World, runs: list[EndedRun]) -> Iterator[str]:
    fields = ", ".join(
        "f.name" if field == "name" else f"o.{field}" for field in _Operation.__struct_fields__
    )
    rows = world.rows(f"SELECT {fields} FROM operations o JOIN functions f ON f.id = o.function_id")
    operations = [_Operation(*row) for row in rows]
    for operation in operations:
        if not operation.ended_ms:
            yield f"operation {operation.id} has not ended"
        elif operation.failed or operation.done > operation.seen:
            yield f"operation {operation.id} counts wrongly: {operation}"
        elif operation.kind == OperationKind.CANCEL:
            yield from _survivors(world, operation, runs)
        else:
            yield from _replay_problems(operation, runs)
    counted = sum(
        each.done
        for each in operations
        if each.kind == OperationKind.CANCEL and each.cause == "bulk"
    )
    queued = world.record.cancels_queued.get("bulk", 0)
    if queued != counted:
        yield f"bulk cancellations count {counted} runs, but {queued} were told to end"


def _survivors(world: World, operation: _Operation, runs: list[EndedRun]) -> Iterator[str]:
    for run in filter(operation.concerns, runs):
        late_ms = max(60_000, world.lateness_ms(operation.ended_ms, run.ended_ms))
        if run.ended_ms > operation.ended_ms + late_ms:
            yield f"run {run.id} lived on after operation {operation.id}"


def _replay_problems(operation: _Operation, runs: list[EndedRun]) -> Iterator[str]:
    """Every run that had ended is replayed once, and none that ended meanwhile more often."""
    replayed = [run for run in runs if run.replay_id == operation.id]
    if len(replayed) != operation.done:
        yield f"replay {operation.id} counts {operation.done} runs, but has {len(replayed)}"
    wanted = set(msgspec.json.decode(operation.statuses))
    again = Counter((run.origin_run_id, run.event_ids) for run in replayed)
    could: Counter[tuple[str, tuple[str, ...]]] = Counter()
    must: Counter[tuple[str, tuple[str, ...]]] = Counter()
    for run in filter(operation.concerns, runs):
        if not wanted or run.status in wanted:
            key = (run.origin_run_id or run.id, run.event_ids)
            could[key] += 1
            must[key] += run.ended_ms < operation.created_ms
    for key in again.keys() | must.keys():
        if not must[key] <= again[key] <= could[key]:
            yield f"replay {operation.id} ran {key[0]} {again[key]} times, not {must[key]}"


def _secrets(world: World) -> Iterator[str]:
    for table, column in (("journal", "body"), ("queue", "body"), ("events", "payload")):
        sql = f"SELECT count(*) FROM {table} WHERE instr({column}, ?) > 0"
        if world.rows(sql, SECRET.encode())[0][0]:
            yield f"a credential is stored in {table}"
