"""What holds items up: every limit, its present number, what it costs and why something waits."""

import asyncio
from typing import Any

import pytest

from stepwell.core.gcra import NS_PER_MS
from stepwell.core.identity import LOCAL_PARTITION, FunctionId, RunId
from stepwell.core.lanes import KeyKind
from stepwell.core.pause import NewRuns, Pause, RunningRuns
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.transition import LimitKind, LimitState
from stepwell.engine.limits import Limits, LimitSettings
from stepwell.engine.rules import rules_of
from stepwell.engine.scheduler import Charge
from stepwell.engine.waiting import Constraint
from stepwell.engine.windows import WindowSizes
from stepwell.wire.config import ConcurrencyLimit, ConcurrencyScope, RunConcurrency, Throttle
from tests.unit.engine.scheduler_world import START_MS, Key, SchedulerWorld, function

START, STEP, GATEWAY = ItemKind.START, ItemKind.STEP, ItemKind.GATEWAY
F = FunctionId("f")


def key(value: str, source: str = "k") -> Key:
    return (KeyKind.CONCURRENCY, source, value)


def one(limit: int, source: str | None = None, scope: str = "fn") -> tuple[ConcurrencyLimit, ...]:
    return (ConcurrencyLimit(limit=limit, key=source, scope=ConcurrencyScope(scope)),)


def most_at_once(world: SchedulerWorld, function_id: str | None = None) -> int:
    """Let all be dispatched and answered, one after the other; how many were under way."""
    most = 0
    while world.rows.items:
        world.settle()
        under_way = [i for i in world.under_way.values() if function_id in (None, i.function_id)]
        most = max(most, len(under_way))
        world.end(next(iter(world.under_way.values())), run_ended=True)
    return most


@pytest.mark.parametrize("limit", [1, 3])
def test_a_function_has_at_most_so_many_requests_under_way(limit: int) -> None:
    world = SchedulerWorld(function("f", concurrency=one(limit)))
    world.put_many(10, "f", kind=START)
    world.put_many(10, "f", kind=GATEWAY)
    assert most_at_once(world) == limit


def test_decisions_take_no_concurrency() -> None:
    world = SchedulerWorld(function("f", concurrency=one(1)))
    world.put_many(5, "f", kind=ItemKind.SLEEP)
    world.settle()
    assert len(world.taken()) == 5


def test_a_limit_of_zero_is_no_limit() -> None:
    """With a key as well. Source: flow control, 3.2."""
    world = SchedulerWorld(function("f", concurrency=(*one(0), *one(0, "k"))))
    world.put_many(10, "f", key("a"))
    assert most_at_once(world) == 10


def test_each_value_of_a_key_has_its_own_limit() -> None:
    world = SchedulerWorld(function("f", concurrency=one(1, "k")))
    for value in "aab":
        world.put_many(1, "f", key(value))
    world.settle()
    assert len(world.taken()) == 2


def test_both_limits_hold() -> None:
    world = SchedulerWorld(function("f", concurrency=(*one(2), *one(1, "k"))))
    for value in "aabbcc":
        world.put_many(1, "f", key(value))
    world.settle()
    assert [item.id for item in world.taken()] == [1, 3]


@pytest.mark.parametrize("scope", ["env", "account"])
def test_functions_share_a_key_and_have_their_own_limits(scope: str) -> None:
    """Source: flow control, 3.3."""
    world = SchedulerWorld(
        function("f", concurrency=one(5, "k", scope)), function("g", concurrency=one(2, "k", scope))
    )
    of_f = world.put_many(4, "f", key("a"))
    world.settle()
    of_g = world.put_many(1, "g", key("a"))
    world.put_many(1, "g", key("b"))
    world.settle()
    assert [item.id for item in world.taken()] == [1, 2, 3, 4, 6]
    for item in of_f[:2]:
        world.end(item)
    world.settle()
    assert world.taken() == []
    world.put_many(1, "f", key("a"))
    world.settle()
    assert len(world.taken()) == 1
    for item in [*of_f[2:]]:
        world.end(item)
    world.settle()
    assert world.taken() == of_g


