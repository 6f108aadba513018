"""Why something waits, in sentences and in numbers."""

from typing import Any

import msgspec
import pytest

from stepwell.api.why import ITEMS_MAX, KEYS_MAX
from stepwell.core.function import Function
from stepwell.core.item_bodies import INVOCATION_TIMEOUT, WAIT_TIMEOUT
from stepwell.core.lanes import KeyKind
from stepwell.core.pause import NewRuns, Pause, RunningRuns
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.status import RunStatus
from stepwell.engine.limits import LimitSettings
from stepwell.engine.windows import WindowSizes
from stepwell.wire.config import ConcurrencyLimit, RunConcurrency, Throttle
from tests.unit.api.api_server import run_view, ulid
from tests.unit.api.waiting_world import RUN_ID, WaitingWorld
from tests.unit.engine.scheduler_world import START_MS, Key, function

KEY = "event.data.customerId"
THROTTLED: Key = (KeyKind.THROTTLE, KEY, "c1")
KEYED: Key = (KeyKind.CONCURRENCY, KEY, "c1")
PER_RUN: Key = (KeyKind.RUN_CONCURRENCY, KEY, "c1")
TWO_PER_6S = Throttle(limit=2, period="6s", key=KEY)
NEXT = "2026-09-21T14:13:21.000Z"
SECOND_MS = 1000
SLOTS = "Waits for a free slot: the server makes as many calls at a time as it may (queue-workers)"


def _backlog(world: WaitingWorld, count: int, *keys: Key, name: str = "f") -> QueueItem:
    """Runs of a function that want to start; returns the item of the last one, `RUN_ID`."""
    world.world.put_many(count - 1, name, *keys, kind=ItemKind.START)
    (last,) = world.world.put_many(1, name, *keys, kind=ItemKind.START, run_id=RUN_ID)
    world.world.settle()
    return last


def test_a_throttled_run_is_told_its_pace_place_and_time() -> None:
    """Two start at once, then one every three seconds: the fifth of those who wait after 15 s."""
    world = WaitingWorld(function("f", throttle=TWO_PER_6S))
    last = _backlog(world, 7, THROTTLED)

    starts = "2026-09-21T14:13:35.000Z"
    assert world.waiting(last) == {
        "id": "7",
        "kind": "start",
        "step": "",
        "attempt": 0,
        "queued_at": "1970-01-01T00:00:00.000Z",
        "due_at": None,
        "under_way": False,
        "constraint": "throttle",
        "key": KEY,
        "value": "c1",
        "limit": 2,
        "in_use": None,
        "ahead": 4,
        "starts_at": starts,
        "message": f"Waits for throttle: 2 starts per 6s for {KEY} = 'c1'; 4 ahead; "
        f"starts at {starts} at the earliest",
    }
    world.world.wait(15 * SECOND_MS - 1)
    assert last not in world.world.dispatched
    world.world.wait(1)
    assert last in world.world.dispatched


def test_those_ahead_that_are_only_in_the_store_count_as_well() -> None:
    """However little of a lane is in memory, the place in it and the time are the same."""
    world = WaitingWorld(
        function("f", throttle=TWO_PER_6S), sizes=WindowSizes(lane_max=3, items_max=3)
    )
    last = _backlog(world, 47, THROTTLED)

    shown = world.waiting(last)

    assert (shown["ahead"], shown["starts_at"]) == (44, "2026-09-21T14:15:35.000Z")
    world.world.wait(45 * 3 * SECOND_MS - 1)
    assert last not in world.world.dispatched
    world.world.wait(1)
    assert last in world.world.dispatched


CASES: list[tuple[Function, tuple[Key, ...], dict[str, Any], dict[str, Any]]] = [
    (
        function("f", concurrency=(ConcurrencyLimit(limit=1),)),
        (),
        {"constraint": "function_concurrency", "limit": 1, "in_use": 1, "ahead": 1, "key": None},
        {"message": "Waits for concurrency: 1 call at a time, 1 under way; 1 ahead"},
    ),
    (
        function("f", concurrency=(ConcurrencyLimit(limit=1, key=KEY),)),
        (KEYED,),
        {"constraint": "key_concurrency", "limit": 1, "in_use": 1, "key": KEY, "value": "c1"},
        {
            "message": f"Waits for concurrency: 1 call at a time for {KEY} = 'c1', 1 under way; "
            "1 ahead"
        },
    ),
    (
        function("f", run_concurrency=RunConcurrency(limit=1, key=KEY)),
        (PER_RUN,),
        {"constraint": "run_concurrency", "limit": 1, "in_use": 1, "key": KEY},
        {
            "message": f"Waits for run concurrency: 1 unfinished run for {KEY} = 'c1', "
            "1 unfinished; 1 ahead"
        },
    ),
    (
        function("f", throttle=Throttle(limit=1, period="2s")),
        (),
        {"constraint": "throttle", "limit": 1, "key": None, "value": None, "ahead": 1},
        {
            "message": "Waits for throttle: 1 start per 2s; 1 ahead; "
            "starts at 2026-09-21T14:13:24.000Z at the earliest"
        },
    ),
    (
        function("f", throttle=Throttle(limit=1, period="2s", burst=1)),
        (),
        {"constraint": "throttle", "ahead": 0},
        {
            "message": "Waits for throttle: 1 start per 2s and a burst of 1; "
            "starts at 2026-09-21T14:13:22.000Z at the earliest"
        },
    ),
]


