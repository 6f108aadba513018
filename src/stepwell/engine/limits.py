"""What limits how many requests are under way and how many runs start.

The values of keys come with a lane; every number is read from the function's present
configuration. What is counted is shared by all whose keys have the same text and value, within the
function, the environment or the account; each compares the count with its own number.

Source: flow control, 3 and 4.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

import msgspec

from stepwell.core.gcra import NS_PER_MS, UNUSED_TAT_NS, Gcra, expires_ms, throttle
from stepwell.core.identity import ACCOUNT_ID, FunctionId
from stepwell.core.keys import limit_key
from stepwell.core.lanes import KeyKind, LaneKey, expression_hash
from stepwell.core.transition import LimitKind, LimitState
from stepwell.engine.rules import Rules
from stepwell.engine.waiting import Constraint
from stepwell.wire.config import ConcurrencyLimit, ConcurrencyScope

if TYPE_CHECKING:
    from stepwell.engine.parking import Line

__all__ = [
    "Bucket",
    "Check",
    "LimitSettings",
    "Limits",
    "StartLimits",
    "Throttled",
]

# States of throttles between two searches for those that are as good as never used.
_THROTTLES_KEPT_MIN: Final = 1_000


class LimitSettings(msgspec.Struct, frozen=True):
    """Limits of the installation on requests under way; None and 0 are no limit.

    Where several nodes make requests, each may make an equal part of them, and at least one.

    Attributes:
        account: Of all functions.
        app_default: Of each app that is not among `apps`.
        apps: Of single apps, by their names.
    """

    account: int | None = None
    app_default: int | None = None
    apps: Mapping[str, int] = {}

    def app(self, name: str) -> int:
        """The limit of an app; 0 is none."""
        return self.apps.get(name, self.app_default or 0)


class Bucket:
    """How many are under way of what shares a limit."""

    __slots__ = ("__weakref__", "line", "used", "wake_ms")

    def __init__(self) -> None:
        self.used = 0
        self.line: Line | None = None
        self.wake_ms: int | None = None

    def has_room(self, limit: int, now_ns: int) -> bool:  # noqa: ARG002 - time makes no room here
        """Whether one more may begin for whom the limit is `limit`."""
        return self.used < limit

    def next_room_ns(self) -> int | None:
        """Never by time alone."""
        return None


class Throttled:
    """The starts of a function that share a throttle."""

    __slots__ = ("__weakref__", "function_id", "gcra", "key", "line", "tat_ns", "wake_ms")

    def __init__(self, function_id: FunctionId, key: str, gcra: Gcra, tat_ns: int) -> None:
        self.function_id = function_id
        self.key = key
        self.gcra = gcra
        self.tat_ns = tat_ns
        self.line: Line | None = None
        self.wake_ms: int | None = None

    def has_room(self, limit: int, now_ns: int) -> bool:  # noqa: ARG002 - the pace is the limit
        """Whether one more may start now."""
        return self.gcra.allows(self.tat_ns, now_ns)

    def next_room_ns(self) -> int | None:
        """When the next one may start."""
        return self.gcra.next_allowed_ns(self.tat_ns, 0)


class Check(msgspec.Struct, frozen=True, gc=False):
    """One limit that holds for a lane: what is counted and the function's own number."""

    bucket: Bucket
    limit: int
    constraint: Constraint
    key: str | None = None
    value: str = ""


class StartLimits(msgspec.Struct, frozen=True):
    """What holds for the start of a run beside the limits on requests."""

    runs: Check | None
    throttled: Throttled | None
    throttle_key: str | None = None
    throttle_value: str = ""


_BucketKey = tuple[str, str, str, str]