def test_keys_of_different_text_share_nothing() -> None:
    world = SchedulerWorld(
        function("f", concurrency=one(1, "k", "env")), function("g", concurrency=one(1, "l", "env"))
    )
    world.put_many(1, "f", key("a"))
    world.put_many(1, "g", key("a", "l"))
    world.settle()
    assert len(world.taken()) == 2


def test_a_key_that_is_not_in_the_configuration_any_more_limits_nothing() -> None:
    world = SchedulerWorld(function("f", concurrency=one(1, "k")))
    world.put_many(3, "f", key("a", "formerly"))
    world.settle()
    assert len(world.taken()) == 3


@pytest.mark.parametrize(
    ("settings", "most"),
    [
        (LimitSettings(account=3), 3),
        (LimitSettings(app_default=2), 4),
        (LimitSettings(apps={"a": 1}, app_default=4), 5),
        (LimitSettings(account=4, apps={"a": 1}), 4),
        (LimitSettings(account=0, apps={"a": 0}, app_default=9), 17),
    ],
)
def test_limits_of_the_installation_hold(settings: LimitSettings, most: int) -> None:
    world = SchedulerWorld(function("f", app="a"), function("g", app="b"), limits=settings)
    world.put_many(8, "f")
    world.put_many(10, "g")
    assert most_at_once(world) == most


def test_who_was_parked_first_goes_first() -> None:
    world = SchedulerWorld(function("f", concurrency=one(1)))
    for value in "abcd":
        world.put_many(2, "f", key(value))
    seen = []
    while world.rows.items:
        world.settle()
        (item,) = world.taken()
        seen.append(item.id)
        world.end(item)
    assert seen == [1, 3, 5, 7, 2, 4, 6, 8]


def test_a_newcomer_does_not_take_what_another_was_woken_for() -> None:
    world = SchedulerWorld(function("f", concurrency=one(1)))
    (running,) = world.put_many(1, "f", key("a"))
    parked = world.put_many(1, "f", key("b"))
    world.settle()
    newcomer = world.put_many(1, "f", key("c"))
    world.taken()
    world.end(running)
    world.settle()
    assert world.taken() == parked
    world.end(parked[0])
    world.settle()
    assert world.taken() == newcomer


def test_a_new_number_holds_at_once_for_what_waits_and_what_is_under_way() -> None:
    world = SchedulerWorld(function("f", concurrency=one(1)))
    items = world.put_many(10, "f")
    world.settle()
    world.register(function("f", concurrency=one(4)))
    world.settle()
    assert world.taken() == items[:4]
    world.register(function("f", concurrency=one(2)))
    for item in items[:2]:
        world.end(item)
    world.settle()
    assert world.taken() == []
    world.register(function("f"))
    world.settle()
    assert world.taken() == items[4:]


def test_a_limit_that_appears_counts_what_is_under_way() -> None:
    world = SchedulerWorld(function("f"))
    items = world.put_many(3, "f")
    world.settle()
    world.register(function("f", concurrency=one(3)))
    more = world.put_many(2, "f")
    world.settle()
    assert world.taken() == items
    world.end(items[0])
    world.settle()
    assert world.taken() == more[:1]


@pytest.mark.parametrize(
    ("limit", "period", "burst", "expected"),
    [
        (2, "6s", 1, [0, 0, 0, 3_000, 6_000]),
        (1, "3s", 0, [0, 3_000, 6_000, 9_000, 12_000]),
        (3, "9s", 0, [0, 0, 0, 3_000, 6_000]),
        (0, "2s", 0, [0, 2_000, 4_000]),
    ],
)
def test_a_throttle_starts_runs_as_measured(
    limit: int, period: str, burst: int, expected: list[int]
) -> None:
    """Source: flow control, 4."""
    world = SchedulerWorld(
        function("f", throttle=Throttle(limit=limit, period=period, burst=burst)),
        sizes=WindowSizes(lane_max=2),
    )
    world.put_many(len(expected), "f", kind=START)
    world.wait(60_000)
    (started_ms,) = world.charged_at.values()
    assert [at_ms - START_MS for at_ms in started_ms] == expected


