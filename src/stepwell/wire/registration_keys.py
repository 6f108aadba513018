"""The spelling of the keys in a registration, and how other spellings become it.

The SDKs do not agree on case: Python writes `appname`, Go `Singleton`.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

__all__ = ["IN_BAND_KEYS", "REGISTER_KEYS", "Keys", "with_proper_keys"]


class _Value(Enum):
    """What to do with a value that holds no keys of the protocol."""

    KEEP = auto()
    LOWER_CASE = auto()  # an enum, of which Go writes the names with a capital letter


class _EachValue:
    """The value is a map whose keys are free, and each of its values has the keys given here."""

    def __init__(self, keys: "Keys") -> None:
        self.keys = keys


_Rule = _Value | _EachValue | Mapping[str, Any]

# From a key in lower case to its proper spelling and the rule for its value.
Keys = Mapping[str, tuple[str, _Rule]]


def with_proper_keys(value: Any, keys: Keys) -> Any:
    """Decoded JSON with the protocol's spelling of each known key, whatever its case.

    Keys that are not known are dropped, and so are those whose value is null: for the protocol,
    null is absent. Lists are gone through; values that are not objects are left as they are. If
    two spellings of one key occur, the last one counts.
    """
    if isinstance(value, list):
        return [with_proper_keys(item, keys) for item in value]
    if not isinstance(value, dict):
        return value
    proper = {}
    for key, member in value.items():
        known = keys.get(key.lower())
        if known is not None and member is not None:
            spelling, rule = known
            proper[spelling] = _proper_value(member, rule)
    return proper


def _proper_value(value: Any, rule: _Rule) -> Any:
    match rule:
        case _Value.KEEP:
            return value
        case _Value.LOWER_CASE:
            return value.lower() if isinstance(value, str) else value
        case _EachValue():
            if not isinstance(value, dict):
                return value
            return {
                key: with_proper_keys(member, rule.keys)
                for key, member in value.items()
                if member is not None
            }
        case _:
            return with_proper_keys(value, rule)


def _keys(*plain: str, **ruled: _Rule) -> Keys:
    rules: dict[str, _Rule] = dict.fromkeys(plain, _Value.KEEP) | ruled
    return {key.lower(): (key, rule) for key, rule in rules.items()}


_LIMIT = _keys("limit", "key", scope=_Value.LOWER_CASE)
_RATE = _keys("limit", "period", "burst", "key")
_FUNCTION = _keys(
    "id",
    "name",
    "retries",
    "idempotency",
    triggers=_keys("event", "expression", "cron", "jitter"),
    steps=_EachValue(
        _keys("id", "name", runtime=_keys("type", "url"), retries=_keys("attempts")),
    ),
    concurrency=_keys("limit", "key", scope=_Value.LOWER_CASE, fn=_LIMIT, step=_LIMIT),
    throttle=_RATE,
    rateLimit=_RATE,
    debounce=_keys("period", "key", "timeout"),
    batchEvents=_keys("maxSize", "timeout", "key", "if"),
    priority=_keys("run"),
    cancel=_keys("event", "if", "timeout"),
    timeouts=_keys("start", "finish"),
    singleton=_keys("key", mode=_Value.LOWER_CASE),
    checkpoint=_keys("batch_steps", "batch_interval", "max_runtime"),
)
_CAPABILITIES = _keys("in_band_sync", "trust_probe", "connect")

REGISTER_KEYS = _keys(
    "v",
    "url",
    "deployType",
    "sdk",
    "framework",
    "appName",
    "appVersion",
    "featureObservations",
    capabilities=_CAPABILITIES,
    functions=_FUNCTION,
)
IN_BAND_KEYS = _keys(
    "app_id",
    "appVersion",
    "framework",
    "sdk_language",
    "sdk_version",
    "sdk",
    "url",
    "featureObservations",
    capabilities=_CAPABILITIES,
    functions=_FUNCTION,
    inspection=_keys(capabilities=_CAPABILITIES),
)
