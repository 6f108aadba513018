"""Which runs hold a unit of a limit on unfinished runs: from their start to their end.

Source: flow control, 3.5.
"""

from collections.abc import Callable, Iterable

import msgspec

from stepwell.core.identity import FunctionId, RunId
from stepwell.core.lanes import lane_keys
from stepwell.engine.limits import Bucket, Limits
from stepwell.engine.rules import Rules

__all__ = ["RunUnits"]


class _Unit(msgspec.Struct, frozen=True):
    function_id: FunctionId
    bucket: Bucket


class RunUnits:
    """Counts admitted runs of functions that limit them.

    Args:
        limits: Finds what is counted.
        released: Called with what has room for one more.
    """

    def __init__(self, limits: Limits, released: Callable[[Bucket], None]) -> None:
        self._limits = limits
        self._released = released
        self._units: dict[RunId, _Unit] = {}
        # While admitted runs are read, some may end that are still among what is read.
        self._readings = 0
        self._ended: set[RunId] = set()

    def holds(self, run_id: RunId) -> bool:
        """Whether the run has a unit already."""
        return run_id in self._units

    def take(self, function_id: FunctionId, run_id: RunId, bucket: Bucket) -> bool:
        """Give the run a unit; False if it has one."""
        if run_id in self._units:
            return False
        self._units[run_id] = _Unit(function_id, bucket)
        bucket.used += 1
        return True

    def end(self, run_id: RunId) -> None:
        """The run has ended: its unit is free."""
        if self._readings:
            self._ended.add(run_id)
        unit = self._units.pop(run_id, None)
        if unit is not None:
            unit.bucket.used -= 1
            assert unit.bucket.used >= 0
            self._released(unit.bucket)

    def give_back(self, run_id: RunId) -> None:
        """The run did not start after all; unlike `end`, it may start later."""
        unit = self._units.pop(run_id, None)
        if unit is not None:
            unit.bucket.used -= 1
            self._released(unit.bucket)

    def forget(self, function_id: FunctionId) -> None:
        """Count no runs of the function any more."""
        gone = [run_id for run_id, unit in self._units.items() if unit.function_id == function_id]
        for run_id in gone:
            self._units.pop(run_id).bucket.used -= 1

    def begin_reading(self) -> None:
        """Admitted runs of some function are about to be read."""
        self._readings += 1

    def end_reading(self) -> None:
        """They were read and counted."""
        self._readings -= 1
        assert self._readings >= 0
        if not self._readings:
            self._ended.clear()

    def count(self, rules: Rules, runs: Iterable[tuple[RunId, str]]) -> None:
        """Let runs that were admitted before hold their units; they may be more than the limit."""
        for run_id, lane in runs:
            if run_id not in self._ended:
                check = self._limits.runs(rules, lane_keys(lane))
                if check is not None:
                    self.take(rules.function_id, run_id, check.bucket)