def test_a_throttle_does_not_hold_up_later_requests_or_other_keys() -> None:
    throttle = Throttle(limit=1, period="1h", key="t")
    world = SchedulerWorld(function("f", throttle=throttle))
    a, b = (KeyKind.THROTTLE, "t", "a"), (KeyKind.THROTTLE, "t", "b")
    world.put_many(3, "f", a, kind=START)
    world.put_many(1, "f", b, kind=START)
    world.put_many(3, "f", a, kind=STEP)
    world.settle()
    assert sorted(item.id for item in world.taken()) == [1, 4, 5, 6, 7]


def test_a_start_that_was_paid_for_is_not_charged_again() -> None:
    world = SchedulerWorld(function("f", throttle=Throttle(limit=1, period="1h")))
    (item,) = world.put_many(1, "f", kind=START)
    world.settle()
    moved = world.under_way[item.id]
    assert moved.lane == "c"
    world.store(moved)
    world.restart()
    world.scheduler.memory.read_all(LOCAL_PARTITION, [F])
    world.settle()
    assert [i.id for i in world.taken()] == [item.id, item.id]
    assert len(world.charged_at[F, ""]) == 1


def test_a_throttle_survives_a_restart() -> None:
    world = SchedulerWorld(function("f", throttle=Throttle(limit=1, period="10s")))
    world.put_many(2, "f", kind=START)
    world.settle()
    world.end(world.taken()[0])
    world.restart()
    world.scheduler.memory.read_all(LOCAL_PARTITION, [F])
    world.wait(9_999)
    assert world.taken() == []
    world.wait(1)
    assert len(world.taken()) == 1


def test_a_faster_pace_does_not_wait_for_the_slower_one() -> None:
    world = SchedulerWorld(function("f", throttle=Throttle(limit=1, period="7d")))
    world.put_many(3, "f", kind=START)
    world.settle()
    world.register(function("f", throttle=Throttle(limit=1, period="1s")))
    world.wait(2_000)
    world.settle()
    (started_ms,) = world.charged_at.values()
    assert [at_ms - START_MS for at_ms in started_ms] == [0, 1_000, 2_000]


def test_all_or_nothing_a_token_is_not_spent_without_concurrency() -> None:
    world = SchedulerWorld(
        function("f", concurrency=one(1), throttle=Throttle(limit=5, period="1h"))
    )
    items = world.put_many(3, "f", kind=START)
    world.settle()
    assert len(world.charged_at[F, ""]) == 1
    world.end(items[0])
    world.settle()
    assert len(world.charged_at[F, ""]) == 2


def test_what_an_unmade_start_cost_is_given_back() -> None:
    world = SchedulerWorld(
        function(
            "f",
            throttle=Throttle(limit=1, period="1h"),
            run_concurrency=RunConcurrency(limit=1),
        )
    )
    charges: list[tuple[QueueItem, Charge]] = []

    def keep(item: QueueItem, charge: Charge | None) -> None:
        assert charge is not None
        charges.append((item, charge))

    world.on_dispatch = keep
    first, second = world.put_many(2, "f", kind=START)
    world.settle()
    ((item, charge),) = charges
    assert item == first
    (state,) = charge.limits
    hour_ns = 3_600 * 10**9
    now_ns = START_MS * 10**6
    assert state == LimitState(F, LimitKind.THROTTLE, "", now_ns + hour_ns, START_MS + 3_600_000)
    world.rows.items.pop(item.id)
    world.scheduler.uncharge(item, charge)
    world.scheduler.request_ended(item.id)
    world.scheduler.memory.ended(item)
    world.settle()
    assert [item for item, _ in charges] == [first, second]


