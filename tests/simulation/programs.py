"""Functions of the simulated app: programs as values, and how far a program gets with given memos.

A program is what a user would write with an SDK, as a tree. `Progress.of` walks it from the top as
an SDK does on every call: finished steps give their results, and the walk ends where it meets
steps that have none.
"""

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import msgspec

from stepwell.wire.config import (
    Batch,
    CancelOn,
    ConcurrencyLimit,
    CronTrigger,
    Debounce,
    EventTrigger,
    FunctionConfig,
    RateLimit,
    RunConcurrency,
    Singleton,
    Throttle,
    Timeouts,
)

__all__ = [
    "APP",
    "Fetch",
    "Found",
    "Infer",
    "Invoke",
    "Node",
    "Parallel",
    "Program",
    "Progress",
    "Run",
    "Signal",
    "SimulatedFunction",
    "Sleep",
    "SleepUntil",
    "Trigger",
    "Wait",
    "hashed",
    "nodes_of",
]

APP = "sim"


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """`step.run`.

    Attributes:
        fails: So many executions raise before one succeeds; `FOR_EVER` of them all do.
        no_retry: Whether what it raises forbids another attempt.
        retry_after_s: When it asks to be tried again; 0 if it does not ask.
        caught: Whether the function catches what the step raises in the end.
        sends: Name of an event that the body sends, as `step.sendEvent` does.
        sends_once: Whether that event has an id, so that repetitions of it start nothing.
        takes_s: How long the body takes.
        stuck_with: The key with which it takes an hour.
    """

    id: str
    fails: int = 0
    no_retry: bool = False
    retry_after_s: int = 0
    caught: bool = False
    sends: str = ""
    sends_once: bool = False
    takes_s: float = 0.0
    stuck_with: str = ""

    FOR_EVER = 1_000_000


class Sleep(msgspec.Struct, frozen=True, kw_only=True):
    """`step.sleep`."""

    id: str
    duration: str


class SleepUntil(msgspec.Struct, frozen=True, kw_only=True):
    """`step.sleepUntil` a time so long after the one of the event."""

    id: str
    after_s: int


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """`step.waitForEvent`, with `match: "data.key"` if `by_key`."""

    id: str
    event: str
    timeout: str
    by_key: bool = True


class Invoke(msgspec.Struct, frozen=True, kw_only=True):
    """`step.invoke` of another function of the app."""

    id: str
    function: str
    timeout: str = ""
    caught: bool = True


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """`step.waitForSignal`.

    Attributes:
        name: Of the signal, to which the event's key is added.
        replaces: Whether another run that waits for it gives way; else this one fails.
    """

    id: str
    name: str
    timeout: str
    replaces: bool = False


class Fetch(msgspec.Struct, frozen=True, kw_only=True):
    """`step.fetch`.

    Attributes:
        fails: So many requests get no answer before one does; `FOR_EVER` of them all.
        takes_s: How long an answer takes.
    """

    id: str
    fails: int = 0
    takes_s: float = 0.0
    caught: bool = True


class Infer(msgspec.Struct, frozen=True, kw_only=True):
    """`step.ai.infer`; `fails` counts the requests that the provider refuses."""

    id: str
    fails: int = 0
    takes_s: float = 0.0
    caught: bool = True


class Parallel(msgspec.Struct, frozen=True, kw_only=True):
    """`Promise.all`, or `Promise.race`, of sequences."""

    id: str
    branches: tuple[tuple["Node", ...], ...]
    race: bool = False


Step = Run | Sleep | SleepUntil | Wait | Invoke | Signal | Fetch | Infer
Node = Step | Parallel


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """A function's body. It returns the results of its nodes by id, unless it throws at the end.

    Attributes:
        throws: So many calls that reach the end throw there instead of returning.
        no_retry: Whether what it throws forbids another attempt.
    """

    nodes: tuple[Node, ...]
    throws: int = 0
    no_retry: bool = False


class Trigger(msgspec.Struct, frozen=True, kw_only=True):
    """An event trigger, and in Python what its expression says in CEL."""

    event: str
    expression: str = ""
    matches: Callable[[dict[str, Any]], bool] = lambda _event: True