@pytest.mark.parametrize(("f", "keys", "numbers", "text"), CASES)
def test_what_holds_up_a_start_is_said(
    f: Function, keys: tuple[Key, ...], numbers: dict[str, Any], text: dict[str, Any]
) -> None:
    world = WaitingWorld(f)

    shown = world.waiting(_backlog(world, 3, *keys))

    expected = numbers | text
    assert {name: shown[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("limits", "calls_max", "constraint", "message"),
    [
        (
            LimitSettings(account=2),
            9,
            "account_concurrency",
            "Waits for concurrency of the installation: 2 calls at a time, 2 under way",
        ),
        (
            LimitSettings(apps={"app": 2}),
            9,
            "app_concurrency",
            "Waits for concurrency of the app: 2 calls at a time, 2 under way",
        ),
        (
            LimitSettings(),
            2,
            "worker_slots",
            SLOTS,
        ),
    ],
)
def test_limits_of_the_installation_are_said(
    limits: LimitSettings, calls_max: int, constraint: str, message: str
) -> None:
    world = WaitingWorld(function("f"), limits=limits, calls_max=calls_max)

    shown = world.waiting(_backlog(world, 3))

    assert (shown["constraint"], shown["message"]) == (constraint, message)


@pytest.mark.parametrize(
    ("pause", "message"),
    [
        (Pause(START_MS, NewRuns.WAIT), "Waits for the end of the pause; 2 ahead"),
        (
            Pause(START_MS, NewRuns.WAIT, RunningRuns.HOLD, is_drain=True),
            "Waits for the end of the drain of its app; 2 ahead",
        ),
    ],
)
def test_a_pause_is_said(pause: Pause, message: str) -> None:
    world = WaitingWorld(function("f", pause=pause))

    shown = world.waiting(_backlog(world, 3))

    assert (shown["constraint"], shown["message"]) == ("paused", message)


def test_an_item_that_is_worked_on_waits_for_nothing() -> None:
    world = WaitingWorld(function("f"))
    call = _backlog(world, 1)
    gateway = world.world.item("f", kind=ItemKind.GATEWAY, run_id=RUN_ID)
    world.world.put(gateway)
    world.world.settle()

    shown = world.items_of(call)

    assert [item["message"] for item in shown] == [
        "A call to the app is under way",
        "The HTTP request is under way",
    ]
    assert {(item["under_way"], item["constraint"], item["ahead"]) for item in shown} == {
        (True, "none", 0)
    }


def test_an_item_that_nothing_holds_up_waits_for_its_turn() -> None:
    world = WaitingWorld(function("f"))
    world.world.has_room = False
    last = _backlog(world, 3)

    assert world.waiting(last)["message"] == "Waits for its turn; 2 ahead"


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        (ItemKind.START, {}, f"Starts at {NEXT}, the time its event bears"),
        (ItemKind.START, {"attempt": 1}, f"Attempt 2 is made at {NEXT}"),
        (ItemKind.STEP, {"attempt": 3}, f"Attempt 4 is made at {NEXT}"),
        (ItemKind.GATEWAY, {"attempt": 1}, f"Attempt 2 is made at {NEXT}"),
        (ItemKind.SLEEP, {}, f"Sleeps until {NEXT}"),
        (
            ItemKind.TIMEOUT,
            {"body": WAIT_TIMEOUT},
            f"Waits for an event or a signal, until {NEXT} at the latest",
        ),
        (
            ItemKind.TIMEOUT,
            {"body": INVOCATION_TIMEOUT},
            f"Waits for an invoked function, until {NEXT} at the latest",
        ),
        (ItemKind.START_TIMEOUT, {}, f"Is cancelled at {NEXT} unless it has started"),
        (ItemKind.FINISH_TIMEOUT, {}, f"Is cancelled at {NEXT} unless it has ended"),
        (ItemKind.RESUME, {}, f"Is due at {NEXT}"),
    ],
)
def test_what_is_due_later_says_when_and_why(
    kind: ItemKind, changes: dict[str, Any], message: str
) -> None:
    world = WaitingWorld(function("f"))
    item = world.world.item("f", kind=kind, run_id=RUN_ID, due_ms=START_MS + SECOND_MS)
    item = msgspec.structs.replace(item, **changes)
    world.world.put(item)

    shown = world.waiting(item)

    assert (shown["constraint"], shown["message"]) == ("not_due", message)
    assert (shown["due_at"], shown["starts_at"]) == (NEXT, NEXT)