def test_unfinished_runs_are_limited_from_start_to_end() -> None:
    """Sleeping runs keep their unit. Source: flow control, 3.5."""
    world = SchedulerWorld(function("f", run_concurrency=RunConcurrency(limit=2)))
    items = world.put_many(4, "f", kind=START)
    world.settle()
    assert world.taken() == items[:2]
    world.end(items[0])
    world.settle()
    assert world.taken() == []
    step = world.item("f", run_id=items[0].run_id)
    world.put(step)
    world.settle()
    assert world.taken() == [step]
    world.end(step, run_ended=True)
    world.scheduler.run_ended(items[0].run_id)
    world.settle()
    assert world.taken() == [items[2]]


def test_unfinished_runs_are_counted_by_key() -> None:
    world = SchedulerWorld(function("f", run_concurrency=RunConcurrency(limit=1, key="r")))
    for value in "aab":
        world.put_many(1, "f", (KeyKind.RUN_CONCURRENCY, "r", value), kind=START)
    world.settle()
    assert [item.id for item in world.taken()] == [1, 3]


def test_starts_wait_until_admitted_runs_are_known() -> None:
    world = SchedulerWorld(function("f", run_concurrency=RunConcurrency(limit=2)))
    world.rows.admitted[F] = {RunId("old"): "c", RunId("older"): "c"}
    (item, _) = world.put_many(2, "f", kind=START)
    world.scheduler.pump()
    assert world.taken() == []
    assert world.reasons.why(item).usage is None
    # It ends after its row was read and before what was read arrives.
    world.scheduler.run_ended(RunId("old"))
    world.settle()
    assert world.taken() == [item]


def test_a_limit_on_runs_that_appears_counts_those_that_started_before() -> None:
    world = SchedulerWorld(function("f"))
    items = world.put_many(2, "f", kind=START)
    world.settle()
    world.rows.admitted[F] = {RunId("old"): "c"}
    world.register(function("f", run_concurrency=RunConcurrency(limit=3)))
    world.put_many(1, "f", kind=START)
    world.settle()
    assert world.taken() == items
    world.end(items[0], run_ended=True)
    world.settle()
    assert len(world.taken()) == 1


@pytest.mark.parametrize(
    ("running", "kinds"),
    [
        (RunningRuns.FINISH, [STEP, GATEWAY]),
        (RunningRuns.CANCEL, [STEP, GATEWAY]),
        (RunningRuns.HOLD, []),
    ],
)
def test_a_paused_function_holds_what_it_should(running: RunningRuns, kinds: list[Any]) -> None:
    pause = Pause(START_MS, NewRuns.WAIT, running)
    world = SchedulerWorld(function("f", pause=pause))
    items = [world.item("f", kind=kind) for kind in (START, STEP, GATEWAY)]
    world.put(*items)
    world.settle()
    assert [item.kind for item in world.taken()] == kinds
    assert world.reasons.why(items[0]).constraint is Constraint.PAUSED
    world.register(function("f"))
    world.settle()
    assert len(world.under_way) == 3


def test_a_unit_that_cannot_be_used_is_passed_on() -> None:
    """Key a is full when the function's unit becomes free; key b is not."""
    world = SchedulerWorld(
        function("f", concurrency=(*one(2), *one(1, "k", "env"))),
        function("g", concurrency=one(1, "k", "env")),
    )
    first, second = world.put_many(1, "f", key("x")) + world.put_many(1, "f", key("y"))
    world.settle()
    blocked = world.put_many(1, "f", key("a"))
    free = world.put_many(1, "f", key("b"))
    world.settle()
    world.put_many(1, "g", key("a"))
    world.settle()
    world.taken()
    world.end(first)
    world.settle()
    assert world.taken() == free
    assert world.reasons.why(blocked[0]).constraint is Constraint.KEY_CONCURRENCY
    world.end(second)
    world.settle()
    assert world.taken() == []