class SimulatedFunction(msgspec.Struct, frozen=True, kw_only=True):
    """A function the app registers.

    Attributes:
        version: Request version of the SDK it is written with.
        is_robust: Whether calls of it may be lost on the way: its retries suffice for that.
        on_failure_of: Name of the function whose failures it handles.
        checkpoints: Whether it reports steps while it goes on in the same call.
    """

    name: str
    program: Program
    triggers: tuple[Trigger, ...] = ()
    crons: tuple[CronTrigger, ...] = ()
    cancel: tuple[CancelOn, ...] = ()
    retries: int = 20
    version: int = 2
    on_failure_of: str = ""
    checkpoints: bool = False
    concurrency: tuple[ConcurrencyLimit, ...] = ()
    run_concurrency: RunConcurrency | None = None
    throttle: Throttle | None = None
    rate_limit: RateLimit | None = None
    idempotency: str | None = None
    debounce: Debounce | None = None
    batch: Batch | None = None
    priority: str | None = None
    singleton: Singleton | None = None
    timeouts: Timeouts | None = None

    @property
    def slug(self) -> str:
        return f"{APP}-{self.name}"

    @property
    def is_robust(self) -> bool:
        return self.retries >= 20

    @property
    def attempts_max(self) -> int:
        return self.retries + 1

    @property
    def rate(self) -> RateLimit | None:
        """The rate limit, for which an idempotency key stands as well."""
        if self.idempotency is not None:
            return RateLimit(limit=1, period="24h", key=self.idempotency)
        return self.rate_limit

    @property
    def starts_for_every_event(self) -> bool:
        """Whether no option drops, merges or skips events."""
        options = (self.rate, self.debounce, self.batch, self.singleton)
        return all(option is None for option in options)

    def config(self, app_url: str) -> FunctionConfig:
        """As the SDK registers it."""
        triggers: list[EventTrigger | CronTrigger] = [
            EventTrigger(event=trigger.event, expression=trigger.expression or None)
            for trigger in self.triggers
        ]
        if self.on_failure_of:
            failed = f"event.data.function_id == '{APP}-{self.on_failure_of}'"
            triggers.append(EventTrigger(event="inngest/function.failed", expression=failed))
        return FunctionConfig(
            slug=self.slug,
            name=self.name,
            url=f"{app_url}?fnId={self.slug}&stepId=step",
            triggers=(*triggers, *self.crons),
            retries=self.retries,
            cancel=self.cancel,
            concurrency=self.concurrency,
            run_concurrency=self.run_concurrency,
            throttle=self.throttle,
            rate_limit=self.rate_limit,
            idempotency=self.idempotency,
            debounce=self.debounce,
            batch=self.batch,
            priority=self.priority,
            singleton=self.singleton,
            timeouts=self.timeouts,
        )


@cache
def hashed(step_id: str) -> str:
    """The id of a step as SDKs send it."""
    return hashlib.sha1(step_id.encode()).hexdigest()


@cache
def nodes_of(nodes: tuple[Node, ...]) -> Mapping[str, Step]:
    """All steps of a program by hashed id."""
    steps: dict[str, Step] = {}
    for node in nodes:
        if isinstance(node, Parallel):
            for branch in node.branches:
                steps |= nodes_of(branch)
        else:
            steps[hashed(node.id)] = node
    return steps


class Found(msgspec.Struct, frozen=True):
    """A step without a result that the walk came to, and whether it takes part in a race."""

    step: Step
    race: bool


class Progress(msgspec.Struct):
    """How far a program gets.

    Attributes:
        values: Results by node.
        error: What an uncaught step raised, which ends the program.
        found: Steps that have to be done.
        is_done: Whether the walk came to the end.
    """

    values: dict[str, Any] = {}
    error: dict[str, Any] | None = None
    found: list[Found] = []
    is_done: bool = False

    @classmethod
    def of(cls, nodes: tuple[Node, ...], memos: Mapping[str, Any]) -> "Progress":
        """Walk the nodes with the memos, which are in the order they were made."""
        return _sequence(nodes, memos, race=False)


def _sequence(nodes: tuple[Node, ...], memos: Mapping[str, Any], *, race: bool) -> Progress:
    progress = Progress()
    for node in nodes:
        if isinstance(node, Parallel):
            part = _race(node, memos) if node.race else _all(node, memos)
        else:
            part = _step(node, memos, race=race)
        progress.found += part.found
        if part.error is not None or not part.is_done:
            progress.error = part.error
            return progress
        progress.values[node.id] = part.values[node.id]
    progress.is_done = True
    return progress


def _step(step: Step, memos: Mapping[str, Any], *, race: bool) -> Progress:
    key = hashed(step.id)
    if key not in memos:
        return Progress(found=[Found(step, race)])
    memo = memos[key]
    if isinstance(memo, dict) and memo.keys() == {"error"}:
        if not isinstance(step, Run | Invoke | Fetch | Infer) or not step.caught:
            return Progress(error=memo["error"])
        return Progress(values={step.id: {"caught": memo["error"]["message"]}}, is_done=True)
    value = memo["data"] if isinstance(memo, dict) and memo.keys() == {"data"} else memo
    return Progress(values={step.id: value}, is_done=True)


def _all(node: Parallel, memos: Mapping[str, Any]) -> Progress:
    parts = [_sequence(branch, memos, race=False) for branch in node.branches]
    found = [each for part in parts for each in part.found]
    for part in parts:
        if part.error is not None:
            return Progress(error=part.error)
    if all(part.is_done for part in parts):
        values = {node.id: [part.values for part in parts]}
        return Progress(values=values, is_done=True, found=found)
    return Progress(found=found)


def _race(node: Parallel, memos: Mapping[str, Any]) -> Progress:
    """The branch that was done first gives the result; the others go on in the background."""
    parts = [_sequence(branch, memos, race=True) for branch in node.branches]
    found = [each for part in parts for each in part.found]
    own = [nodes_of(branch) for branch in node.branches]
    so_far: dict[str, Any] = {}
    for key, memo in memos.items():
        so_far[key] = memo
        for index, branch in enumerate(node.branches):
            # Only a memo of its own brings a branch to its end.
            if not parts[index].is_done or key not in own[index]:
                continue
            if _sequence(branch, so_far, race=True).is_done:
                value = {"winner": index, "values": parts[index].values}
                return Progress(values={node.id: value}, is_done=True, found=found)
    return Progress(found=found)