def test_a_decision_is_about_to_be_made() -> None:
    world = WaitingWorld(function("f"))
    world.world.has_room = False
    item = world.world.item("f", kind=ItemKind.RESUME, run_id=RUN_ID)
    world.world.put(item)

    shown = world.waiting(item)

    assert (shown["constraint"], shown["message"]) == ("none", "Is about to be dealt with")


def test_a_run_with_very_many_items_is_explained_in_part() -> None:
    world = WaitingWorld(function("f"))
    items = world.world.put_many(
        ITEMS_MAX + 1, "f", kind=ItemKind.SLEEP, run_id=RUN_ID, due_ms=START_MS + 1
    )

    assert len(world.items_of(items[0])) == ITEMS_MAX


def test_an_ended_run_waits_for_nothing() -> None:
    world = WaitingWorld(function("f"))
    world.backend.runs = [run_view(status=RunStatus.COMPLETED, function_id="f")]

    assert world.get(f"/v1/runs/{ulid(1).lower()}/waiting").json["data"] == {
        "run_id": ulid(1),
        "function_id": "f",
        "status": "Completed",
        "items": [],
    }


@pytest.mark.parametrize(
    ("target", "status", "message"),
    [
        ("/v1/runs/x/waiting", 400, "Invalid run ID: x"),
        (f"/v1/runs/{ulid(9)}/waiting", 404, f"Unable to load function run: {ulid(9)}"),
        ("/v1/functions/none/queue", 404, "Function not found: none"),
    ],
)
def test_what_is_unknown_is_said(target: str, status: int, message: str) -> None:
    answer = WaitingWorld(function("f")).get(target)

    assert answer.status == status
    assert answer.json == {"error": message, "data": None, "status": status}


def test_while_the_store_is_being_opened_the_client_may_try_again() -> None:
    world = WaitingWorld(function("f"))
    world.is_owned = False
    world.backend.runs = [run_view()]
    world.world.put(world.world.item("f", run_id=RUN_ID))

    assert world.get(f"/v1/runs/{RUN_ID}/waiting").status == 503
    assert world.get("/v1/functions/f/queue").status == 503


# Functions whose owner does not answer.

NO_OWNER = "a server to take it over: the one that has it does not answer"


def test_without_its_owner_an_item_is_said_to_wait_for_one() -> None:
    world = WaitingWorld(function("f"))
    world.is_silent = True
    later = world.world.item("f", kind=ItemKind.SLEEP, run_id=RUN_ID, due_ms=START_MS + SECOND_MS)
    world.world.put(
        world.world.item("f", run_id=RUN_ID),
        world.world.item("f", run_id=RUN_ID, kind=ItemKind.RESUME),
        later,
    )

    shown = [(each["constraint"], each["message"]) for each in world.items_of(later)]

    assert shown == [
        ("not_due", f"Sleeps until {NEXT}"),
        ("no_owner", f"Waits for {NO_OWNER}"),
        ("no_owner", f"Waits for {NO_OWNER}"),
    ]


def test_without_its_owner_the_queue_of_a_function_is_what_is_stored() -> None:
    world = WaitingWorld(function("f"))
    _backlog(world, 3)
    world.world.put_many(2, "f", kind=ItemKind.SLEEP, due_ms=START_MS + SECOND_MS)
    world.world.put_many(1, "f")
    world.is_silent = True

    queue = world.queue("f")

    assert (queue["runs"] + queue["requests"], queue["running"]) == (4, 0)
    assert queue["timers"] == {"sleep": 2}
    assert [(held["constraint"], held["items"], held["message"]) for held in queue["waiting"]] == [
        ("no_owner", 4, f"4 wait for {NO_OWNER}")
    ]


# Functions.


def test_an_idle_function_has_an_empty_queue() -> None:
    assert WaitingWorld(function("f")).queue("f") == {
        "function_id": "f",
        "slug": "f",
        "runs": 0,
        "requests": 0,
        "decisions": 0,
        "running": 0,
        "oldest_queued_at": None,
        "oldest_age_ms": 0,
        "waiting": [],
        "timers": {},
        "batches": 0,
        "debounces": 0,
    }


