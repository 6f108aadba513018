"""The configuration of one function: when it starts, how often it is tried, what limits it.

Texts that an app wrote (durations, expressions, cron schedules) are kept as written, because they
are shown again; the values in milliseconds are derived. A configuration is complete even where a
rule of `config_rules` is broken, but the derived values may only be asked of a valid one.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Literal, NamedTuple

import msgspec

from stepwell.wire.durations import deadline_ms, duration_ms

__all__ = [
    "CANCEL_TIMEOUT_MAX_MS",
    "RETRIES_DEFAULT",
    "RETRIES_MAX",
    "Batch",
    "CancelOn",
    "Checkpoint",
    "ConcurrencyLimit",
    "ConcurrencyScope",
    "ConfigExpression",
    "ConfigProblem",
    "CronTrigger",
    "Debounce",
    "EventTrigger",
    "ExpressionKind",
    "FunctionConfig",
    "RateLimit",
    "RunConcurrency",
    "Singleton",
    "SingletonMode",
    "Throttle",
    "Timeouts",
    "Trigger",
    "expressions_of",
]

RETRIES_DEFAULT = 4
RETRIES_MAX = 20
CANCEL_TIMEOUT_MAX_MS = 365 * 86_400_000
_IDEMPOTENCY_PERIOD = "24h"
_NS_PER_MS = 1_000_000


class _Option(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Options are stored as JSON; what an app left out is left out there, too."""


class EventTrigger(_Option, frozen=True, tag="event"):
    """Starts a run for each event whose name matches and for which the expression is true.

    The name may end in a wildcard: `shop/*`, `shop/order.*`.
    """

    event: str
    expression: str | None = None


class CronTrigger(_Option, frozen=True, tag="cron"):
    """Starts a run on a schedule of five fields, with an optional `TZ=<zone> ` before them."""

    cron: str
    jitter: str | None = None

    @property
    def jitter_ms(self) -> int:
        """By how much a run may start later at most; 0 without jitter."""
        return 0 if self.jitter is None else duration_ms(self.jitter)


Trigger = EventTrigger | CronTrigger


class ConcurrencyScope(StrEnum):
    """Who shares a concurrency limit."""

    FUNCTION = "fn"
    ENVIRONMENT = "env"
    ACCOUNT = "account"


class ConcurrencyLimit(_Option, frozen=True):
    """At most `limit` steps at the same time for each value of the key; 0 means no limit."""

    limit: int
    key: str | None = None
    scope: ConcurrencyScope = ConcurrencyScope.FUNCTION


class RunConcurrency(_Option, frozen=True):
    """At most `limit` unfinished runs of the function for each value of the key."""

    limit: int
    key: str | None = None


class Throttle(_Option, frozen=True):
    """At most `limit` runs start in a period, plus `burst` at once; others start later."""

    limit: int
    period: str
    burst: int = 0
    key: str | None = None

    @property
    def period_ms(self) -> int:
        return duration_ms(self.period)


class RateLimit(_Option, frozen=True):
    """At most `limit` runs start in a period; further events start none."""

    limit: int
    period: str
    key: str | None = None

    @property
    def period_ms(self) -> int:
        return duration_ms(self.period)


class Debounce(_Option, frozen=True):
    """One run, for the last event, once none has come for a period or the timeout is over."""

    period: str
    key: str | None = None
    timeout: str | None = None

    @property
    def period_ms(self) -> int:
        return duration_ms(self.period)

    @property
    def timeout_ms(self) -> int | None:
        """How long the run can be put off at most; None without a bound."""
        return None if self.timeout is None else duration_ms(self.timeout)


class Batch(_Option, frozen=True):
    """One run for up to `size_max` events; it starts when they are there or time is up.

    An event for which `condition` is not true starts a run of its own.
    """

    size_max: int
    timeout: str
    key: str | None = None
    condition: str | None = None

    @property
    def timeout_ms(self) -> int:
        return duration_ms(self.timeout)


class CancelOn(_Option, frozen=True):
    """An event that cancels a run, if the condition is true and it comes in time."""

    event: str
    condition: str | None = None
    timeout: str | None = None

    def expires_ms(self, now_ms: int) -> int:
        """When a run scheduled now can no longer be cancelled by this; within 365 days."""
        latest_ms = now_ms + CANCEL_TIMEOUT_MAX_MS
        expires_ms = deadline_ms(self.timeout or "", now_ms)
        return latest_ms if expires_ms is None else min(expires_ms, latest_ms)


class Timeouts(_Option, frozen=True):
    """How long a run may wait for its start, and how long it may take from there."""

    start: str | None = None
    finish: str | None = None

    @property
    def start_ms(self) -> int | None:
        """None without a bound; zero and negative durations set none."""
        return _positive_ms(self.start)

    @property
    def finish_ms(self) -> int | None:
        """None without a bound; zero and negative durations set none."""
        return _positive_ms(self.finish)


class SingletonMode(StrEnum):
    """Which of two runs with the same key gives way: the new one or the running one."""

    SKIP = "skip"
    CANCEL = "cancel"


