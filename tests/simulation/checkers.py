"""What must be true of every world, seen from outside: the database, the app, and what clients know.

Each checker gives sentences about what is wrong. Nothing here asks the server.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from stepwell.core.identity import RunId
from stepwell.core.journal import (
    CallFailed,
    RunEnded,
    StepAttemptFailed,
    StepInvoking,
    StepResolved,
    StepSleeping,
    StepWaiting,
    decode_entry,
)
from stepwell.core.queue import ItemKind
from stepwell.core.run import RunState
from stepwell.core.status import RunStatus
from stepwell.engine.store import OwnershipLost, StoreUnavailable
from stepwell.store.sql.loading import load_runs
from stepwell.store.sqlite.asking import answer
from tests.simulation.annotators import check_annotations
from tests.simulation.count_checkers import check_counts, check_open
from tests.simulation.ended_runs import EndedRun, begun_entry, ended_runs, listens
from tests.simulation.event_outcomes import started_by, turned_away
from tests.simulation.flow_checkers import check_flow, flow_cancel_problems
from tests.simulation.node_checkers import check_nodes
from tests.simulation.programs import (
    Fetch,
    Infer,
    Invoke,
    Node,
    Parallel,
    Run,
    Signal,
    Sleep,
    SleepUntil,
    Step,
    Wait,
    hashed,
    nodes_of,
)
from tests.simulation.step_checkers import is_signal_conflict, step_problems
from tests.simulation.trace_checkers import check_traces
from tests.simulation.world import World

__all__ = ["Problems", "check_finished", "check_now"]

Problems = list[str]

_SILENT = {"inngest/function.finished", "inngest/function.failed"}
_ENDED = "SELECT id FROM runs WHERE status NOT IN (0, 5)"


def check_now(world: World) -> Problems:
    """What must be true at any moment, also in the middle of a crash."""
    problems = world.app.broken + world.outside.broken + world.bounds.broken
    # A request whose client has gone away may fail unheard.
    problems += [
        f"in the loop: {error!r}"
        for error in world.loop.errors
        if not isinstance(error, StoreUnavailable | OwnershipLost)
    ]
    problems += _orphans(world)
    problems += _journals_are_whole(world)
    problems += _acknowledged_are_stored(world)
    problems += _live_is_stored(world)
    problems += check_annotations(world)
    problems += check_traces(world)
    problems += check_open(world)
    return problems


def check_finished(world: World) -> Problems:
    """What must be true when nothing is left to do."""
    problems = check_now(world)
    problems += [
        f"run {run_id} has not ended"
        for (run_id,) in world.rows("SELECT id FROM runs WHERE status IN (0, 5)")
    ]
    problems += _runs_are_those_of_the_events(world)
    runs = ended_runs(world)
    by_id = {run.id: run for run in runs}
    for run in runs:
        for problem in _run_problems(world, run, by_id):
            problems.append(f"run {run.id} of {run.function.name}: {problem}")
    problems += check_flow(world, runs)
    problems += _internal_events(world, runs)
    problems += _cron_ticks(world)
    problems += check_counts(world)
    problems += check_nodes(world)
    return problems


# The database.


def _orphans(world: World) -> Iterator[str]:
    """Queue items and waits of runs that have ended, and live runs that nothing will wake."""
    for table in ("queue", "waits"):
        for run_id, step in world.rows(
            f"SELECT run_id, step FROM {table} WHERE run_id IN ({_ENDED})"
            + (" AND kind NOT IN (5, 6)" if table == "queue" else "")
        ):
            yield f"run {run_id} has ended, but step {step!r} of it is in {table}"
    for (run_id,) in world.rows(
        "SELECT id FROM runs WHERE status IN (0, 5) AND id NOT IN (SELECT run_id FROM queue)"
    ):
        yield f"run {run_id} has not ended, but nothing of it is queued"


def _journals_are_whole(world: World) -> Iterator[str]:
    by_run: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
    for run_id, seq, body in world.rows("SELECT run_id, seq, body FROM journal ORDER BY 1, 2"):
        by_run[run_id].append((seq, body))
    ended = {run_id for (run_id,) in world.rows(_ENDED)}
    for run_id, rows in by_run.items():
        if [seq for seq, _ in rows] != list(range(len(rows))):
            yield f"run {run_id}: its journal has holes"
        entries = [decode_entry(body) for _, body in rows]
        steps = Counter(entry.step for entry in entries if isinstance(entry, StepResolved))
        for step, count in steps.items():
            if count > 1:
                yield f"run {run_id}: step {step} was resolved {count} times"
        ends = [index for index, entry in enumerate(entries) if isinstance(entry, RunEnded)]
        if ends != ([len(rows) - 1] if run_id in ended else []):
            yield f"run {run_id}: its journal ends at {ends}, not where it should"


def _acknowledged_are_stored(world: World) -> Iterator[str]:
    stored = {event_id for (event_id,) in world.rows("SELECT id FROM events")}
    for event in world.acknowledged:
        if event.internal_id not in stored:
            yield f"event {event.internal_id} was acknowledged, but is not stored"


# The runs there should be.


def _runs_are_those_of_the_events(world: World) -> Iterator[str]:
    """One run for every function and every event that it listens to, and no other.

    Functions whose options have events dropped or merged are looked at elsewhere.
    """
    plain = {
        function.name: function
        for function in world.app.functions.values()
        if function.starts_for_every_event and function.name not in world.paused
    }
    expected: Counter[tuple[str, str]] = Counter()
    seen: set[tuple[str, str]] = set()
    payloads: dict[str, dict[str, Any]] = {}
    for event_id, payload in world.rows(
        "SELECT id, payload FROM events ORDER BY received_ms, number DESC"
    ):
        payloads[event_id] = msgspec.json.decode(payload)
    for event in payloads.values():
        for function in plain.values():
            key = (function.name, event["id"])
            if key not in seen and listens(function, event):
                seen.add(key)
                expected[key] += 1
    found: Counter[tuple[str, str]] = Counter()
    for function_name, event_id, cron in world.rows(
        "SELECT f.name, r.event_id, r.cron FROM runs r JOIN functions f ON f.id = r.function_id"
        " WHERE r.origin_run_id = ''"
    ):
        if not cron and function_name in plain:
            found[function_name, payloads[event_id]["id"]] += 1
    for key in sorted(expected.keys() | found.keys()):
        if expected[key] != found[key]:
            name, event_id = key
            yield f"event {event_id} has {found[key]} runs of {name}, expected {expected[key]}"


# The course of a run.


def _run_problems(world: World, run: EndedRun, runs: Mapping[str, EndedRun]) -> Iterator[str]:
    kept = run.kept
    for entry in run.entries:
        if isinstance(entry, StepResolved) and entry.step in kept:
            yield from _kept_problems(run, entry, runs)
        elif isinstance(entry, StepResolved):
            yield from _memo_problems(world, run, entry, runs)
        elif isinstance(entry, StepAttemptFailed | CallFailed):
            if entry.attempt + 1 >= run.function.attempts_max:
                yield f"attempt {entry.attempt} was to be repeated"
            if entry.retry_at_ms < entry.at_ms:
                yield "an attempt was to be repeated in the past"
    if run.ended_seq != len(run.entries) - 1 or run.end.status is not run.status:
        yield "its row and its journal disagree about its end"
    if run.status is RunStatus.CANCELLED:
        yield from _cancel_problems(world, run)
    elif run.status is RunStatus.SKIPPED:
        if len(run.entries) > 1:
            yield "it was skipped, but something has happened"
    else:
        if not is_signal_conflict(run):
            yield from _outcome_problems(run)
        yield from _missed_cancel(world, run)


def _kept_problems(
    run: EndedRun, entry: StepResolved, runs: Mapping[str, EndedRun]
) -> Iterator[str]:
    """A rerun begins with results of a run before it."""
    before = (
        other.raw_memos.get(entry.step)
        for other in runs.values()
        if other.function is run.function and other.id != run.id
    )
    if entry.memo not in before:
        yield f"it begins with {entry.memo!r}, which no run before it had"


def _outcome_problems(run: EndedRun) -> Iterator[str]:
    """Status and output, as the program and the results of its steps say."""
    program, memos = run.function.program, run.memos
    status, output = RunStatus.COMPLETED, None
    thrown: _Thrown | None = None
    try:
        output = _result(program.nodes, memos)
        if program.throws >= run.function.attempts_max or (program.throws and program.no_retry):
            thrown = _Thrown("Error", f"{run.function.name} threw")
    except _Thrown as raised:
        thrown = raised
    except KeyError as missing:
        yield f"it ended as {run.status.name} without step {missing}: {run.end}"
        return
    if thrown is not None:
        status = RunStatus.FAILED
        output = {"name": thrown.name, "message": thrown.message, "stack": "at line 2"}
    found = msgspec.json.decode(run.end.output)
    if run.status is not status or found != output:
        yield f"ended {run.status.name} with {found}, expected {status.name} with {output}"


class _Thrown(Exception):
    def __init__(self, name: str, message: str) -> None:
        self.name = name
        self.message = message


def _result(nodes: tuple[Node, ...], memos: Mapping[str, Any]) -> dict[str, Any]:
    """What the nodes come to when they are simply carried out, steps giving their results."""
    values: dict[str, Any] = {}
    for node in nodes:
        if isinstance(node, Parallel) and node.race:
            values[node.id] = _race_result(node, memos)
        elif isinstance(node, Parallel):
            for step in (branch[0] for branch in node.branches if len(branch) == 1):
                # What one branch throws is thrown at once, whatever the others do.
                if isinstance(step, Run) and hashed(step.id) in memos:
                    _value(step, memos)
            values[node.id] = [_result(branch, memos) for branch in node.branches]
        else:
            values[node.id] = _value(node, memos)
    return values


def _race_result(node: Parallel, memos: Mapping[str, Any]) -> dict[str, Any]:
    """The branch that was the first to have all it needs, in the order of the journal."""
    so_far: dict[str, Any] = {}
    for key, memo in memos.items():
        so_far[key] = memo
        for index, branch in enumerate(node.branches):
            with suppress(KeyError):
                return {"winner": index, "values": _result(branch, so_far)}
    raise KeyError(node.id)


def _value(step: Step, memos: Mapping[str, Any]) -> Any:
    memo = memos[hashed(step.id)]
    if not isinstance(memo, dict):
        return memo
    if memo.keys() == {"error"}:
        error = memo["error"]
        if isinstance(step, Run | Invoke | Fetch | Infer) and step.caught:
            return {"caught": error["message"]}
        raise _Thrown(error["name"], error["message"])
    return memo["data"] if memo.keys() == {"data"} else memo


# The result of a step.


def _memo_problems(
    world: World, run: EndedRun, entry: StepResolved, runs: Mapping[str, EndedRun]
) -> Iterator[str]:
    memo = msgspec.json.decode(entry.memo)
    step = nodes_of(run.function.program.nodes).get(entry.step)
    match step:
        case None:
            yield f"a step {entry.step} that its program does not have"
        case Run():
            yield from _ran_problems(world, run, step, entry, memo)
        case Sleep() | SleepUntil():
            if memo is not None:
                yield f"{step.id} slept to {memo}"
            begun = begun_entry(run, step, StepSleeping)
            if begun is None or entry.at_ms < begun.until_ms:
                yield f"{step.id} woke at {entry.at_ms}, too early"
        case Wait():
            yield from _waited_problems(world, run, step, entry, memo)
        case Invoke():
            yield from _invoked_problems(world, run, step, entry, memo, runs)
        case Signal() | Fetch() | Infer():
            yield from step_problems(world, run, step, entry, memo)


def _ran_problems(
    world: World, run: EndedRun, step: Run, entry: StepResolved, memo: Any
) -> Iterator[str]:
    if step.fails and entry.failed and entry.attempt + 1 >= run.function.attempts_max:
        # Attempts are those of the call, of which others than this step may have used some.
        return
    if step.fails >= Run.FOR_EVER or (step.no_retry and step.fails):
        raised = {"name": "StepRaised", "message": f"{step.id} raised", "stack": "at line 1"}
        error: dict[str, Any] = {**raised, "noRetry": True}
        if memo != {"error": error}:
            yield f"{step.id} should have failed, but is {memo}"
        return
    values = world.app.executions[run.id, hashed(step.id)]
    if memo not in [{"data": value} for value in values]:
        yield f"{step.id} is {memo}, but gave {values}"
    if not re.fullmatch(rf"{step.id}#\d+", str(memo.get("data"))):
        yield f"{step.id} is {memo}"


def _waited_problems(
    world: World, run: EndedRun, step: Wait, entry: StepResolved, memo: Any
) -> Iterator[str]:
    begun = begun_entry(run, step, StepWaiting)
    if begun is None:
        yield f"{step.id} never began to wait"
        return
    if memo is not None:
        if memo["name"] != step.event or not _satisfies(step, run, memo["data"]):
            yield f"{step.id} was satisfied by {memo}"
        received = world.rows("SELECT received_ms FROM events WHERE external_id = ?", memo["id"])
        if not any(begun.at_ms <= at_ms < begun.expires_ms for (at_ms,) in received):
            yield f"{step.id} was satisfied by an event from before or after"
        return
    if entry.at_ms < begun.expires_ms:
        yield f"{step.id} timed out at {entry.at_ms}, too early"
    committed_ms = begun.at_ms + _UNCERTAIN_MS
    for event in world.acknowledged:
        # Whose clock is ahead ends the wait so much earlier.
        known_ms = event.acknowledged_ms + 2 * world.skew_ms
        in_time = committed_ms < event.sent_ms and known_ms < begun.expires_ms
        if in_time and event.name == step.event and _satisfies(step, run, event.data):
            yield f"{step.id} timed out, although {event} came in time"


# A commit may take that long, and an event is handled that long after it was acknowledged.
_UNCERTAIN_MS = 5_000


def _satisfies(step: Wait, run: EndedRun, data: dict[str, Any]) -> bool:
    return not step.by_key or data.get("key") == run.event["data"].get("key")


def _invoked_problems(
    world: World,
    run: EndedRun,
    step: Invoke,
    entry: StepResolved,
    memo: Any,
    runs: Mapping[str, EndedRun],
) -> Iterator[str]:
    begun = begun_entry(run, step, StepInvoking)
    if begun is None:
        if memo != _error("Error", f"could not find function with ID: {step.function}"):
            yield f"{step.id} never began to invoke, but is {memo}"
        return
    child = started_by(begun.event_id, step.function, runs)
    if entry.timed_out and entry.at_ms < begun.expires_ms:
        yield f"{step.id} timed out too early"
    if child is None:
        refused = turned_away(world, begun.event_id, step.function)
        if refused is None:
            yield f"{step.id} has no child"
        elif entry.timed_out and refused[1] + _UNCERTAIN_MS < begun.expires_ms:
            yield f"{step.id} timed out, although its event was turned away before"
        elif not entry.timed_out and memo != _error("Error", refused[0]):
            yield f"{step.id} is {memo}, expected {refused[0]}"
        return
    if child.parent_run_id != run.id and not child.batch_id:
        yield f"{step.id} has no child of its own"
    if entry.timed_out and child.ended_ms + _UNCERTAIN_MS < begun.expires_ms:
        yield f"{step.id} timed out, although its child had ended before"
    expected = _expected_of_child(child, timed_out=entry.timed_out)
    if memo != expected:
        yield f"{step.id} is {memo}, expected {expected}"


def _expected_of_child(child: EndedRun, *, timed_out: bool) -> Any:
    if timed_out:
        return _error(
            "InngestInvokeTimeoutError", "Timed out waiting for invoked function to complete"
        )
    if child.status is RunStatus.COMPLETED:
        return {"data": msgspec.json.decode(child.end.output)}
    if child.status is RunStatus.FAILED:
        return {"error": msgspec.json.decode(child.end.error)}
    if child.status is RunStatus.SKIPPED:
        return _error("Error", f"the invoked function's run was skipped ({child.end.cause})")
    return _error("InvokedFunctionCancelled", "The invoked function was cancelled")


def _error(name: str, message: str) -> dict[str, dict[str, str]]:
    return {"error": {"error": f"{name}: {message}", "name": name, "message": message}}


# Cancellation.


def _cancelling(world: World, run: EndedRun) -> Iterator[Any]:
    for cancel_on in run.function.cancel:
        for event in world.acknowledged:
            key = run.event["data"].get("key")
            if event.name == cancel_on.event and (
                not cancel_on.condition or event.data.get("key") == key
            ):
                yield event


def _cancel_problems(world: World, run: EndedRun) -> Iterator[str]:
    if run.end.cause == "event":
        ids = {event.internal_id for event in _cancelling(world, run)}
        if run.end.event_id not in ids:
            yield f"it was cancelled by {run.end.event_id}, which it did not wait for"
    elif run.end.cause == "api":
        if run.id not in world.cancelled:
            yield "it was cancelled, but nobody asked for that"
    else:
        yield from flow_cancel_problems(world, run)


def _missed_cancel(world: World, run: EndedRun) -> Iterator[str]:
    for event in _cancelling(world, run):
        since_ms = run.queued_ms + _UNCERTAIN_MS
        if since_ms < event.sent_ms and event.acknowledged_ms + _slack_ms(world) < run.ended_ms:
            yield f"it went on although {event} should have cancelled it"


def _slack_ms(world: World) -> int:
    """How long an accepted event may take to do its work: the server may be down meanwhile."""
    return 60_000 + sum(until_ms - from_ms for from_ms, until_ms in world.downs)


# Events about runs, and ticks.


def _internal_events(world: World, runs: list[EndedRun]) -> Iterator[str]:
    expected: Counter[tuple[str, str]] = Counter()
    for run in runs:
        if run.status is RunStatus.SKIPPED or run.event_name in _SILENT:
            continue
        expected["inngest/function.finished", run.id] += 1
        if run.status is not RunStatus.COMPLETED:
            expected[f"inngest/function.{run.status.name.lower()}", run.id] += 1
    found: Counter[tuple[str, str]] = Counter()
    for name, payload in world.rows(
        "SELECT name, payload FROM events WHERE name LIKE 'inngest/function.%'"
        " AND name != 'inngest/function.invoked'"
    ):
        found[name, msgspec.json.decode(payload)["data"]["run_id"]] += 1
    for key in sorted(expected.keys() | found.keys()):
        if expected[key] != found[key]:
            yield f"event {key} exists {found[key]} times, expected {expected[key]}"


def _cron_ticks(world: World) -> Iterator[str]:
    ticks: Counter[tuple[str, str]] = Counter()
    for name, payload in world.rows(
        "SELECT f.name, e.payload FROM runs r JOIN functions f ON f.id = r.function_id"
        " JOIN events e ON e.id = r.event_id WHERE r.cron != ''"
    ):
        ticks[name, msgspec.json.decode(payload)["id"]] += 1
    for key, count in ticks.items():
        if count > 1:
            yield f"tick {key} started {count} runs"


def _live_is_stored(world: World) -> Iterator[str]:
    """What the server has in memory of a run is what its rows add up to."""
    ids = [RunId(run_id) for (run_id,) in world.rows("SELECT id FROM runs WHERE status IN (0, 5)")]
    for run_id, stored in answer(world.connection, load_runs(ids)).items():
        for live in world.live_states(run_id):
            for name in RunState.__slots__:
                ours, theirs = _comparable(stored, name), _comparable(live, name)
                if ours != theirs:
                    yield f"run {run_id}: {name} is stored as {ours}, but lives as {theirs}"


def _comparable(run: RunState, name: str) -> Any:
    value = getattr(run, name)
    if name == "items":
        # What others have sent to the run is its own only when its turn comes.
        own = [item for item in value.values() if item.kind not in _FOREIGN_KINDS]
        return sorted(own, key=lambda item: item.id)
    if name == "waits":
        return sorted(value.values(), key=lambda wait: wait.id)
    return list(value.items()) if isinstance(value, dict) else value


_FOREIGN_KINDS = {ItemKind.RESUME, ItemKind.CANCEL}