class Limits:
    """Finds what a lane's items share with others. What nobody refers to is forgotten."""

    def __init__(self, settings: LimitSettings, now_ms: Callable[[], int]) -> None:
        self._settings = settings
        self._now_ms = now_ms
        self._buckets: WeakValueDictionary[_BucketKey, Bucket] = WeakValueDictionary()
        self._throttled: WeakValueDictionary[tuple[FunctionId, str], Throttled] = (
            WeakValueDictionary()
        )
        # Those that may not be forgotten yet, because they are not as good as never used.
        self._tats: dict[tuple[FunctionId, str], int] = {}
        # The same without the starts that are charged but not paid for.
        self._paid_tats: dict[tuple[FunctionId, str], int] = {}
        self._tats_max = _THROTTLES_KEPT_MIN
        #: How many nodes there are.
        self.nodes = 1

    def load(self, states: Iterable[LimitState]) -> None:
        """Begin with the states of throttles that the store has."""
        for state in states:
            if state.kind is LimitKind.THROTTLE:
                self._tats[state.function_id, state.key] = state.tat_ns
                self._paid_tats[state.function_id, state.key] = state.tat_ns

    def forget(self, function_id: FunctionId) -> None:
        """Somebody else counts for the function now."""
        # Also what somebody may still hold on to, or it would be found again when this comes back.
        for states in (self._tats, self._paid_tats, self._throttled):
            for key in [key for key in states if key[0] == function_id]:
                states.pop(key, None)

    def checks(self, rules: Rules, keys: tuple[LaneKey, ...]) -> tuple[Check, ...]:
        """The limits on requests, the most special first: where it is parked says the most."""
        found: dict[int, Check] = {}
        for limit in rules.concurrency:
            check = self._concurrency(rules, limit, keys)
            if check is not None:
                known = found.get(id(check.bucket))
                if known is None or check.limit < known.limit:
                    found[id(check.bucket)] = check
        checks = sorted(found.values(), key=lambda check: check.key is None)
        if (app_limit := self._settings.app(rules.app_name)) and rules.is_known:
            bucket = self._bucket("app", rules.app_name)
            checks.append(Check(bucket, self._part(app_limit), Constraint.APP_CONCURRENCY))
        if self._settings.account:
            bucket = self._bucket("account", ACCOUNT_ID)
            part = self._part(self._settings.account)
            checks.append(Check(bucket, part, Constraint.ACCOUNT_CONCURRENCY))
        return tuple(checks)

    def _part(self, limit: int) -> int:
        """This node's part of a limit of the installation."""
        return max(1, limit // self.nodes)

    def start_limits(self, rules: Rules, keys: tuple[LaneKey, ...]) -> StartLimits | None:
        """What else holds for starts; None if nothing does."""
        runs = self.runs(rules, keys)
        throttled, source, value = None, None, ""
        if rules.throttle is not None:
            source = rules.throttle.key
            found = _value(keys, KeyKind.THROTTLE, source)
            if found is not None:
                value = found
                throttled = self._throttle(rules, limit_key(source, value))
        if runs is None and throttled is None:
            return None
        return StartLimits(runs, throttled, source, value)

    def runs(self, rules: Rules, keys: tuple[LaneKey, ...]) -> Check | None:
        """The limit on unfinished runs that holds for a run with these keys."""
        option = rules.run_concurrency
        if option is None:
            return None
        value = _value(keys, KeyKind.RUN_CONCURRENCY, option.key)
        if value is None:
            return None
        source = option.key
        bucket = self._bucket("runs", rules.function_id, source or "", value)
        return Check(bucket, option.limit, Constraint.RUN_CONCURRENCY, source or None, value)

    def charge(self, throttled: Throttled, *, at_ns: int) -> LimitState:
        """Take a token; returns the state with it."""
        tat_ns = throttled.gcra.after(throttled.tat_ns, at_ns)
        self._set(throttled, tat_ns)
        return _throttle_state(throttled.function_id, throttled.key, tat_ns)

    def pay(self, charged: LimitState, *, at_ns: int, interval_ns: int) -> LimitState:
        """The state that has to be durable before a run starts that was charged.

        Runs are not paid for in the order in which they were charged, because some have to be read
        first. What is written counts those that were paid for and no others, so that a crash makes
        none of them free, and charges for none that has not been let in.

        Args:
            charged: What `charge` returned.
            at_ns: When that was.
            interval_ns: What the token is worth.
        """
        key = (charged.function_id, charged.key)
        tat_ns = max(self._paid_tats.get(key, UNUSED_TAT_NS), at_ns) + interval_ns
        if key in self._tats:
            # Never more than if it had gone in order.
            tat_ns = min(tat_ns, self._tats[key])
        self._paid_tats[key] = tat_ns
        return _throttle_state(charged.function_id, charged.key, tat_ns)

    def refund(self, state: LimitState, interval_ns: int) -> Throttled | None:
        """Give a token back; returns the throttle if anybody refers to it."""
        key = (state.function_id, state.key)
        if key in self._tats:
            self._tats[key] -= interval_ns
        throttled = self._throttled.get(key)
        if throttled is not None:
            throttled.tat_ns -= interval_ns
        return throttled

    def _concurrency(
        self, rules: Rules, limit: ConcurrencyLimit, keys: tuple[LaneKey, ...]
    ) -> Check | None:
        source = limit.key
        if not source:
            bucket = self._bucket("fn", rules.function_id)
            return Check(bucket, limit.limit, Constraint.FUNCTION_CONCURRENCY)
        value = _value(keys, KeyKind.CONCURRENCY, source)
        if value is None:
            return None
        match limit.scope:
            case ConcurrencyScope.FUNCTION:
                entity: str = rules.function_id
            case ConcurrencyScope.ENVIRONMENT:
                entity = rules.environment_id
            case ConcurrencyScope.ACCOUNT:
                entity = ACCOUNT_ID
        bucket = self._bucket(limit.scope.value, entity, source, value)
        return Check(bucket, limit.limit, Constraint.KEY_CONCURRENCY, source, value)

    def _bucket(self, scope: str, entity: str, source: str = "", value: str = "") -> Bucket:
        key = (scope, entity, source, value)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket()
        return bucket

    def _throttle(self, rules: Rules, key: str) -> Throttled:
        option = rules.throttle
        assert option is not None
        gcra = throttle(option.limit, rules.throttle_period_ms, option.burst)
        name = (rules.function_id, key)
        throttled = self._throttled.get(name)
        if throttled is None:
            tat_ns = self._tats.get(name, UNUSED_TAT_NS)
            throttled = self._throttled[name] = Throttled(rules.function_id, key, gcra, tat_ns)
        if throttled.gcra != gcra or throttled.tat_ns:
            # With the same numbers it is never further ahead; after a change to a faster pace,
            # nobody shall wait for as long as the slower one would have taken.
            throttled.gcra = gcra
            latest_ns = self._now_ms() * NS_PER_MS + gcra.tolerance_ns
            throttled.tat_ns = min(throttled.tat_ns, latest_ns)
        return throttled

    def _set(self, throttled: Throttled, tat_ns: int) -> None:
        throttled.tat_ns = tat_ns
        self._tats[throttled.function_id, throttled.key] = tat_ns
        if len(self._tats) > self._tats_max:
            now_ns = self._now_ms() * NS_PER_MS
            self._tats = {key: tat for key, tat in self._tats.items() if tat > now_ns}
            self._paid_tats = {key: tat for key, tat in self._paid_tats.items() if tat > now_ns}
            self._tats_max = max(_THROTTLES_KEPT_MIN, 2 * len(self._tats))


def _throttle_state(function_id: FunctionId, key: str, tat_ns: int) -> LimitState:
    return LimitState(function_id, LimitKind.THROTTLE, key, tat_ns, expires_ms(tat_ns))


def _value(keys: tuple[LaneKey, ...], kind: KeyKind, source: str | None) -> str | None:
    """What a key gave; "" for a limit without one, None if the lane does not know the key."""
    if not source:
        return ""
    expression = expression_hash(source)
    for key in keys:
        if key.kind is kind and key.expression == expression:
            return key.value
    return None
