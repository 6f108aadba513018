"""Counts what the server has under way, from outside, and compares it with what is allowed.

A request counts from the moment the server makes it until it has its answer, gives it up or dies.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from stepwell.core.pause import RunningRuns
from stepwell.engine.limits import LimitSettings
from stepwell.wire.config import ConcurrencyScope
from tests.simulation.key_values import shared_value
from tests.simulation.programs import APP, SimulatedFunction

__all__ = ["Bounds", "KnownRun", "Standstill"]

_Bucket = tuple[str, ...]


class KnownRun(msgspec.Struct, frozen=True):
    """A run that has been called."""

    function: SimulatedFunction
    event: Mapping[str, Any]


class Standstill(msgspec.Struct):
    """A function that was told to pause, as the client knows: from the answer on.

    Attributes:
        until_ms: When it was about to be told to go on; 0 before.
    """

    function: str
    running: RunningRuns
    from_ms: int
    until_ms: int = 0


class Bounds:
    """Watches all servers of a world.

    Args:
        calls_max: Requests that may be under way.
        limits: Of the installation.
        let_in_ms: When runs were let in whose start had to be paid for.
        now_ms: The clock.

    Attributes:
        broken: What must never happen and did.
        runs: All runs that have been called.
        standstills: When which function stood still.
        most: The most that was ever under way, by bucket; for tests that want a limit to be used.
    """

    def __init__(
        self,
        *,
        calls_max: int,
        limits: LimitSettings,
        let_in_ms: Mapping[str, int],
        now_ms: Callable[[], int],
    ) -> None:
        self.broken: list[str] = []
        self.runs: dict[str, KnownRun] = {}
        self.standstills: list[Standstill] = []
        self.most: Counter[_Bucket] = Counter()
        self._calls_max = calls_max
        self._limits = limits
        self._let_in_ms = let_in_ms
        self._now_ms = now_ms
        self._under_way: dict[object, str] = {}
        self._used: Counter[_Bucket] = Counter()
        self._unfinished: dict[_Bucket, set[str]] = {}

    def begin_call(self, request: object, run_id: str, describe: Callable[[], KnownRun]) -> None:
        """The server calls the app; `describe` tells about a run that was not called before."""
        is_first = run_id not in self.runs
        if is_first:
            self.runs[run_id] = describe()
            self._check_start(run_id)
        self._check_standstill(run_id, is_first=is_first)
        self._begin(request, run_id)

    def begin_request(self, request: object, run_id: str) -> None:
        """The server makes a request for a step."""
        self._check_standstill(run_id, is_first=False)
        self._begin(request, run_id)

    def changed(self, function: SimulatedFunction) -> None:
        """Other numbers hold for the function; its keys are the same."""
        for run_id, run in self.runs.items():
            if run.function.slug == function.slug:
                self.runs[run_id] = KnownRun(function, run.event)

    def end(self, request: object) -> None:
        """The server does not wait for an answer any more. May be called twice."""
        run_id = self._under_way.pop(request, None)
        if run_id is not None:
            for bucket, _ in self._buckets(self.runs[run_id]):
                self._used[bucket] -= 1

    def end_run(self, run_id: str) -> None:
        """The run's end is durable."""
        for unfinished in self._unfinished.values():
            unfinished.discard(run_id)

    def server_died(self) -> None:
        """Nobody waits for anything any more."""
        self._under_way.clear()
        self._used.clear()

    def _begin(self, request: object, run_id: str) -> None:
        assert request not in self._under_way
        self._under_way[request] = run_id
        for bucket, limit in self._buckets(self.runs[run_id]):
            self._used[bucket] += 1
            used = self._used[bucket]
            self.most[bucket] = max(self.most[bucket], used)
            if 0 < limit < used and self._loosest(bucket) < used:
                self.broken.append(f"run {run_id}: {used} under way in {bucket}, not {limit}")

    def _buckets(self, run: KnownRun) -> Iterable[tuple[_Bucket, int]]:
        """What the request counts for, and how many the function allows there."""
        function, limits = run.function, self._limits
        yield ("all",), self._calls_max
        yield ("account",), limits.account or 0
        yield ("app",), limits.app(APP)
        for limit in function.concurrency:
            scope = "" if limit.scope is not ConcurrencyScope.FUNCTION else function.name
            value = shared_value(limit.key, run.event)
            yield (limit.scope.value, scope, limit.key or "", value), limit.limit

    def _loosest(self, bucket: _Bucket) -> int:
        """The largest limit of all that is under way there.

        Functions may share what is counted, each with a limit of its own; the one with the smaller
        one may have got its turn first and make its request last.
        """
        return max(
            limit
            for run_id in self._under_way.values()
            for other, limit in self._buckets(self.runs[run_id])
            if other == bucket
        )

    def _check_start(self, run_id: str) -> None:
        run = self.runs[run_id]
        limit = run.function.run_concurrency
        if limit is None:
            return
        bucket = ("runs", run.function.name, shared_value(limit.key, run.event))
        unfinished = self._unfinished.setdefault(bucket, set())
        unfinished.add(run_id)
        self.most[bucket] = max(self.most[bucket], len(unfinished))
        if 0 < limit.limit < len(unfinished):
            self.broken.append(f"run {run_id}: {len(unfinished)} unfinished in {bucket}")

    def _check_standstill(self, run_id: str, *, is_first: bool) -> None:
        name, now_ms = self.runs[run_id].function.name, self._now_ms()
        for still in self.standstills:
            if still.function != name or not still.from_ms < now_ms:
                continue
            # A start that was paid for before the pause has been made, even if its call comes later.
            begins = is_first and self._let_in_ms.get(run_id, now_ms) > still.from_ms
            if not still.until_ms and (begins or still.running is RunningRuns.HOLD):
                self.broken.append(f"run {run_id} was called while {name} was paused")
