"""Counts what the server has under way, from outside, and compares it with what is allowed.

A request counts from the moment the server makes it until it has its answer, gives it up or dies.
Of several servers each has capacity of its own; what else limits a function counts for all of them
together, but not for requests of a server that does not own the function any more: it has been taken
for dead, and nothing that it decides will be written.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from stepwell.core.pause import RunningRuns
from stepwell.engine.limits import LimitSettings
from stepwell.wire.config import ConcurrencyScope
from tests.simulation.key_values import shared_value
from tests.simulation.programs import APP, SimulatedFunction

__all__ = ["Bounds", "KnownRun", "Standstill"]

_Bucket = tuple[object, ...]


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


class _UnderWay(msgspec.Struct, frozen=True):
    """A request, and who has made it."""

    run_id: str
    server: object


class Bounds:
    """Watches all servers of a world.

    Args:
        calls_max: Requests that may be under way.
        limits: Of the installation, for each server.
        owns: Whether a server may decide about a function now.
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
        owns: Callable[[object, str], bool],
        let_in_ms: Mapping[str, int],
        now_ms: Callable[[], int],
    ) -> None:
        self.broken: list[str] = []
        self.runs: dict[str, KnownRun] = {}
        self.standstills: list[Standstill] = []
        self.most: Counter[_Bucket] = Counter()
        self._calls_max = calls_max
        self._limits = limits
        self._owns = owns
        self._let_in_ms = let_in_ms
        self._now_ms = now_ms
        self._under_way: dict[object, _UnderWay] = {}
        self._unfinished: dict[_Bucket, set[str]] = {}

    def begin_call(
        self, request: object, run_id: str, describe: Callable[[], KnownRun], *, server: object
    ) -> None:
        """A server calls the app; `describe` tells about a run that was not called before."""
        is_first = run_id not in self.runs
        if is_first:
            self.runs[run_id] = describe()
            self._check_start(run_id)
        if self._owns(server, self.runs[run_id].function.slug):
            self._check_standstill(run_id, is_first=is_first)
        self._begin(request, run_id, server)

    def begin_request(self, request: object, run_id: str, *, server: object) -> None:
        """A server makes a request for a step."""
        if self._owns(server, self.runs[run_id].function.slug):
            self._check_standstill(run_id, is_first=False)
        self._begin(request, run_id, server)

    def changed(self, function: SimulatedFunction) -> None:
        """Other numbers hold for the function; its keys are the same."""
        for run_id, run in self.runs.items():
            if run.function.slug == function.slug:
                self.runs[run_id] = KnownRun(function, run.event)

    def end(self, request: object) -> None:
        """The server does not wait for an answer any more. May be called twice."""
        self._under_way.pop(request, None)

    def end_run(self, run_id: str) -> None:
        """The run's end is durable."""
        for unfinished in self._unfinished.values():
            unfinished.discard(run_id)

    def server_died(self, server: object) -> None:
        """Nobody waits for any request of it any more."""
        for request, under_way in list(self._under_way.items()):
            if under_way.server is server:
                del self._under_way[request]

    def _begin(self, request: object, run_id: str, server: object) -> None:
        assert request not in self._under_way
        under_way = self._under_way[request] = _UnderWay(run_id, server)
        if not self._counts(under_way):
            return
        under_way_in = self._limits_under_way()
        for bucket, limit in self._buckets(self.runs[run_id], server):
            limits = under_way_in[bucket]
            used = len(limits)
            self.most[bucket] = max(self.most[bucket], used)
            # Functions may share what is counted, each with a limit of its own; the one with the
            # smaller one may have got its turn first and make its request last.
            if 0 < limit < used and max(limits) < used:
                self.broken.append(f"run {run_id}: {used} under way in {bucket}, not {limit}")

    def _counts(self, under_way: "_UnderWay") -> bool:
        return self._owns(under_way.server, self.runs[under_way.run_id].function.slug)

    def _limits_under_way(self) -> dict[_Bucket, list[int]]:
        """By bucket, the limit that each request under way has there."""
        limits: defaultdict[_Bucket, list[int]] = defaultdict(list)
        for under_way in self._under_way.values():
            if self._counts(under_way):
                for bucket, limit in self._buckets(self.runs[under_way.run_id], under_way.server):
                    limits[bucket].append(limit)
        return limits

    def _buckets(self, run: KnownRun, server: object) -> Iterable[tuple[_Bucket, int]]:
        """What the request counts for, and how many the function allows there."""
        function, limits = run.function, self._limits
        yield ("all", server), self._calls_max
        yield ("account", server), limits.account or 0
        yield ("app", server), limits.app(APP)
        for limit in function.concurrency:
            scope = "" if limit.scope is not ConcurrencyScope.FUNCTION else function.name
            value = shared_value(limit.key, run.event)
            yield (limit.scope.value, scope, limit.key or "", value), limit.limit

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
