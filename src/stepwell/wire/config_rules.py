"""The rules for registered functions that need neither an expression nor a cron parser.

One function per option; each yields what is wrong with the option it knows. The reference refuses
some values only when a run fails on them (a throttle period of 500 ms, an unreadable timeout);
here they are refused at once. Official SDKs never send them.

Source: SDK protocol, 4.4; execution semantics, 1.10; flow control, 1.4.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from stepwell.wire.config import (
    ConcurrencyScope,
    ConfigProblem,
    CronTrigger,
    EventTrigger,
    FunctionConfig,
    Throttle,
)
from stepwell.wire.durations import DurationInvalid, deadline_ms, duration_ms
from stepwell.wire.registration import RegisterRequest
from stepwell.wire.sdk_url import has_sdk_url_scheme

__all__ = [
    "CANCELS_MAX",
    "CONCURRENCY_LIMITS_MAX",
    "TRIGGERS_MAX",
    "TRIGGER_TEXT_CHARS_MAX",
    "expression_problem_code",
    "validate",
]

TRIGGERS_MAX = 10
TRIGGER_TEXT_CHARS_MAX = 255
CONCURRENCY_LIMITS_MAX = 2
CANCELS_MAX = 5
_BATCH_SIZE_MIN = 2
_NAME_CHARS_MAX = 1024
_URL_CHARS_MAX = 8192

_SECOND_MS = 1_000
_DAY_MS = 86_400_000
_JITTER_MAX_MS = 300_000
_THROTTLE_PERIOD_MAX_MS = 7 * _DAY_MS
_RATE_LIMIT_PERIOD_MAX_MS = _DAY_MS
_DEBOUNCE_PERIOD_MAX_MS = 7 * _DAY_MS
#: A burst lets runs start that would have their turn later; nobody means later than this.
_BURST_AHEAD_MAX_MS = 100 * 365 * _DAY_MS

_INVALID = "config_invalid"


class _Fault(NamedTuple):
    """A problem whose function is not named yet."""

    field: str
    code: str
    message: str


def validate(request: RegisterRequest) -> list[ConfigProblem]:
    """Everything that is wrong with the functions of a registration; empty if nothing is.

    A single problem is a reason to refuse the whole registration. Still to be checked are the
    expressions (see `expressions_of`) and the cron schedules.
    """
    problems = list(request.problems)
    for function in request.functions:
        problems += [
            ConfigProblem(function.slug, fault.field, fault.code, fault.message)
            for rule in _RULES
            for fault in rule(function)
        ]
    count_by_slug = Counter(function.slug for function in request.functions)
    problems += [
        ConfigProblem(slug, "id", _INVALID, f"The function id '{slug}' is used {count} times")
        for slug, count in count_by_slug.items()
        if count > 1
    ]
    return problems


def expression_problem_code(field: str) -> str:
    """The code for an expression that does not compile, by the field it stands in."""
    return {
        "batchEvents.key": "batch_key_expression_invalid",
        "batchEvents.if": "batch_if_expression_invalid",
    }.get(field, _INVALID)


def _identity(function: FunctionConfig) -> Iterator[_Fault]:
    if not function.slug:
        yield _Fault("id", _INVALID, "A function id is required")
    if not function.name:
        yield _Fault("name", _INVALID, "A function name is required")
    for field, what, text, chars_max in (
        ("id", "A function id", function.slug, _NAME_CHARS_MAX),
        ("name", "A function name", function.name, _NAME_CHARS_MAX),
        ("steps.step.runtime.url", "An SDK URL", function.url, _URL_CHARS_MAX),
    ):
        if len(text) > chars_max:
            yield _Fault(field, _INVALID, f"{what} has at most {chars_max} characters")
    if not function.url:
        yield _Fault(
            "steps.step.runtime.url",
            _INVALID,
            f"No SDK URL provided for function '{function.name or function.slug}'",
        )
    elif not has_sdk_url_scheme(function.url):
        yield _Fault(
            "steps.step.runtime.url",
            _INVALID,
            f"The SDK URL '{function.url}' is not an http, https, ws or wss URL with a host",
        )
    if function.retries is not None and function.retries < 0:
        yield _Fault("retries", _INVALID, "The number of retries must not be negative")


def _triggers(function: FunctionConfig) -> Iterator[_Fault]:
    if len(function.triggers) > TRIGGERS_MAX:
        yield _Fault(
            "triggers",
            _INVALID,
            f"A function has at most {TRIGGERS_MAX} triggers, not {len(function.triggers)}",
        )
    seen: set[object] = set()
    for index, trigger in enumerate(function.triggers[:TRIGGERS_MAX]):
        field = f"triggers[{index}]"
        if isinstance(trigger, EventTrigger):
            yield from _event_trigger(field, trigger)
        else:
            yield from _cron_trigger(field, trigger)
        # Two schedules with the same times are one schedule, whatever their jitter.
        identity = trigger.cron if isinstance(trigger, CronTrigger) else trigger
        if identity in seen:
            yield _Fault(field, _INVALID, "The same trigger is given twice")
        seen.add(identity)


def _event_trigger(field: str, trigger: EventTrigger) -> Iterator[_Fault]:
    if not trigger.event:
        yield _Fault(
            f"{field}.event", "event_name_invalid", "A trigger needs an event name or a schedule"
        )
    if len(trigger.event) > TRIGGER_TEXT_CHARS_MAX:
        yield _Fault(
            f"{field}.event",
            "event_name_invalid",
            f"An event name has at most {TRIGGER_TEXT_CHARS_MAX} characters",
        )


def _cron_trigger(field: str, trigger: CronTrigger) -> Iterator[_Fault]:
    if len(trigger.cron) > TRIGGER_TEXT_CHARS_MAX:
        yield _Fault(
            f"{field}.cron",
            "schedule_invalid",
            f"A cron schedule has at most {TRIGGER_TEXT_CHARS_MAX} characters",
        )
    if trigger.jitter is not None:
        yield from _between(
            f"{field}.jitter",
            trigger.jitter,
            max_ms=_JITTER_MAX_MS,
            code="schedule_invalid",
            range_text="The jitter must be between 1s and 5m",
        )


def _concurrency(function: FunctionConfig) -> Iterator[_Fault]:
    code = "concurrency_limit_invalid"
    if len(function.concurrency) > CONCURRENCY_LIMITS_MAX:
        yield _Fault(
            "concurrency",
            code,
            f"There are more concurrency limits than the allowed max of: {CONCURRENCY_LIMITS_MAX}",
        )
    for index, limit in enumerate(function.concurrency[:CONCURRENCY_LIMITS_MAX]):
        if limit.limit < 0:
            yield _Fault(
                f"concurrency[{index}].limit", code, "A concurrency limit must not be negative"
            )
        if limit.key is None and limit.scope is not ConcurrencyScope.FUNCTION:
            yield _Fault(
                f"concurrency[{index}].key",
                code,
                f"A concurrency key must be specified for {limit.scope} scoped limits",
            )
    if function.run_concurrency is not None and function.run_concurrency.limit <= 0:
        yield _Fault(
            "concurrency.fn[0].limit", code, "A function concurrency limit must be greater than 0"
        )


def _throttle(function: FunctionConfig) -> Iterator[_Fault]:
    throttle = function.throttle
    if throttle is None:
        return
    if throttle.limit < 0:
        yield _Fault("throttle.limit", _INVALID, "A throttle limit must not be negative")
    if throttle.burst < 0:
        yield _Fault("throttle.burst", _INVALID, "A throttle burst must not be negative")
    yield from _between(
        "throttle.period",
        throttle.period,
        max_ms=_THROTTLE_PERIOD_MAX_MS,
        range_text="The throttle period must be between 1s and 7d",
    )
    yield from _burst(throttle)


def _burst(throttle: Throttle) -> Iterator[_Fault]:
    try:
        period_ms = throttle.period_ms
    except DurationInvalid:
        return
    if throttle.limit > 0 and 0 < period_ms <= _THROTTLE_PERIOD_MAX_MS:
        burst_max = _BURST_AHEAD_MAX_MS * throttle.limit // period_ms
        if throttle.burst > burst_max:
            yield _Fault(
                "throttle.burst",
                _INVALID,
                "The throttle burst must not be more than what starts in 100 years, which is"
                f" {burst_max}",
            )


def _rate_limit(function: FunctionConfig) -> Iterator[_Fault]:
    # `idempotency` replaces whatever was given, so that is not looked at.
    rate = function.effective_rate_limit
    if rate is None:
        return
    if rate.limit <= 0:
        yield _Fault("rateLimit.limit", _INVALID, "A rate limit must be greater than 0")
    yield from _between(
        "rateLimit.period",
        rate.period,
        max_ms=_RATE_LIMIT_PERIOD_MAX_MS,
        range_text="The rate limit period must be between 1s and 24h",
    )


def _debounce(function: FunctionConfig) -> Iterator[_Fault]:
    debounce = function.debounce
    if debounce is None:
        return
    yield from _between(
        "debounce.period",
        debounce.period,
        max_ms=_DEBOUNCE_PERIOD_MAX_MS,
        range_text="The debounce period must be between 1s and 7d",
    )
    if debounce.timeout is not None:
        yield from _readable("debounce.timeout", debounce.timeout)


def _batch(function: FunctionConfig) -> Iterator[_Fault]:
    batch = function.batch
    if batch is None:
        return
    if batch.size_max < _BATCH_SIZE_MIN:
        yield _Fault(
            "batchEvents.maxSize",
            "batch_size_invalid",
            f"A batch holds at least {_BATCH_SIZE_MIN} events, not {batch.size_max}",
        )
    yield from _between(
        "batchEvents.timeout",
        batch.timeout,
        max_ms=None,
        code="batch_timeout_invalid",
        range_text="The batch timeout must be at least 1s",
    )
    excluded = {
        "cancel": ("Cancel", bool(function.cancel)),
        "debounce": ("Debounce", function.debounce is not None),
        "singleton": ("Singleton", function.singleton is not None),
        "priority.run": ("Priority.Run", function.priority is not None),
    }
    for field, (option, is_given) in excluded.items():
        if is_given:
            yield _Fault(
                field,
                "combo_unsupported",
                f"A function cannot specify {option} and Batch together",
            )


def _cancel(function: FunctionConfig) -> Iterator[_Fault]:
    if len(function.cancel) > CANCELS_MAX:
        yield _Fault(
            "cancel",
            _INVALID,
            f"A function has at most {CANCELS_MAX} cancellations, not {len(function.cancel)}",
        )
    for index, cancel in enumerate(function.cancel[:CANCELS_MAX]):
        if not cancel.event:
            yield _Fault(
                f"cancel[{index}].event",
                "event_name_invalid",
                "A cancellation needs an event name",
            )
        if len(cancel.event) > TRIGGER_TEXT_CHARS_MAX:
            yield _Fault(
                f"cancel[{index}].event",
                "event_name_invalid",
                f"An event name has at most {TRIGGER_TEXT_CHARS_MAX} characters",
            )
        try:
            deadline_ms(cancel.timeout or "", 0)
        except DurationInvalid as invalid:
            yield _Fault(f"cancel[{index}].timeout", _INVALID, str(invalid))


def _timeouts(function: FunctionConfig) -> Iterator[_Fault]:
    if function.timeouts is None:
        return
    if function.timeouts.start is not None:
        yield from _readable("timeouts.start", function.timeouts.start)
    if function.timeouts.finish is not None:
        yield from _readable("timeouts.finish", function.timeouts.finish)


def _checkpoint(function: FunctionConfig) -> Iterator[_Fault]:
    if function.checkpoint is None:
        return
    if isinstance(function.checkpoint.batch_interval, str):
        yield from _readable("checkpoint.batch_interval", function.checkpoint.batch_interval)
    if isinstance(function.checkpoint.max_runtime, str):
        yield from _readable("checkpoint.max_runtime", function.checkpoint.max_runtime)


def _readable(field: str, text: str, code: str = _INVALID) -> Iterator[_Fault]:
    try:
        duration_ms(text)
    except DurationInvalid as invalid:
        yield _Fault(field, code, str(invalid))


def _between(
    field: str, text: str, *, max_ms: int | None, range_text: str, code: str = _INVALID
) -> Iterator[_Fault]:
    """A duration of at least a second and at most `max_ms`."""
    try:
        ms = duration_ms(text)
    except DurationInvalid as invalid:
        yield _Fault(field, code, str(invalid))
        return
    if ms < _SECOND_MS or (max_ms is not None and ms > max_ms):
        yield _Fault(field, code, f"{range_text}, not {text}")


_RULES: tuple[Callable[[FunctionConfig], Iterator[_Fault]], ...] = (
    _identity,
    _triggers,
    _concurrency,
    _throttle,
    _rate_limit,
    _debounce,
    _batch,
    _cancel,
    _timeouts,
    _checkpoint,
)
