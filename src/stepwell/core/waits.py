"""Waits: stored records that resume or cancel a run when an event is accepted."""

import enum

import msgspec

from stepwell.core.identity import EnvironmentId, EventId, FunctionId, RunId, StepId, WaitId

__all__ = ["Wait", "WaitKind", "WaitRef"]


class WaitKind(enum.IntEnum):
    """What a satisfied wait does. The numbers are stored; never renumber."""

    EVENT = 0
    CANCEL = 1


class Wait(msgspec.Struct, frozen=True, gc=False):
    """A run waits for an event, or may be cancelled by one.

    Attributes:
        id: Larger than the ids of all waits created before it.
        event_name: Exact name; waits know no wildcards.
        match_path: Path into the event that the equality index uses, "" when the condition has no
            indexable part.
        match_value: Canonical text the value at `match_path` must have.
        condition: CEL source, "" for every event of that name.
        bindings: JSON of the trigger event's values the condition mentions.
        step: The step to resolve; "" for CANCEL.
        created_ms: Events accepted earlier are not matched.
        expires_ms: Events accepted at or after this time are not matched.
        trigger_id: The event that started the run; it never matches.
    """

    id: WaitId
    kind: WaitKind
    environment_id: EnvironmentId
    event_name: str
    match_path: str
    match_value: str
    condition: str
    bindings: bytes
    run_id: RunId
    function_id: FunctionId
    step: StepId
    created_ms: int
    expires_ms: int
    trigger_id: EventId

    @property
    def ref(self) -> "WaitRef":
        """The part of it that the run remembers."""
        return WaitRef(self.id, self.event_name, self.match_path, self.step)


class WaitRef(msgspec.Struct, frozen=True, gc=False):
    """What a run remembers of one of its waits: enough to end it. `step` is "" for CANCEL."""

    id: WaitId
    event_name: str
    match_path: str
    step: StepId
