"""What a function's present configuration and state mean for its turns."""

from typing import Final

import msgspec

from stepwell.core.function import Function
from stepwell.core.identity import LOCAL_PARTITION, EnvironmentId, FunctionId, PartitionId
from stepwell.core.lanes import is_start_lane
from stepwell.core.pause import RunningRuns
from stepwell.core.queue import QueueItem
from stepwell.wire.config import ConcurrencyLimit, RunConcurrency, Throttle

__all__ = ["Rules", "is_held", "rules_of"]


class Rules(msgspec.Struct, frozen=True):
    """The limits of one function. Two that are equal have the same effect.

    Attributes:
        is_known: Whether the function exists; work that belongs to no function has no limits.
        partition: Where its queue items lie.
        concurrency: Without those that limit nothing.
        holds_starts: Runs that have not started wait until the function is resumed.
        holds_calls: So do all requests.
    """

    function_id: FunctionId
    environment_id: EnvironmentId
    app_name: str
    is_known: bool
    partition: PartitionId = LOCAL_PARTITION
    concurrency: tuple[ConcurrencyLimit, ...] = ()
    run_concurrency: RunConcurrency | None = None
    throttle: Throttle | None = None
    throttle_period_ms: int = 0
    holds_starts: bool = False
    holds_calls: bool = False


def rules_of(function_id: FunctionId, function: Function | None) -> Rules:
    """The rules of a function; an archived one keeps them, because its runs go on.

    A limit of 0 is no limit. Source: flow control, 3.2.
    """
    if function is None:
        return Rules(function_id, _NOWHERE, "", is_known=False)
    config, pause = function.config, function.pause
    runs = config.run_concurrency
    return Rules(
        function_id,
        function.environment_id,
        function.app_name,
        is_known=True,
        partition=function.partition,
        concurrency=tuple(limit for limit in config.concurrency if limit.limit > 0),
        run_concurrency=runs if runs is not None and runs.limit > 0 else None,
        throttle=config.throttle,
        throttle_period_ms=config.throttle.period_ms if config.throttle is not None else 0,
        holds_starts=pause is not None,
        holds_calls=pause is not None and pause.running is RunningRuns.HOLD,
    )


def is_held(item: QueueItem, function: Function) -> bool:
    """Whether the function stands still for the request, so that it has to wait."""
    pause = function.pause
    if pause is None:
        return False
    return pause.running is RunningRuns.HOLD or is_start_lane(item.lane)


_NOWHERE: Final = EnvironmentId("")
