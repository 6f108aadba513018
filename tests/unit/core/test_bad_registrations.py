"""Whatever an app registers is refused with reasons, or works: nothing in between."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell.core.function_rules import EXPRESSIONS_CHARS_MAX, PROBLEMS_MAX, problems_of
from stepwell.core.gcra import rate_limit, throttle
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID
from stepwell.core.moment import Moment
from stepwell.core.registration import KnownApps, Registration, register
from stepwell.wire.config import ConfigProblem, CronTrigger, FunctionConfig
from stepwell.wire.registration import RegisterInvalid, RegisterRequest, parse_register
from tests.unit.core.admission_world import AdmissionWorld, limited
from tests.unit.core.any_registration import any_function, any_json, registration
from tests.unit.core.core_world import START_MS, CountedIds

_INT64 = range(-(2**63), 2**63)
_OPTIONS = (
    *("concurrency", "run_concurrency", "throttle", "rate_limit", "idempotency", "debounce"),
    *("batch", "priority", "cancel", "timeouts", "singleton"),
)
_STEP = {"name": "step", "runtime": {"url": "http://app/api"}}


def parsed(*functions: Any) -> RegisterRequest:
    return parse_register(msgspec.json.encode(registration(*functions)))


def function(**changes: Any) -> dict[str, Any]:
    return {"id": "shop-f", "name": "F", "steps": {"step": _STEP}} | changes


def registered(*functions: Any) -> Registration:
    at = Moment(START_MS, CountedIds())
    request = parsed(*functions)
    return register(request, KnownApps(), environment_id=DEFAULT_ENVIRONMENT_ID, at=at)


def problems(*functions: Any) -> list[ConfigProblem]:
    refusal = registered(*functions).refusal
    return [] if refusal is None else list(refusal.problems)


def check_derived_values(config: FunctionConfig) -> None:
    """Everything that is calculated from a configuration has a value that can be stored."""
    times = [trigger.jitter_ms for trigger in config.triggers if isinstance(trigger, CronTrigger)]
    times += [cancel.expires_ms(START_MS) for cancel in config.cancel]
    if config.throttle is not None:
        option = config.throttle
        gcra = throttle(option.limit, option.period_ms, option.burst)
        times += [gcra.interval_ns, START_MS * 1_000_000 + gcra.interval_ns + gcra.tolerance_ns]
    if config.effective_rate_limit is not None:
        limit = config.effective_rate_limit
        times.append(START_MS * 1_000_000 + rate_limit(limit.limit, limit.period_ms).tolerance_ns)
    if config.debounce is not None:
        times += [config.debounce.period_ms, START_MS + (config.debounce.timeout_ms or 0)]
    if config.batch is not None:
        times.append(START_MS + config.batch.timeout_ms)
    if config.timeouts is not None:
        times += [START_MS + (config.timeouts.start_ms or 0)]
        times += [START_MS + (config.timeouts.finish_ms or 0)]
    assert all(time in _INT64 for time in times)
    assert 1 <= config.attempts_max <= 21
    if config.checkpoint is not None:
        assert isinstance(config.checkpoint.batch_interval_ms, int | None)
        assert isinstance(config.checkpoint.max_runtime_ms, int | None)
    assert msgspec.json.decode(msgspec.json.encode(config), type=FunctionConfig) == config


@settings(max_examples=150, deadline=None)
@given(any_function, st.dictionaries(st.sampled_from(["a", "b"]), any_json))
def test_any_function_is_refused_with_reasons_or_works(
    described: dict[str, Any], data: dict[str, Any]
) -> None:
    """A registration raises nothing but its own error, and what is stored decides about events."""
    try:
        outcome = registered(described)
    except RegisterInvalid:
        return
    if outcome.refusal is not None:
        assert outcome.refusal.message == "At least one function is invalid"
        assert all(all(msgspec.structs.astuple(problem)) for problem in outcome.refusal.problems)
        assert not outcome.transition.functions
        return
    (stored,) = outcome.transition.functions
    check_derived_values(stored.config)

    options = {name: getattr(stored.config, name) for name in _OPTIONS}
    world = AdmissionWorld(limited(**options))
    for _ in range(3):
        world.arrive(data)
    world.pass_ms(10_000)
    world.check_each_event_once()


@settings(max_examples=100, deadline=None)
@given(any_json)
def test_any_json_is_refused_or_registered(body: Any) -> None:
    for value in (body, registration(body), {"appName": "shop", "functions": body}):
        try:
            request = parse_register(msgspec.json.encode(value))
        except RegisterInvalid:
            continue
        assert all(problem.message for problem in problems_of(request))


@pytest.mark.parametrize("text", ['"\\ud800"', '"\\udfff"', "1e400", "01", "NaN", "{", '"\xff"'])
def test_what_is_no_json_is_refused(text: str) -> None:
    body = f'{{"appName":"shop","functions":[{{"id":{text}}}]}}'
    with pytest.raises(RegisterInvalid):
        parse_register(body.encode("latin-1"))


#: Each place of an expression, with the code of what is wrong there.
_PLACES: dict[str, tuple[dict[str, Any], str]] = {
    "triggers[0].expression": ({"triggers": [{"event": "e", "expression": "X"}]}, "config_invalid"),
    "concurrency[1].key": ({"concurrency": [{}, {"limit": 1, "key": "X"}]}, "config_invalid"),
    "concurrency.fn[0].key": (
        {"concurrency": {"fn": [{"limit": 1, "key": "X"}]}},
        "config_invalid",
    ),
    "throttle.key": ({"throttle": {"limit": 1, "period": "1s", "key": "X"}}, "config_invalid"),
    "rateLimit.key": ({"rateLimit": {"limit": 1, "period": "1s", "key": "X"}}, "config_invalid"),
    "idempotency": ({"idempotency": "X"}, "config_invalid"),
    "debounce.key": ({"debounce": {"period": "1s", "key": "X"}}, "config_invalid"),
    "batchEvents.key": (
        {"batchEvents": {"maxSize": 2, "timeout": "1s", "key": "X"}},
        "batch_key_expression_invalid",
    ),
    "batchEvents.if": (
        {"batchEvents": {"maxSize": 2, "timeout": "1s", "if": "X"}},
        "batch_if_expression_invalid",
    ),
    "priority.run": ({"priority": {"run": "X"}}, "config_invalid"),
    "singleton.key": ({"singleton": {"key": "X"}}, "config_invalid"),
    "cancel[0].if": ({"cancel": [{"event": "e", "if": "X"}]}, "config_invalid"),
}
_BAD_EXPRESSIONS = {
    "event.data.": "syntax",
    "nowhere.data.a == 'b'": "undeclared reference",
    "event.data.a == nothing(1)": "undeclared reference",
    "'" + "a" * 9_000 + "' == event.data.a": "8192 are allowed",
    "(" * 40 + "event.data.a" + ")" * 40: "",
    "event.data.a \0": "token recognition error",
}


def _with_expression(value: Any, expression: str) -> Any:
    if isinstance(value, dict):
        return {key: _with_expression(member, expression) for key, member in value.items()}
    if isinstance(value, list):
        return [_with_expression(member, expression) for member in value]
    return expression if value == "X" else value


@pytest.mark.parametrize("field", _PLACES)
@pytest.mark.parametrize("number", range(len(_BAD_EXPRESSIONS)))
def test_an_expression_that_does_not_compile_is_refused_in_each_place(
    field: str, number: int
) -> None:
    expression, words = list(_BAD_EXPRESSIONS.items())[number]
    options, code = _PLACES[field]
    (problem,) = problems(function(**_with_expression(options, expression)))
    assert (problem.function, problem.field, problem.code) == ("shop-f", field, code)
    assert problem.message.startswith(f"The expression of {field} is invalid: ")
    assert words in problem.message.lower()


@pytest.mark.parametrize("field", [field for field in _PLACES if not field.startswith("cancel")])
def test_only_cancellations_see_a_second_event(field: str) -> None:
    options, _ = _PLACES[field]
    (problem,) = problems(function(**_with_expression(options, "async.data.a == event.data.a")))
    assert "async" in problem.message


@pytest.mark.parametrize(
    "condition",
    ["async.data.items.exists(i, i > 1.0)", "size(async.data.items) == 1", "has(event.a)"],
)
def test_a_cancellation_takes_comparisons_only(condition: str) -> None:
    (problem,) = problems(function(cancel=[{"event": "e", "if": condition}]))
    assert (problem.field, problem.code) == ("cancel[0].if", "config_invalid")


@pytest.mark.parametrize(
    "cron",
    ["@daily", "* * * *", "* * * * * *", "60 * * * *", "* * * * 7", "*/0 * * * *", "5-1 * * * *"],
)
def test_a_schedule_that_is_none_is_refused(cron: str) -> None:
    (problem,) = problems(function(triggers=[{"cron": cron}]))
    assert (problem.field, problem.code) == ("triggers[0].cron", "schedule_invalid")


def test_a_bad_function_is_told_from_the_good_ones() -> None:
    found = problems(function(id="a"), function(id="b", throttle={}), function(id="c"))
    assert [(problem.function, problem.field) for problem in found] == [("b", "throttle.period")]


class TestAmounts:
    """What is too much is found out in passing: a registration must not hold up everything else."""

    def test_one_with_countless_objects_is_not_looked_at(self) -> None:
        body = b'{"functions":[' + b"{}," * 250_000 + b"{}]}"
        with pytest.raises(RegisterInvalid, match="register several smaller apps"):
            parse_register(body)

    def test_entries_beyond_the_bound_are_counted_and_not_read(self) -> None:
        found = problems(
            function(
                triggers=[{"cron": "x"}] * 10_000,
                concurrency=[{"limit": -1}] * 10_000,
                cancel=[{"event": ""}] * 10_000,
            )
        )
        assert len(found) < PROBLEMS_MAX
        messages = [problem.message for problem in found]
        assert "A function has at most 10 triggers, not 10000" in messages
        assert "A function has at most 5 cancellations, not 10000" in messages

    def test_expressions_have_a_bound_together(self) -> None:
        """Only different ones count: they are what is compiled."""
        key = "event.data." + "a" * 500
        same = [function(id=f"f{n}", idempotency=key) for n in range(600)]
        assert problems(*same) == []
        different = [function(id=f"f{n}", idempotency=f"{key}{n}") for n in range(600)]
        (problem,) = problems(*different)
        assert (problem.field, problem.code) == ("idempotency", "config_invalid")
        assert str(EXPRESSIONS_CHARS_MAX) in problem.message

    def test_a_refusal_stays_short_however_long_what_it_quotes(self) -> None:
        step = {"name": "", "runtime": {"url": "ftp://" + "u" * 100_000}}
        outcome = registered(function(id="i" * 100_000, name="", steps={"k" * 100_000: step}))
        assert outcome.refusal is not None
        assert len(msgspec.json.encode(outcome.refusal.problems)) < 100_000
        assert outcome.app is not None
        assert len(outcome.app.error_detail) < 100_000

    def test_the_name_of_an_app_has_a_bound(self) -> None:
        at = Moment(START_MS, CountedIds())
        for chars, is_refused in ((1024, False), (1025, True)):
            request = RegisterRequest(app_name="a" * chars, url="")
            outcome = register(request, KnownApps(), environment_id=DEFAULT_ENVIRONMENT_ID, at=at)
            assert (outcome.refusal is not None) is is_refused
            assert bool(outcome.transition.apps) is not is_refused
