"""Bulk operations: cancelling or replaying many runs of a function, in small bites.

What has to be done, how far it has come and what came of it is one row, changed in the same commit
as the runs it concerns. So it goes on after a crash where it stood, and its progress is exact.

Source: HTTP APIs, 7.7; flow control, 13.5.
"""

import enum

import msgspec

from stepwell.core.identity import AppId, EnvironmentId, FunctionId, OperationId, RunId
from stepwell.core.status import RunStatus

__all__ = ["Operation", "OperationKind"]


class OperationKind(enum.IntEnum):
    """What is done to each run. The numbers are stored; never renumber."""

    CANCEL = 0
    REPLAY = 1


class Operation(msgspec.Struct, frozen=True):
    """One bulk operation on the runs of a function.

    Attributes:
        name: What a person called it, or "".
        cause: Why its runs are cancelled, as in `RunEnded.cause`: "bulk", "paused" …
        started_after_ms: Runs queued at or after it; 0 for no bound.
        started_before_ms: Runs queued before it.
        statuses: Runs in one of these; empty for all that fit the kind (live ones to cancel, ended
            ones to replay).
        condition: Expression over the run's (first) event; "" for all.
        rate_per_s: Runs replayed per second; 0 for as many as possible.
        after: The last run that was looked at; they go by id.
        seen: Runs looked at.
        done: Runs cancelled or replayed.
        failed: Runs for which the condition could not be evaluated, or that could not be run
            again; they are left alone.
        ended_ms: When the last run was looked at, or the operation was given up because its
            function is not registered any more; 0 before.
    """

    id: OperationId
    kind: OperationKind
    environment_id: EnvironmentId
    app_id: AppId
    function_id: FunctionId
    created_ms: int
    started_before_ms: int
    started_after_ms: int = 0
    statuses: tuple[RunStatus, ...] = ()
    condition: str = ""
    name: str = ""
    cause: str = "api"
    rate_per_s: int = 0
    after: RunId = RunId("")
    seen: int = 0
    done: int = 0
    failed: int = 0
    ended_ms: int = 0
