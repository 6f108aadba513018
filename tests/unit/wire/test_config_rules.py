"""Each rule for functions, at its edge and beyond."""

from typing import Any

import msgspec
import pytest

from stepwell.wire.config import ConfigProblem
from stepwell.wire.config_rules import expression_problem_code, validate
from stepwell.wire.registration import parse_register


def step(**changes: Any) -> dict[str, Any]:
    runtime = {"type": "http", "url": "http://localhost:8000/api"}
    return {"id": "step", "name": "step", "runtime": runtime} | changes


def problems_of(*functions: dict[str, Any]) -> list[ConfigProblem]:
    described = [
        {"id": "shop-charge", "name": "Charge", "steps": {"step": step()}} | function
        for function in functions
    ]
    return validate(parse_register(msgspec.json.encode({"appName": "a", "functions": described})))


def events(count: int) -> list[dict[str, str]]:
    return [{"event": f"e{number}"} for number in range(count)]


BATCH = {"maxSize": 2, "timeout": "1s"}

VALID: list[dict[str, Any]] = [
    {},
    {"triggers": []},
    {"triggers": events(10)},
    {"triggers": [{"event": "e" * 255}]},
    {"triggers": [{"event": "e"}, {"event": "e", "expression": "x"}]},
    {"triggers": [{"cron": "0 * * * *", "jitter": "1s"}, {"cron": "1 * * * *", "jitter": "5m"}]},
    {"steps": {"step": step(runtime={"type": "ws", "url": "wss://connect?fnId=a"})}},
    {"retries": 0},
    {"retries": 1000},
    {"id": "i" * 1024, "name": "n" * 1024},
    {"concurrency": 0},
    {"concurrency": None},
    {"concurrency": {}},
    {"concurrency": {"limit": 1, "scope": None}},
    {"concurrency": 2**63 - 1},
    {"concurrency": [{"limit": 1}, {"limit": 2, "scope": "env", "key": "'x'"}]},
    {"concurrency": {"fn": [{"limit": 1}], "step": [{"limit": 1}]}},
    {"throttle": {"limit": 0, "period": "1s"}},
    {"throttle": {"limit": 1, "period": "7d", "burst": 5}},
    {"throttle": {"limit": 1, "period": "7d", "burst": 5_214}},
    {"throttle": {"limit": 10**9, "period": "1s", "burst": 10**9}},
    {"rateLimit": {"limit": 1, "period": "1s"}},
    {"rateLimit": {"limit": 1, "period": "24h"}},
    {"idempotency": "event.data.id", "rateLimit": {"limit": 0, "period": ""}},
    {"debounce": {"period": "1s", "timeout": "1h"}},
    {"debounce": {"period": "7d"}},
    {"debounce": {"period": "1m", "timeout": "10s"}},
    {"debounce": {"period": "1s", "timeout": "-1h"}},
    {"batchEvents": BATCH},
    {"batchEvents": {"maxSize": 10**9, "timeout": "2562047h"}},
    {"batchEvents": {"maxSize": 100_000, "timeout": "1d"}, "cancel": [], "priority": {}},
    {"batchEvents": BATCH, "idempotency": "event.data.id"},
    {"cancel": [{"event": "e", "timeout": timeout} for timeout in ("", "1d12h", "0s")]},
    {"cancel": [{"event": "e", "timeout": "2027-01-01T00:00:00.000Z"}] * 5},
    {"timeouts": {"start": "-1s", "finish": "0"}},
    {"timeouts": {"start": "2562047h", "finish": "15250w"}},
    {"singleton": {}},
    {"checkpoint": {"batch_interval": 5, "max_runtime": "1m"}},
]

REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"id": "", "name": ""}, "id", "config_invalid"),
    ({"name": ""}, "name", "config_invalid"),
    ({"id": "i" * 1025}, "id", "config_invalid"),
    ({"name": "n" * 1025}, "name", "config_invalid"),
    ({"steps": {}}, "steps", "config_invalid"),
    ({"steps": {"step": step(), "other": step()}}, "steps", "config_invalid"),
    ({"steps": {"step": step(name="")}}, "steps.step.name", "config_invalid"),
    ({"steps": {"step": step(runtime={})}}, "steps.step.runtime.url", "config_invalid"),
    (
        {"steps": {"step": step(runtime={"url": "ftp://host/x"})}},
        "steps.step.runtime.url",
        "config_invalid",
    ),
    *(
        (
            {"steps": {"step": step(runtime={"url": url})}},
            "steps.step.runtime.url",
            "config_invalid",
        )
        for url in ("http://host:99999/", "http://:80/", "http://a\0b/", "http://h/" + "x" * 8192)
    ),
    ({"retries": -1}, "retries", "config_invalid"),
    ({"triggers": events(11)}, "triggers", "config_invalid"),
    ({"triggers": [{"event": ""}]}, "triggers[0].event", "event_name_invalid"),
    ({"triggers": [{"expression": "x"}]}, "triggers[0].event", "event_name_invalid"),
    ({"triggers": [{"event": "e" * 256}]}, "triggers[0].event", "event_name_invalid"),
    ({"triggers": [{"event": "e", "cron": "* * * * *"}]}, "triggers[0]", "config_invalid"),
    ({"triggers": [{"event": "e"}, {"event": "e"}]}, "triggers[1]", "config_invalid"),
    (
        {"triggers": [{"cron": "* * * * *"}, {"cron": "* * * * *", "jitter": "5s"}]},
        "triggers[1]",
        "config_invalid",
    ),
    ({"triggers": [{"cron": "*" * 256}]}, "triggers[0].cron", "schedule_invalid"),
    *(
        (
            {"triggers": [{"cron": "* * * * *", "jitter": jitter}]},
            "triggers[0].jitter",
            "schedule_invalid",
        )
        for jitter in ("999ms", "5m1s", "-5s", "soon")
    ),
    ({"concurrency": [{"limit": 1}] * 3}, "concurrency", "concurrency_limit_invalid"),
    ({"concurrency": -1}, "concurrency[0].limit", "concurrency_limit_invalid"),
    (
        {"concurrency": {"limit": 1, "scope": "env"}},
        "concurrency[0].key",
        "concurrency_limit_invalid",
    ),
    (
        {"concurrency": [{"limit": 1}, {"limit": 1, "scope": "account", "key": ""}]},
        "concurrency[1].key",
        "concurrency_limit_invalid",
    ),
    (
        {"concurrency": {"fn": [{"limit": 1}, {"limit": 2}]}},
        "concurrency.fn",
        "concurrency_limit_invalid",
    ),
    ({"concurrency": {"fn": [{}]}}, "concurrency.fn[0].limit", "concurrency_limit_invalid"),
    ({"throttle": {"limit": -1, "period": "1s"}}, "throttle.limit", "config_invalid"),
    ({"throttle": {"burst": -1, "period": "1s"}}, "throttle.burst", "config_invalid"),
    ({"throttle": {"burst": 5_215, "period": "7d"}}, "throttle.burst", "config_invalid"),
    *(
        ({"throttle": {"limit": 1, "period": period}}, "throttle.period", "config_invalid")
        for period in ("", "0", "500ms", "7d1s", "1 minute", "5", "1e400h", "-1m", "99999999h")
    ),
    *(
        ({"rateLimit": {"limit": limit, "period": "1s"}}, "rateLimit.limit", "config_invalid")
        for limit in (0, -1)
    ),
    *(
        ({"rateLimit": {"limit": 1, "period": period}}, "rateLimit.period", "config_invalid")
        for period in ("", "500ms", "24h1s", "soon", "-1h")
    ),
    *(
        ({"debounce": {"period": period}}, "debounce.period", "config_invalid")
        for period in ("", "999ms", "168h1s", "soon", "-1h")
    ),
    ({"debounce": {}}, "debounce.period", "config_invalid"),
    ({"throttle": {}}, "throttle.period", "config_invalid"),
    ({"rateLimit": {}}, "rateLimit.limit", "config_invalid"),
    ({"rateLimit": {"limit": 1}}, "rateLimit.period", "config_invalid"),
    ({"batchEvents": {}}, "batchEvents.maxSize", "batch_size_invalid"),
    ({"batchEvents": {"maxSize": 5}}, "batchEvents.timeout", "batch_timeout_invalid"),
    ({"debounce": {"period": "1s", "timeout": "x"}}, "debounce.timeout", "config_invalid"),
    *(
        ({"batchEvents": BATCH | {"maxSize": size}}, "batchEvents.maxSize", "batch_size_invalid")
        for size in (1, 0, -1)
    ),
    *(
        (
            {"batchEvents": BATCH | {"timeout": timeout}},
            "batchEvents.timeout",
            "batch_timeout_invalid",
        )
        for timeout in ("", "999ms", "-1h", "x")
    ),
    ({"batchEvents": BATCH, "cancel": [{"event": "e"}]}, "cancel", "combo_unsupported"),
    ({"batchEvents": BATCH, "debounce": {"period": "1s"}}, "debounce", "combo_unsupported"),
    ({"batchEvents": BATCH, "singleton": {}}, "singleton", "combo_unsupported"),
    ({"batchEvents": BATCH, "priority": {"run": "1"}}, "priority.run", "combo_unsupported"),
    ({"cancel": [{"event": "e"}] * 6}, "cancel", "config_invalid"),
    ({"cancel": [{"event": ""}]}, "cancel[0].event", "event_name_invalid"),
    ({"cancel": [{"event": "e" * 256}]}, "cancel[0].event", "event_name_invalid"),
    ({"cancel": [{"event": "e", "timeout": "soon"}]}, "cancel[0].timeout", "config_invalid"),
    ({"timeouts": {"start": "soon"}}, "timeouts.start", "config_invalid"),
    ({"timeouts": {"start": "2027-01-01T00:00:00Z"}}, "timeouts.start", "config_invalid"),
    ({"timeouts": {"finish": "2562048h"}}, "timeouts.finish", "config_invalid"),
    ({"timeouts": {"finish": "5"}}, "timeouts.finish", "config_invalid"),
    ({"checkpoint": {"batch_interval": "x"}}, "checkpoint.batch_interval", "config_invalid"),
    ({"checkpoint": {"max_runtime": "x"}}, "checkpoint.max_runtime", "config_invalid"),
]


