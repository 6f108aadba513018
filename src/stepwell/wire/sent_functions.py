"""Functions as SDKs send them, and how they become configurations.

The SDKs say the same in different ways: an unset text is absent, null or empty; a concurrency limit
is a number, an object, a list or two lists; retries stand with the function or with its step.
"""

import re
from typing import Annotated

import msgspec

from stepwell.wire.config import (
    Batch,
    CancelOn,
    Checkpoint,
    ConcurrencyLimit,
    ConcurrencyScope,
    ConfigProblem,
    CronTrigger,
    Debounce,
    EventTrigger,
    FunctionConfig,
    RateLimit,
    RunConcurrency,
    Singleton,
    SingletonMode,
    Throttle,
    Timeouts,
    Trigger,
)
from stepwell.wire.sdk_url import normalise_url

__all__ = ["SentFunction", "function_configs"]

#: The protocol's numbers have 64 bits; all that comes of them can be stored and compared.
_Int = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class _SentTrigger(msgspec.Struct, frozen=True):
    event: str = ""
    expression: str = ""
    cron: str = ""
    jitter: str = ""


class _SentRuntime(msgspec.Struct, frozen=True):
    url: str = ""


class _SentRetries(msgspec.Struct, frozen=True):
    attempts: _Int | None = None


class _SentStep(msgspec.Struct, frozen=True):
    name: str = ""
    runtime: _SentRuntime = _SentRuntime()
    retries: _SentRetries = _SentRetries()


class _SentLimit(msgspec.Struct, frozen=True):
    limit: _Int = 0
    key: str = ""
    scope: ConcurrencyScope = ConcurrencyScope.FUNCTION


class _SentConcurrency(_SentLimit, frozen=True):
    """One limit, or the two lists of the Go SDK."""

    fn: tuple[_SentLimit, ...] | None = None
    step: tuple[_SentLimit, ...] | None = None


class _SentRate(msgspec.Struct, frozen=True):
    limit: _Int = 0
    period: str = ""
    burst: _Int = 0
    key: str = ""


class _SentDebounce(msgspec.Struct, frozen=True):
    period: str = ""
    key: str = ""
    timeout: str = ""


class _SentBatch(msgspec.Struct, frozen=True, rename={"condition": "if", "size_max": "maxSize"}):
    size_max: _Int = 0
    timeout: str = ""
    key: str = ""
    condition: str = ""


class _SentPriority(msgspec.Struct, frozen=True):
    run: str = ""


class _SentCancel(msgspec.Struct, frozen=True, rename={"condition": "if"}):
    event: str = ""
    condition: str = ""
    timeout: str = ""


class _SentTimeouts(msgspec.Struct, frozen=True):
    start: str = ""
    finish: str = ""


class _SentSingleton(msgspec.Struct, frozen=True):
    mode: SingletonMode = SingletonMode.SKIP
    key: str = ""


class SentFunction(msgspec.Struct, frozen=True, rename="camel"):
    """One entry of `functions`, with the type of each value checked and nothing else."""

    id: str = ""
    name: str = ""
    triggers: tuple[_SentTrigger, ...] = ()
    steps: dict[str, _SentStep] = {}
    retries: _Int | None = None
    concurrency: _Int | _SentConcurrency | tuple[_SentLimit, ...] | None = None
    throttle: _SentRate | None = None
    rate_limit: _SentRate | None = None
    idempotency: str = ""
    debounce: _SentDebounce | None = None
    batch_events: _SentBatch | None = None
    priority: _SentPriority = _SentPriority()
    cancel: tuple[_SentCancel, ...] = ()
    timeouts: _SentTimeouts | None = None
    singleton: _SentSingleton | None = None
    checkpoint: Checkpoint | None = None


def function_configs(
    sent: tuple[SentFunction, ...],
) -> tuple[tuple[FunctionConfig, ...], tuple[ConfigProblem, ...]]:
    """The configurations, and what is wrong with the functions that these cannot express.

    Source: SDK protocol, 4.4; flow control, 1.1.
    """
    problems = tuple(problem for function in sent for problem in _shape_problems(function))
    return tuple(_config(function) for function in sent), problems


def _shape_problems(sent: SentFunction) -> list[ConfigProblem]:
    slug = _slug(sent)
    problems = [
        ConfigProblem(
            slug, f"triggers[{index}]", "config_invalid", "A trigger is an event or a cron schedule"
        )
        for index, trigger in enumerate(sent.triggers)
        if trigger.event and trigger.cron
    ]
    if len(sent.steps) != 1:
        problems.append(
            ConfigProblem(
                slug,
                "steps",
                "config_invalid",
                f"A function has exactly one step, not {len(sent.steps)}",
            )
        )
    problems += [
        ConfigProblem(slug, f"steps.{key}.name", "config_invalid", "A step name is required")
        for key, step in sent.steps.items()
        if not step.name
    ]
    if isinstance(sent.concurrency, _SentConcurrency) and len(sent.concurrency.fn or ()) > 1:
        problems.append(
            ConfigProblem(
                slug,
                "concurrency.fn",
                "concurrency_limit_invalid",
                "Only one function concurrency limit is allowed",
            )
        )
    return problems


