"""Registrations as nobody writes them: any JSON where an option is expected, and near misses."""

from typing import Any

from hypothesis import strategies as st

__all__ = ["any_function", "any_json", "registration"]

_TEXTS = st.sampled_from(
    [
        *("", "1s", "10s", "7d", "24h", "500ms", "-5s", "0", "1e400h", "999999999h", "1 minute"),
        *("292y", "2027-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z"),
        *("event.data.a", "event.data.a + event.data.b", "event", "1/0", "0.0/0.0", "event.data.", "("),
        *("event.data.map(k, k)", "json_parse(event.data.a)", "async.data.a == event.data.a", "now()"),
        *("fn", "env", "account", "Fn", "app", "skip", "cancel", "CANCEL", "t/go", "t/*", "* * * * *"),
        *("@daily", "TZ=Nowhere * * * * *", "http://[", "file:///etc/passwd", "http://app:99999/"),
        *("a\0b", "x" * 300, "x" * 2_000, "é", "{}", "null"),
    ]
)  # fmt: skip
_NUMBERS = st.sampled_from(
    [0, 1, 2, 3, -1, 5, 10, 1.5, 5.0, 10**9, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**30, 1e300]
)
_SCALARS = st.one_of(
    st.none(), st.booleans(), _NUMBERS, st.integers(), st.floats(allow_nan=False), _TEXTS, st.text()
)
_KEYS = st.sampled_from(
    [
        *("limit", "key", "scope", "fn", "step", "period", "burst", "timeout", "maxSize", "if"),
        *("run", "event", "start", "finish", "mode", "expression", "cron", "jitter", "LIMIT"),
        *("batch_steps", "batch_interval", "max_runtime", "name", "runtime", "retries", "attempts"),
    ]
)
any_json = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(_KEYS, inner, max_size=5)
        | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=10,
)

_KEY = st.sampled_from(
    ["", "event.data.a", "event.data.a + event.data.b", "event", "'x'", "1", "("]
)
_DURATION = st.sampled_from(["1s", "10s", "1h", "7d", "24h", "", "0s", "-1s", "500ms", "x", "8d"])
_LIMIT = st.integers(-1, 5) | _NUMBERS
_EXPRESSION = st.sampled_from(
    ["", "event.data.a > 1.0", "event.data.a == async.data.a", "true", ")"]
)


def _options(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


_CONCURRENCY = _options(
    limit=_LIMIT, key=_KEY, scope=st.sampled_from(["fn", "env", "Account", None])
)
_RATE = _options(limit=_LIMIT, period=_DURATION, burst=_LIMIT, key=_KEY)
_OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "triggers": st.lists(
        _options(
            event=st.sampled_from(["t/go", "t/*", ""]),
            expression=_EXPRESSION,
            cron=st.sampled_from(["", "* * * * *", "x"]),
            jitter=_DURATION,
        ),
        max_size=3,
    ),
    "retries": _LIMIT,
    "concurrency": _LIMIT
    | _CONCURRENCY
    | st.lists(_CONCURRENCY, max_size=3)
    | _options(fn=st.lists(_CONCURRENCY, max_size=2), step=st.lists(_CONCURRENCY, max_size=3)),
    "throttle": _RATE,
    "rateLimit": _RATE,
    "idempotency": _KEY,
    "debounce": _options(period=_DURATION, key=_KEY, timeout=_DURATION),
    "batchEvents": _options(
        maxSize=_LIMIT, timeout=_DURATION, key=_KEY, **{"if": _EXPRESSION}
    ),
    "priority": _options(run=_KEY | st.sampled_from(["1.0/0.0", "9223372036854775807", "-5"])),
    "cancel": st.lists(
        _options(event=st.sampled_from(["t/end", ""]), timeout=_DURATION, **{"if": _EXPRESSION}),
        max_size=6,
    ),
    "timeouts": _options(start=_DURATION, finish=_DURATION),
    "singleton": _options(mode=st.sampled_from(["skip", "Cancel", "x"]), key=_KEY),
    "checkpoint": _options(
        batch_steps=_LIMIT, batch_interval=_DURATION | _LIMIT, max_runtime=_DURATION | _LIMIT
    ),
}  # fmt: skip
_STEP = {"name": "step", "runtime": {"url": "http://app/api?fnId=shop-f&stepId=step"}}


def _with(names: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    options = {name: _OPTIONS[name] | any_json for name in names}
    return st.fixed_dictionaries(
        {
            "id": st.just("shop-f"),
            "name": st.just("F"),
            "steps": st.just({"step": _STEP}),
            **options,
        }
    )


#: A function with up to three options, each of which may be nonsense.
any_function: st.SearchStrategy[dict[str, Any]] = st.lists(
    st.sampled_from(sorted(_OPTIONS)), max_size=3, unique=True
).flatmap(_with)


def registration(*functions: Any) -> dict[str, Any]:
    """The body of a registration of an app with these functions."""
    return {"appName": "shop", "url": "http://app/api", "functions": functions}