@pytest.mark.parametrize("function", VALID, ids=str)
def test_values_up_to_the_edge_are_valid(function: dict[str, Any]) -> None:
    assert problems_of(function) == []


@pytest.mark.parametrize(("function", "field", "code"), REFUSED, ids=str)
def test_values_beyond_the_edge_are_refused(
    function: dict[str, Any], field: str, code: str
) -> None:
    problems = problems_of(function)
    assert (field, code) in {(problem.field, problem.code) for problem in problems}
    assert all(problem.message for problem in problems)


def test_a_broken_rule_is_reported_once() -> None:
    assert problems_of({"throttle": {"limit": 1, "period": "500ms"}}) == [
        ConfigProblem(
            function="shop-charge",
            field="throttle.period",
            code="config_invalid",
            message="The throttle period must be between 1s and 7d, not 500ms",
        )
    ]


def test_all_problems_of_all_functions_are_reported() -> None:
    problems = problems_of(
        {"id": "a", "retries": -1, "debounce": {"period": "x"}},
        {"id": "b"},
        {"id": "c", "name": ""},
    )
    assert [(problem.function, problem.field) for problem in problems] == [
        ("a", "retries"),
        ("a", "debounce.period"),
        ("c", "name"),
    ]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            {"concurrency": [{"limit": 1}] * 3},
            "There are more concurrency limits than the allowed max of: 2",
        ),
        (
            {"concurrency": {"limit": 1, "scope": "Account"}},
            "A concurrency key must be specified for account scoped limits",
        ),
        (
            {"concurrency": {"fn": [{"limit": 1}] * 2}},
            "Only one function concurrency limit is allowed",
        ),
        ({"rateLimit": {"period": "1h"}}, "A rate limit must be greater than 0"),
        (
            {"rateLimit": {"limit": 1, "period": "25h"}},
            "The rate limit period must be between 1s and 24h, not 25h",
        ),
        (
            {"debounce": {"period": "500ms"}},
            "The debounce period must be between 1s and 7d, not 500ms",
        ),
        (
            {"debounce": {"period": "1 minute"}},
            '\'1 minute\' is not a duration such as "30s" or "1h30m"',
        ),
        ({"batchEvents": BATCH | {"maxSize": 1}}, "A batch holds at least 2 events, not 1"),
        ({"batchEvents": BATCH | {"timeout": "0"}}, "The batch timeout must be at least 1s, not 0"),
        (
            {"batchEvents": BATCH, "priority": {"run": "1"}},
            "A function cannot specify Priority.Run and Batch together",
        ),
        ({"cancel": [{"event": "e"}] * 6}, "A function has at most 5 cancellations, not 6"),
        (
            {"throttle": {"limit": 1, "period": "7d", "burst": 10**12}},
            "The throttle burst must not be more than what starts in 100 years, which is 5214",
        ),
    ],
    ids=str,
)
def test_a_message_says_what_may_be_there(function: dict[str, Any], message: str) -> None:
    assert [problem.message for problem in problems_of(function)] == [message]


def test_two_functions_cannot_have_one_id() -> None:
    (problem,) = problems_of({"id": "a"}, {"id": "b"}, {"id": "a"})
    assert (problem.function, problem.field) == ("a", "id")
    assert problem.message == "The function id 'a' is used 2 times"


def test_a_registration_without_functions_breaks_no_rule() -> None:
    assert problems_of() == []


def test_expressions_of_batches_have_codes_of_their_own() -> None:
    assert expression_problem_code("batchEvents.key") == "batch_key_expression_invalid"
    assert expression_problem_code("batchEvents.if") == "batch_if_expression_invalid"
    assert expression_problem_code("cancel[0].if") == "config_invalid"
