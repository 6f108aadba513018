"""Registered functions, and finding those that an event starts."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from stepwell.core.identity import (
    LOCAL_PARTITION,
    AppId,
    EnvironmentId,
    FunctionId,
    PartitionId,
)
from stepwell.core.pause import NewRuns, Pause
from stepwell.wire.config import EventTrigger, FunctionConfig

__all__ = [
    "STATE_BYTES_MAX",
    "STEPS_MAX",
    "Function",
    "FunctionIndex",
    "Listener",
    "event_patterns",
]

#: Limits of a run unless a function has its own. Source: execution semantics, 3.11.
STEPS_MAX: Final = 1000
STATE_BYTES_MAX: Final = 32 * 1024 * 1024


class Function(msgspec.Struct, frozen=True):
    """A function an app registered, in its present configuration.

    Attributes:
        slug: `<app name>-<function id>`; unique in the environment.
        version: Counts the synchronisations that changed the configuration, from 1.
        updated_ms: When that configuration was synchronised.
        archived: Not matched by events any more; runs in flight go on.
        pause: How it stands still; None while it does not.
        endpoint_method: HTTP method of a durable endpoint, which starts its runs itself; "" for a
            function that is called through an SDK endpoint.
        partition: Where its queue items lie; whoever owns that decides about its runs.
    """

    id: FunctionId
    app_id: AppId
    app_name: str
    environment_id: EnvironmentId
    slug: str
    name: str
    version: int
    config: FunctionConfig
    updated_ms: int
    archived: bool = False
    steps_max: int = STEPS_MAX
    state_bytes_max: int = STATE_BYTES_MAX
    pause: Pause | None = None
    endpoint_method: str = ""
    partition: PartitionId = LOCAL_PARTITION

    @property
    def decides_on_arrival(self) -> bool:
        """Whether an event may be dropped, put off or merged before it starts a run."""
        config = self.config
        return (
            config.effective_rate_limit is not None
            or config.debounce is not None
            or config.batch is not None
            or config.singleton is not None
        )

    @property
    def skips_new_runs(self) -> bool:
        """Whether events start no runs now."""
        return self.pause is not None and self.pause.new_runs is NewRuns.SKIP

    @property
    def attempts_max(self) -> int:
        """How often one queue item is tried before its failure is final."""
        return self.config.attempts_max


def event_patterns(name: str) -> list[str]:
    """The trigger names that match events called `name`: itself, then its wildcard forms.

    A wildcard stands only at the end, straight after "/" or ".". Source: execution semantics, 1.9.

    >>> event_patterns("app/user.created.v2")
    ['app/user.created.v2', 'app/*', 'app/user.*', 'app/user.created.*']
    """
    patterns = [name]
    patterns += [f"{name[: at + 1]}*" for at, char in enumerate(name) if char in "/."]
    return patterns


class Listener(msgspec.Struct, frozen=True):
    """A function with a trigger that matches an event's name.

    Attributes:
        conditions: Expressions of such triggers, one of which must hold; empty if one of the
            triggers has none.
    """

    function: Function
    conditions: tuple[str, ...]


class FunctionIndex:
    """All functions of one environment; immutable, replaced as a whole by a synchronisation."""

    def __init__(self, functions: Iterable[Function] = ()) -> None:
        self._by_id: dict[FunctionId, Function] = {}
        self._by_slug: dict[str, Function] = {}
        self._by_trigger: dict[str, list[Function]] = {}
        self._matched: dict[str, Sequence[Listener]] = {}
        for function in functions:
            self._add(function)

    def get(self, function_id: FunctionId) -> Function | None:
        """The function, archived or not."""
        return self._by_id.get(function_id)

    def invokable(self, reference: str) -> Function | None:
        """The active function whose id or slug is `reference`."""
        function = self._by_id.get(FunctionId(reference))
        if function is None or function.archived:
            function = self._by_slug.get(reference)
        return function

    def listening(self, event_name: str) -> Sequence[Function]:
        """Active functions with a trigger that matches the name, each once."""
        return tuple(listener.function for listener in self.listeners(event_name))

    def listeners(self, event_name: str) -> Sequence[Listener]:
        """As `listening`, with what else must be so."""
        matched = self._matched.get(event_name)
        if matched is None:
            patterns = event_patterns(event_name)
            found = {
                function.id: function
                for pattern in patterns
                for function in self._by_trigger.get(pattern, ())
            }
            matched = tuple(
                Listener(function, _conditions(function, patterns)) for function in found.values()
            )
            if len(self._matched) < _NAMES_REMEMBERED_MAX:
                self._matched[event_name] = matched
        return matched

    def __iter__(self) -> Iterator[Function]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def _add(self, function: Function) -> None:
        self._by_id[function.id] = function
        if function.archived or function.endpoint_method:
            # Paths of endpoints, such as "GET /", are no names by which a function is invoked.
            return
        self._by_slug[function.slug] = function
        names = {t.event for t in function.config.triggers if isinstance(t, EventTrigger)}
        for name in names:
            self._by_trigger.setdefault(name, []).append(function)


def _conditions(function: Function, patterns: Sequence[str]) -> tuple[str, ...]:
    expressions = [
        trigger.expression or ""
        for trigger in function.config.triggers
        if isinstance(trigger, EventTrigger) and trigger.event in patterns
    ]
    return tuple(expressions) if all(expressions) else ()


# Event names come from outside, so the memory for them is bounded.
_NAMES_REMEMBERED_MAX: Final = 10_000
