"""Runs that have ended, as the database tells of them."""

from collections import defaultdict
from typing import Any

import msgspec

from stepwell.core.journal import (
    Entry,
    RunEnded,
    RunStarted,
    StepResolved,
    decode_entry,
)
from stepwell.core.status import RunStatus
from tests.simulation.programs import SimulatedFunction, Step, hashed
from tests.simulation.world import World

__all__ = ["EndedRun", "begun_entry", "ended_runs", "listens"]


class EndedRun(msgspec.Struct, kw_only=True):
    """A run and everything that is stored of it.

    Attributes:
        event: The (first) event that started it.
        event_ids: The internal ids of all of them.
    """

    id: str
    function: SimulatedFunction
    status: RunStatus
    event_id: str
    event_ids: tuple[str, ...]
    event_name: str
    queued_ms: int
    started_ms: int
    ended_ms: int
    ended_seq: int
    parent_run_id: str
    origin_run_id: str
    replay_id: str
    batch_id: str
    event: dict[str, Any]
    entries: list[Entry]

    @property
    def memos(self) -> dict[str, Any]:
        """The results of its steps."""
        return {step: msgspec.json.decode(memo) for step, memo in self.raw_memos.items()}

    @property
    def raw_memos(self) -> dict[str, msgspec.Raw]:
        """The same as JSON."""
        return {entry.step: entry.memo for entry in self.entries if isinstance(entry, StepResolved)}

    @property
    def kept(self) -> set[str]:
        """The steps whose results it took over from an earlier run."""
        kept: set[str] = set()
        if self.origin_run_id:
            for entry in self.entries:
                if isinstance(entry, RunStarted):
                    break
                if isinstance(entry, StepResolved):
                    kept.add(entry.step)
        return kept

    @property
    def end(self) -> RunEnded:
        """Its last entry."""
        entry = self.entries[-1]
        assert isinstance(entry, RunEnded)
        return entry


def ended_runs(world: World) -> list[EndedRun]:
    """All of them, by id."""
    journal: dict[str, list[Entry]] = defaultdict(list)
    for run_id, body in world.rows("SELECT run_id, body FROM journal ORDER BY run_id, seq"):
        journal[run_id].append(decode_entry(body))
    payloads = dict(world.rows("SELECT id, payload FROM events ORDER BY number DESC"))
    functions = {function.name: function for function in world.app.functions.values()}
    runs: list[EndedRun] = []
    for row in world.rows(_RUNS):
        fields = dict(zip(_FIELDS, row, strict=True))
        name, ids = fields.pop("name"), fields.pop("event_ids")
        event_id = fields["event_id"]
        fields["status"] = RunStatus(fields["status"])
        runs.append(
            EndedRun(
                function=functions[name],
                event_ids=tuple(msgspec.json.decode(ids)) if ids else (event_id,),
                event=msgspec.json.decode(payloads[event_id]),
                entries=journal[fields["id"]],
                **fields,
            )
        )
    return runs


_FIELDS = [
    "id",
    "name",
    "status",
    "event_id",
    "event_ids",
    "event_name",
    "queued_ms",
    "started_ms",
    "ended_ms",
    "ended_seq",
    "parent_run_id",
    "origin_run_id",
    "replay_id",
    "batch_id",
]
_COLUMNS = ", ".join("f.name" if field == "name" else f"r.{field}" for field in _FIELDS)
_RUNS = (
    f"SELECT {_COLUMNS} FROM runs r JOIN functions f ON f.id = r.function_id"
    " WHERE r.status NOT IN (0, 5) ORDER BY r.id"
)


def listens(function: SimulatedFunction, event: dict[str, Any]) -> bool:
    """Whether the event starts the function as far as its triggers go."""
    name = event["name"]
    if name == "inngest/function.invoked":
        return bool(event["data"]["_inngest"]["fn_id"] == function.slug)
    if function.on_failure_of and name == "inngest/function.failed":
        return bool(event["data"]["function_id"].endswith(f"-{function.on_failure_of}"))
    return any(
        _names_match(trigger.event, name) and trigger.matches(event)
        for trigger in function.triggers
    )


def begun_entry(run: EndedRun, step: Step, kind: type[Any]) -> Any:
    """The entry with which the step began; None if it never did."""
    for entry in run.entries:
        if isinstance(entry, kind) and entry.step == hashed(step.id):
            return entry
    return None


def _names_match(pattern: str, name: str) -> bool:
    if pattern.endswith(("/*", ".*")):
        return name.startswith(pattern[:-1])
    return pattern == name
