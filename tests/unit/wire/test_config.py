"""Function configurations: derived values, stored form, expressions."""

import msgspec
import pytest

from stepwell.wire.config import (
    Batch,
    CancelOn,
    Checkpoint,
    ConcurrencyLimit,
    ConcurrencyScope,
    ConfigExpression,
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
    expressions_of,
)

NOW_MS = 1_762_160_000_000
YEAR_MS = 365 * 86_400_000

MINIMAL = FunctionConfig(slug="shop-charge", name="Charge", url="http://localhost:8000/api")
COMPLETE = FunctionConfig(
    slug="shop-charge",
    name="Charge",
    url="http://localhost:8000/api",
    triggers=(
        EventTrigger(event="shop/paid", expression="event.data.a"),
        EventTrigger(event="shop/*"),
        CronTrigger(cron="TZ=Europe/Rome 0 4 * * *", jitter="30s"),
    ),
    retries=0,
    concurrency=(
        ConcurrencyLimit(limit=2, key="event.data.b", scope=ConcurrencyScope.ACCOUNT),
        ConcurrencyLimit(limit=5),
    ),
    run_concurrency=RunConcurrency(limit=1, key="event.data.c"),
    throttle=Throttle(limit=1, period="1m", burst=2, key="event.data.d"),
    rate_limit=RateLimit(limit=1, period="1h", key="event.data.e"),
    debounce=Debounce(period="10s", key="event.data.g", timeout="5m"),
    batch=Batch(size_max=10, timeout="30s", key="event.data.h", condition="event.data.i"),
    priority="event.data.j",
    cancel=(CancelOn(event="shop/void", condition="async.data.k == event.data.k", timeout="2h"),),
    timeouts=Timeouts(start="10m", finish="1d"),
    singleton=Singleton(mode=SingletonMode.CANCEL, key="event.data.l"),
    checkpoint=Checkpoint(batch_steps=3, batch_interval="2s", max_runtime=60_000_000_000),
)


@pytest.mark.parametrize("config", [MINIMAL, COMPLETE])
def test_a_stored_configuration_is_read_back(config: FunctionConfig) -> None:
    stored = msgspec.json.encode(config)
    assert msgspec.json.decode(stored, type=FunctionConfig) == config


def test_what_was_not_configured_is_not_stored() -> None:
    assert msgspec.json.encode(MINIMAL) == (
        b'{"slug":"shop-charge","name":"Charge","url":"http://localhost:8000/api"}'
    )


@pytest.mark.parametrize(
    ("retries", "attempts_max"), [(None, 5), (0, 1), (1, 2), (20, 21), (21, 21), (1000, 21)]
)
def test_attempts_are_retries_and_the_first_try(retries: int | None, attempts_max: int) -> None:
    assert msgspec.structs.replace(MINIMAL, retries=retries).attempts_max == attempts_max


def test_idempotency_replaces_the_rate_limit() -> None:
    assert MINIMAL.effective_rate_limit is None
    assert COMPLETE.effective_rate_limit == COMPLETE.rate_limit
    idempotent = msgspec.structs.replace(COMPLETE, idempotency="event.data.id")
    assert idempotent.effective_rate_limit == RateLimit(limit=1, period="24h", key="event.data.id")


def test_durations_are_derived_in_milliseconds() -> None:
    assert COMPLETE.throttle is not None
    assert COMPLETE.throttle.period_ms == 60_000
    assert COMPLETE.rate_limit is not None
    assert COMPLETE.rate_limit.period_ms == 3_600_000
    assert COMPLETE.debounce is not None
    assert COMPLETE.debounce.period_ms == 10_000
    assert COMPLETE.debounce.timeout_ms == 300_000
    assert Debounce(period="1s").timeout_ms is None
    assert COMPLETE.batch is not None
    assert COMPLETE.batch.timeout_ms == 30_000
    # The Python SDK sends a timeout of one day so, although Go could not read it.
    assert Batch(size_max=2, timeout="1d").timeout_ms == 86_400_000
    assert CronTrigger(cron="* * * * *").jitter_ms == 0
    assert CronTrigger(cron="* * * * *", jitter="30s").jitter_ms == 30_000


def test_timeouts_that_are_not_positive_set_no_bound() -> None:
    assert Timeouts(start="10m", finish="1d").start_ms == 600_000
    assert Timeouts(start="10m", finish="1d").finish_ms == 86_400_000
    assert Timeouts(start="0s", finish="-1h").start_ms is None
    assert Timeouts(start="0s", finish="-1h").finish_ms is None
    assert Timeouts().start_ms is None


def test_checkpoint_durations_are_texts_or_nanoseconds() -> None:
    assert COMPLETE.checkpoint is not None
    assert COMPLETE.checkpoint.batch_interval_ms == 2_000
    assert COMPLETE.checkpoint.max_runtime_ms == 60_000
    assert Checkpoint().max_runtime_ms is None


@pytest.mark.parametrize(
    ("timeout", "expires_ms"),
    [
        (None, NOW_MS + YEAR_MS),
        ("2h", NOW_MS + 7_200_000),
        ("365d", NOW_MS + YEAR_MS),
        ("366d", NOW_MS + YEAR_MS),
        ("2025-11-03T09:53:21.500Z", 1_762_163_601_500),
        ("2099-01-01T00:00:00Z", NOW_MS + YEAR_MS),
    ],
)
def test_a_cancellation_expires_within_a_year(timeout: str | None, expires_ms: int) -> None:
    assert CancelOn(event="e", timeout=timeout).expires_ms(NOW_MS) == expires_ms


def test_all_expressions_are_listed_with_their_variables() -> None:
    assert expressions_of(COMPLETE) == [
        ConfigExpression("triggers[0].expression", "event.data.a", "event"),
        ConfigExpression("concurrency[0].key", "event.data.b", "event"),
        ConfigExpression("concurrency.fn[0].key", "event.data.c", "event"),
        ConfigExpression("throttle.key", "event.data.d", "event"),
        ConfigExpression("rateLimit.key", "event.data.e", "event"),
        ConfigExpression("debounce.key", "event.data.g", "event"),
        ConfigExpression("batchEvents.key", "event.data.h", "event"),
        ConfigExpression("batchEvents.if", "event.data.i", "event"),
        ConfigExpression("priority.run", "event.data.j", "event"),
        ConfigExpression("singleton.key", "event.data.l", "event"),
        ConfigExpression("cancel[0].if", "async.data.k == event.data.k", "event+async"),
    ]
    assert expressions_of(MINIMAL) == []


def test_a_replaced_rate_limit_has_no_expression_in_force() -> None:
    idempotent = msgspec.structs.replace(COMPLETE, idempotency="event.data.id")
    fields = {use.field: use.expression for use in expressions_of(idempotent)}
    assert fields["idempotency"] == "event.data.id"
    assert "rateLimit.key" not in fields