def test_why_names_the_limit_its_number_and_who_is_ahead() -> None:
    world = SchedulerWorld(function("f", concurrency=one(1, "k")))
    items = world.put_many(3, "f", key("a"))
    world.settle()
    why = world.reasons.why(items[2])
    assert why.constraint is Constraint.KEY_CONCURRENCY
    assert (why.key, why.value, why.limit, why.usage, why.ahead) == ("k", "a", 1, 1, 1)
    assert world.reasons.why(items[0]).constraint is Constraint.NONE
    (lane,) = asyncio.run(world.reasons.of_queue(F)).lanes
    assert (lane.waiting.constraint, lane.items) == (Constraint.KEY_CONCURRENCY, 2)


def test_why_tells_when_a_throttled_run_could_start() -> None:
    world = SchedulerWorld(function("f", throttle=Throttle(limit=1, period="10s")))
    items = world.put_many(4, "f", kind=START)
    world.settle()
    found = [world.reasons.why(item).starts_ms for item in items[1:]]
    assert found == [START_MS + 10_000, START_MS + 20_000, START_MS + 30_000]


@pytest.mark.parametrize(
    ("options", "limits", "constraint"),
    [
        ({"concurrency": one(1)}, LimitSettings(), Constraint.FUNCTION_CONCURRENCY),
        ({}, LimitSettings(account=1), Constraint.ACCOUNT_CONCURRENCY),
        ({}, LimitSettings(apps={"app": 1}), Constraint.APP_CONCURRENCY),
        ({"run_concurrency": RunConcurrency(limit=1)}, LimitSettings(), Constraint.RUN_CONCURRENCY),
    ],
)
def test_why_names_each_limit(
    options: dict[str, Any], limits: LimitSettings, constraint: Constraint
) -> None:
    world = SchedulerWorld(function("f", **options), limits=limits)
    items = world.put_many(2, "f", kind=START)
    world.settle()
    why = world.reasons.why(items[1])
    assert (why.constraint, why.limit, why.usage) == (constraint, 1, 1)


def test_why_says_when_only_the_workers_are_busy() -> None:
    world = SchedulerWorld(function("f"), calls_max=1)
    items = world.put_many(2, "f")
    world.settle()
    assert world.reasons.why(items[1]).constraint is Constraint.WORKER_SLOTS


def test_why_says_that_the_store_may_hold_more() -> None:
    sizes = WindowSizes(lane_max=2)
    world = SchedulerWorld(function("f", concurrency=one(1)), sizes=sizes)
    items = world.put_many(9, "f")
    world.settle()
    assert not world.reasons.why(items[1]).goes_on_in_store
    assert world.reasons.why(items[8]).goes_on_in_store


def test_what_is_written_of_a_throttle_counts_the_starts_that_were_paid_for() -> None:
    """Some runs have to be read first, so starts are not paid for in the order of their turns."""
    limits = Limits(LimitSettings(), lambda: START_MS)
    rules = rules_of(
        FunctionId("f"), function("f", throttle=Throttle(limit=1, period="1s", burst=1))
    )
    found = limits.start_limits(rules, ())
    assert found is not None
    assert found.throttled is not None
    now_ns = START_MS * NS_PER_MS
    interval_ns = found.throttled.gcra.interval_ns
    first, second = (limits.charge(found.throttled, at_ns=now_ns) for _ in range(2))

    later = limits.pay(second, at_ns=now_ns, interval_ns=interval_ns)
    earlier = limits.pay(first, at_ns=now_ns, interval_ns=interval_ns)

    assert later.tat_ns == now_ns + interval_ns, "the first one has not been let in"
    assert earlier.tat_ns == found.throttled.tat_ns == second.tat_ns