def test_a_function_s_queue_says_what_waits_for_what() -> None:
    limited = function("f", concurrency=(ConcurrencyLimit(limit=1, key=KEY),), throttle=TWO_PER_6S)
    world = WaitingWorld(limited)
    _backlog(world, 4, KEYED, THROTTLED)
    world.world.put_many(2, "f", (KeyKind.CONCURRENCY, KEY, "c2"))
    for kind, count in [(ItemKind.BATCH, 2), (ItemKind.DEBOUNCE, 1), (ItemKind.STEP, 3)]:
        world.world.put_many(count, "f", kind=kind, due_ms=START_MS + SECOND_MS)
    world.world.settle()

    queue = world.queue("f")

    assert (queue["runs"], queue["requests"], queue["running"]) == (3, 1, 2)
    assert queue["timers"] == {"step": 3, "debounce": 1, "batch": 2}
    assert (queue["batches"], queue["debounces"]) == (2, 1)
    held, *timers = queue["waiting"]
    assert held == {
        "constraint": "key_concurrency",
        "items": 4,
        "keys": [
            {"key": KEY, "value": value, "items": n, "limit": 1, "in_use": 1, "starts_at": None}
            for value, n in [("c1", 3), ("c2", 1)]
        ],
        "key_count": 2,
        "message": f"4 wait for concurrency: 1 call at a time for {KEY} = 'c1', 1 under way; "
        "and 1 other key",
    }
    assert [(held["constraint"], held["items"], held["message"]) for held in timers] == [
        ("not_due", 3, "3 calls are due later"),
        ("batch", 2, "2 batches wait for more events"),
        ("debounce", 1, "1 debounced event waits for the end of the period"),
    ]


def test_items_that_are_only_in_the_store_are_counted() -> None:
    """Those under way have rows as well, but do not wait."""
    world = WaitingWorld(
        function("f", concurrency=(ConcurrencyLimit(limit=2),)),
        sizes=WindowSizes(lane_max=3, items_max=3),
    )
    _backlog(world, 50)

    queue = world.queue("f")

    assert (queue["runs"], queue["running"]) == (48, 2)
    assert [(held["constraint"], held["items"]) for held in queue["waiting"]] == [
        ("function_concurrency", 48)
    ]


def test_what_is_under_way_is_left_out_in_its_own_lane() -> None:
    world = WaitingWorld(
        function("f", concurrency=(ConcurrencyLimit(limit=2, key=KEY),)),
        sizes=WindowSizes(lane_max=1, items_max=1),
    )
    world.world.put_many(9, "f", KEYED)
    world.world.put_many(9, "f", KEYED, kind=ItemKind.START)
    world.world.settle()

    queue = world.queue("f")

    starts = sum(item.kind is ItemKind.START for item in world.world.dispatched)
    assert queue["running"] == 2
    assert (queue["runs"], queue["requests"]) == (9 - starts, 9 - (2 - starts))


def test_only_the_keys_with_the_most_items_are_named() -> None:
    world = WaitingWorld(function("f", concurrency=(ConcurrencyLimit(limit=1, key=KEY),)))
    for number in range(KEYS_MAX + 5):
        world.world.put_many(number + 1, "f", (KeyKind.CONCURRENCY, KEY, f"c{number}"))
    world.world.settle()

    (held,) = world.queue("f")["waiting"]

    assert held["items"] == sum(range(KEYS_MAX + 5))
    assert [key["items"] for key in held["keys"]] == list(range(24, 4, -1))
    # The only item of c0 is under way.
    assert held["key_count"] == KEYS_MAX + 4


def test_the_age_of_the_oldest_is_that_of_what_waits() -> None:
    world = WaitingWorld(function("f", concurrency=(ConcurrencyLimit(limit=1),)))
    for queued_ms in (START_MS - 3000, START_MS - 2000, START_MS - 1000):
        world.world.put(msgspec.structs.replace(world.world.item("f"), queued_ms=queued_ms))
        world.world.settle()

    queue = world.queue("f")

    assert queue["oldest_queued_at"] == "2026-09-21T14:13:18.000Z"
    assert queue["oldest_age_ms"] > 2000


def test_a_paused_function_s_queue_says_so() -> None:
    world = WaitingWorld(function("f", pause=Pause(START_MS, NewRuns.WAIT)))
    _backlog(world, 1)

    (held,) = world.queue("f")["waiting"]

    assert (held["constraint"], held["message"]) == ("paused", "1 waits for the end of the pause")


def test_what_nothing_holds_up_is_in_the_queue_as_well() -> None:
    world = WaitingWorld(function("f"))
    world.world.has_room = False
    _backlog(world, 2)
    world.world.put_many(1, "f", kind=ItemKind.ADMIT)

    queue = world.queue("f")

    assert (queue["runs"], queue["decisions"]) == (2, 1)
    (held,) = queue["waiting"]
    assert held == {
        "constraint": "none",
        "items": 3,
        "keys": [],
        "key_count": 0,
        "message": "3 wait for their turn",
    }
