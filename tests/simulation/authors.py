"""Programs drawn from a seed."""

from collections.abc import Callable
from random import Random

from tests.simulation.programs import (
    Fetch,
    Infer,
    Invoke,
    Node,
    Parallel,
    Program,
    Run,
    Signal,
    Sleep,
    SleepUntil,
    Wait,
)

__all__ = ["Author"]


class Author:
    """Writes programs.

    Args:
        random: Decides about everything.
        callees: Slugs of the functions that may be invoked.
        sends: Events that steps may send.
        asks: Whether steps wait for signals and ask the server to make requests; their ids begin
            with it. Steps then wait for events whatever the key.
    """

    def __init__(
        self, random: Random, callees: list[str], sends: list[str], *, asks: str = ""
    ) -> None:
        self._random = random
        self._asks = asks
        self._callees = callees
        self._sends = sends
        self._steps = 0

    def program(self, *, retries: int) -> Program:
        """A new program for a function that is retried so often."""
        random = self._random
        nodes = tuple(self._node(depth=0) for _ in range(random.randint(1, 5)))
        throws = 0
        if random.random() < 0.2:
            throws = random.choice([min(1, retries), 1_000])
        return Program(nodes=nodes, throws=throws, no_retry=throws > 1)

    def _node(self, *, depth: int, race: bool = False) -> Node:
        random = self._random
        if depth < 2 and random.random() < 0.3:
            return self._parallel(depth)
        kinds: list[Callable[[bool], Node]] = [
            self._run,
            self._run,
            self._run,
            self._sleep,
            self._sleep_until,
            self._wait,
        ]
        if self._callees:
            kinds.append(self._invoke)
        if self._asks:
            kinds += [self._signal, self._fetch, self._infer]
        return random.choice(kinds)(depth > 0 or race)

    def _parallel(self, depth: int) -> Parallel:
        random = self._random
        race = random.random() < 0.4
        self._steps += 1
        node_id = f"p{self._steps}"
        branches = tuple(
            tuple(
                self._node(depth=depth + 1, race=race)
                for _ in range(random.choice([1, 1, 1, 2, 3]))
            )
            for _ in range(random.randint(2, 4))
        )
        return Parallel(id=node_id, branches=branches, race=race)

    def _id(self, kind: str) -> str:
        self._steps += 1
        return f"{kind}{self._steps}"

    def _run(self, inside: bool) -> Run:
        random = self._random
        fails = random.choice([0, 0, 0, 0, 1, 2, Run.FOR_EVER])
        return Run(
            id=self._id("run"),
            fails=fails,
            no_retry=fails > 2 and random.random() < 0.7,
            retry_after_s=random.choice([0, 0, 0, 3]),
            caught=inside or random.random() < 0.8,
            sends=random.choice(["", "", "", "", *self._sends]),
            sends_once=random.random() < 0.5,
            takes_s=random.choice([0.0, 0.0, 0.0, 0.4, 5.0]),
        )

    def _sleep(self, _inside: bool) -> Sleep:
        return Sleep(
            id=self._id("sleep"), duration=self._random.choice(["0s", "1s", "30s", "5m", "1h30m"])
        )

    def _sleep_until(self, _inside: bool) -> SleepUntil:
        return SleepUntil(id=self._id("until"), after_s=self._random.choice([0, 60, 900]))

    def _wait(self, _inside: bool) -> Wait:
        random = self._random
        return Wait(
            id=self._id("wait"),
            event="sim/signal",
            timeout=random.choice(["10s", "5m", "20m"]),
            by_key=random.random() < 0.7 and not self._asks,
        )

    def _invoke(self, inside: bool) -> Invoke:
        random = self._random
        return Invoke(
            id=self._id("invoke"),
            function=random.choice(self._callees),
            timeout=random.choice(["", "1s", "10m"]),
            caught=inside or random.random() < 0.8,
        )

    def _signal(self, _inside: bool) -> Signal:
        random = self._random
        return Signal(
            id=self._id("signal"),
            name=random.choice(["approve", "ready"]),
            timeout=random.choice(["10s", "5m"]),
            replaces=random.random() < 0.6,
        )

    def _fetch(self, inside: bool) -> Fetch:
        random = self._random
        return Fetch(
            id=self._id(f"{self._asks}-fetch"),
            fails=random.choice([0, 0, 1]),
            takes_s=random.choice([0.0, 0.4, 5.0]),
            caught=inside or random.random() < 0.8,
        )

    def _infer(self, inside: bool) -> Infer:
        random = self._random
        return Infer(
            id=self._id(f"{self._asks}-infer"),
            fails=random.choice([0, 0, 1]),
            takes_s=random.choice([0.0, 0.4, 5.0]),
            caught=inside or random.random() < 0.8,
        )