class Singleton(_Option, frozen=True):
    """At most one unfinished run for each value of the key."""

    mode: SingletonMode = SingletonMode.SKIP
    key: str | None = None


class Checkpoint(_Option, frozen=True):
    """How the SDK reports steps while it keeps running. The server only shows it.

    Durations are texts or nanoseconds, as the SDK sent them.
    """

    batch_steps: int | None = None
    batch_interval: str | int | None = None
    max_runtime: str | int | None = None

    @property
    def batch_interval_ms(self) -> int | None:
        return _checkpoint_ms(self.batch_interval)

    @property
    def max_runtime_ms(self) -> int | None:
        return _checkpoint_ms(self.max_runtime)


class FunctionConfig(_Option, frozen=True):
    """One function of an app, as its SDK registered it.

    Attributes:
        slug: `<app id>-<function id>`, unique in its app.
        url: Where the function is called; `ws` and `wss` for apps that connect to the server.
        triggers: Empty for a function that is only invoked.
        retries: As given; None means the default. `attempts_max` says what it comes to.
        concurrency: Limits on steps that run at the same time.
        run_concurrency: Limit on unfinished runs; only the Go SDK sends it.
        rate_limit: As given; `idempotency` replaces it, see `effective_rate_limit`.
        priority: Expression for the number of seconds by which a run goes ahead of others.

    Source: SDK protocol, 4.4; flow control, 1.
    """

    slug: str
    name: str
    url: str
    triggers: tuple[Trigger, ...] = ()
    retries: int | None = None
    concurrency: tuple[ConcurrencyLimit, ...] = ()
    run_concurrency: RunConcurrency | None = None
    throttle: Throttle | None = None
    rate_limit: RateLimit | None = None
    idempotency: str | None = None
    debounce: Debounce | None = None
    batch: Batch | None = None
    priority: str | None = None
    cancel: tuple[CancelOn, ...] = ()
    timeouts: Timeouts | None = None
    singleton: Singleton | None = None
    checkpoint: Checkpoint | None = None

    @property
    def attempts_max(self) -> int:
        """How often a step is tried in all: 1 to 21, by default 5."""
        retries = RETRIES_DEFAULT if self.retries is None else self.retries
        return min(retries, RETRIES_MAX) + 1

    @property
    def effective_rate_limit(self) -> RateLimit | None:
        """The rate limit in force: one run a day for each idempotency key, or the one given."""
        if self.idempotency is None:
            return self.rate_limit
        return RateLimit(limit=1, period=_IDEMPOTENCY_PERIOD, key=self.idempotency)


ExpressionKind = Literal["event", "event+async"]


class ConfigProblem(msgspec.Struct, frozen=True):
    """One reason why a registration is refused, for people (`message`) and programs (`code`).

    Attributes:
        function: The slug of the function.
        field: The place, in the spelling of the SDKs' fields: `triggers[1].cron`.
        code: Such as `config_invalid`.
        message: A sentence for the author of the function.
    """

    function: str
    field: str
    code: str
    message: str


class ConfigExpression(NamedTuple):
    """An expression of a configuration, where it stands, and which variables it may use."""

    field: str
    expression: str
    kind: ExpressionKind


def expressions_of(config: FunctionConfig) -> list[ConfigExpression]:
    """All expressions of a function that are in force, in the spelling of the SDKs' fields.

    `kind` is "event+async" where an incoming event is compared with the one that started the run,
    that is in `cancel[].if`, otherwise "event". A rate limit that `idempotency` replaces is left
    out.
    """
    return [
        ConfigExpression(field, expression, "event+async" if is_cancel else "event")
        for field, expression, is_cancel in _expressions(config)
        if expression is not None
    ]


def _expressions(config: FunctionConfig) -> Iterator[tuple[str, str | None, bool]]:
    for index, trigger in enumerate(config.triggers):
        if isinstance(trigger, EventTrigger):
            yield f"triggers[{index}].expression", trigger.expression, False
    for index, limit in enumerate(config.concurrency):
        yield f"concurrency[{index}].key", limit.key, False
    if config.run_concurrency is not None:
        yield "concurrency.fn[0].key", config.run_concurrency.key, False
    if config.throttle is not None:
        yield "throttle.key", config.throttle.key, False
    if config.idempotency is not None:
        yield "idempotency", config.idempotency, False
    elif config.rate_limit is not None:
        yield "rateLimit.key", config.rate_limit.key, False
    if config.debounce is not None:
        yield "debounce.key", config.debounce.key, False
    if config.batch is not None:
        yield "batchEvents.key", config.batch.key, False
        yield "batchEvents.if", config.batch.condition, False
    yield "priority.run", config.priority, False
    if config.singleton is not None:
        yield "singleton.key", config.singleton.key, False
    for index, cancel in enumerate(config.cancel):
        yield f"cancel[{index}].if", cancel.condition, True


def _positive_ms(text: str | None) -> int | None:
    ms = 0 if text is None else duration_ms(text)
    return ms if ms > 0 else None


def _checkpoint_ms(value: str | int | None) -> int | None:
    if isinstance(value, str):
        return duration_ms(value)
    return None if value is None else value // _NS_PER_MS