def _config(sent: SentFunction) -> FunctionConfig:
    step = next(iter(sent.steps.values()), _SentStep())
    attempts = step.retries.attempts
    return FunctionConfig(
        slug=_slug(sent),
        name=sent.name,
        url=normalise_url(step.runtime.url),
        triggers=tuple(_trigger(trigger) for trigger in sent.triggers),
        retries=sent.retries if attempts is None else attempts,
        concurrency=_concurrency(sent.concurrency),
        run_concurrency=_run_concurrency(sent.concurrency),
        throttle=_throttle(sent.throttle),
        rate_limit=_rate_limit(sent.rate_limit),
        idempotency=sent.idempotency or None,
        debounce=_debounce(sent.debounce),
        batch=_batch(sent.batch_events),
        priority=sent.priority.run or None,
        cancel=tuple(_cancel(cancel) for cancel in sent.cancel),
        timeouts=_timeouts(sent.timeouts),
        singleton=_singleton(sent.singleton),
        checkpoint=_checkpoint(sent.checkpoint),
    )


def _slug(sent: SentFunction) -> str:
    return sent.id or re.sub(r"[^a-z0-9]+", "-", sent.name.lower()).strip("-")


def _trigger(sent: _SentTrigger) -> Trigger:
    if sent.cron:
        return CronTrigger(cron=sent.cron, jitter=sent.jitter or None)
    return EventTrigger(event=sent.event, expression=sent.expression or None)


def _concurrency(
    sent: int | _SentConcurrency | tuple[_SentLimit, ...] | None,
) -> tuple[ConcurrencyLimit, ...]:
    match sent:
        case None:
            limits: tuple[_SentLimit, ...] = ()
        case int():
            limits = (_SentLimit(sent),)
        case _SentConcurrency(fn=None, step=None):
            limits = (sent,)
        case _SentConcurrency():
            limits = sent.step or ()
        case _:
            limits = sent
    return tuple(
        ConcurrencyLimit(limit=limit.limit, key=limit.key or None, scope=limit.scope)
        for limit in limits
    )


def _run_concurrency(
    sent: int | _SentConcurrency | tuple[_SentLimit, ...] | None,
) -> RunConcurrency | None:
    if not isinstance(sent, _SentConcurrency) or not sent.fn:
        return None
    return RunConcurrency(limit=sent.fn[0].limit, key=sent.fn[0].key or None)


def _throttle(sent: _SentRate | None) -> Throttle | None:
    if sent is None:
        return None
    # The protocol says that no limit, or 0, is 1.
    return Throttle(
        limit=sent.limit or 1, period=sent.period, burst=sent.burst, key=sent.key or None
    )


def _rate_limit(sent: _SentRate | None) -> RateLimit | None:
    if sent is None:
        return None
    return RateLimit(limit=sent.limit, period=sent.period, key=sent.key or None)


def _debounce(sent: _SentDebounce | None) -> Debounce | None:
    if sent is None:
        return None
    return Debounce(period=sent.period, key=sent.key or None, timeout=sent.timeout or None)


def _batch(sent: _SentBatch | None) -> Batch | None:
    if sent is None:
        return None
    return Batch(
        size_max=sent.size_max,
        timeout=sent.timeout,
        key=sent.key or None,
        condition=sent.condition or None,
    )


def _cancel(sent: _SentCancel) -> CancelOn:
    # TypeScript sends an empty timeout where it could not read the one it was given.
    return CancelOn(
        event=sent.event, condition=sent.condition or None, timeout=sent.timeout or None
    )


def _timeouts(sent: _SentTimeouts | None) -> Timeouts | None:
    if sent is None:
        return None
    return Timeouts(start=sent.start or None, finish=sent.finish or None)


def _singleton(sent: _SentSingleton | None) -> Singleton | None:
    return None if sent is None else Singleton(mode=sent.mode, key=sent.key or None)


def _checkpoint(sent: Checkpoint | None) -> Checkpoint | None:
    if sent is None:
        return None
    return Checkpoint(
        batch_steps=sent.batch_steps,
        batch_interval=None if sent.batch_interval == "" else sent.batch_interval,
        max_runtime=None if sent.max_runtime == "" else sent.max_runtime,
    )
