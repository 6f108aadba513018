"""A cron chain runs each tick once and goes on, until something else is in its place."""

from collections.abc import Container

import msgspec
import pytest

from stepwell.core.cron import CRON_MISSED_MAX, tick_id
from stepwell.core.draft import World
from stepwell.core.function import Function, FunctionIndex
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, AppId, EventId, FunctionId
from stepwell.core.item_bodies import CronBody
from stepwell.core.moment import Moment
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.retry import RetryPolicy
from stepwell.core.scheduling import CLAIM_MS
from stepwell.core.tick import first_tick, tick
from stepwell.core.transition import Claim, Transition
from stepwell.server.ids import RandomIds
from stepwell.wire.config import CronTrigger, EventTrigger, FunctionConfig, Trigger

MINUTE_MS = 60_000
# 2026-11-21T09:10:00Z
SYNCED_MS = 1_795_252_200_000
CRON = "* * * * *"


class Clock:
    def __init__(self) -> None:
        self.ms = SYNCED_MS

    def now_ms(self) -> int:
        return self.ms


class Chain:
    """A function with one chain, and a clock."""

    def __init__(self, *triggers: Trigger) -> None:
        self.clock = Clock()
        self.ids = RandomIds(self.clock)
        self.function = Function(
            FunctionId("f"),
            AppId("a"),
            "shop",
            DEFAULT_ENVIRONMENT_ID,
            "shop-sweep",
            "Sweep",
            3,
            FunctionConfig(
                slug="shop-sweep",
                name="Sweep",
                url="http://localhost:8000/api",
                triggers=triggers or (CronTrigger(cron=CRON),),
            ),
            SYNCED_MS,
        )
        item = first_tick(self.function, self._trigger(), at=self.at)
        assert item is not None
        self.item = item

    @property
    def at(self) -> Moment:
        return Moment(self.clock.ms, self.ids)

    def pass_minutes(self, count: float) -> None:
        self.clock.ms += int(count * MINUTE_MS)

    def change(self, **changes: object) -> None:
        self.function = msgspec.structs.replace(self.function, **changes)

    def sync_again(self, *triggers: Trigger) -> None:
        """Register another configuration now."""
        self.change(
            version=self.function.version + 1,
            updated_ms=self.clock.ms,
            config=msgspec.structs.replace(self.function.config, triggers=triggers),
        )

    def replace_schedule(self, cron: str) -> None:
        """As if the function, and the chain with it, had always had that schedule."""
        self.item = msgspec.structs.replace(self.item, body=CronBody(cron, 3, SYNCED_MS).encode())
        triggers = (CronTrigger(cron=cron),)
        self.change(config=msgspec.structs.replace(self.function.config, triggers=triggers))

    def tick(self, *, claimed: bool = False, awaited: Container[str] = ()) -> Transition:
        world = World(FunctionIndex([self.function]), awaited, RetryPolicy())
        return tick(self.function, self.item, claimed=claimed, world=world, at=self.at)

    def next(self) -> str:
        """Run the tick, go on to the next one and say when it is."""
        (self.item,) = self.tick().renew_due
        return tick_id(CronBody.decode(self.item.body).tick_ms)

    def _trigger(self) -> CronTrigger:
        return next(each for each in self.function.config.triggers if isinstance(each, CronTrigger))


@pytest.fixture
def chain() -> Chain:
    chain = Chain()
    chain.pass_minutes(1)
    return chain


def test_a_tick_publishes_its_event_and_starts_a_run(chain: Chain) -> None:
    transition = chain.tick()

    (event,) = transition.events
    assert (event.name, event.external_id) == ("inngest/scheduled.timer", "2026-11-21T09:11:00Z")
    assert event.ts_ms == SYNCED_MS + MINUTE_MS
    assert msgspec.json.decode(event.payload)["data"] == {
        "cron": CRON,
        "scheduledAt": "2026-11-21T09:11:00Z",
        "fireAt": "2026-11-21T09:11:00Z",
    }
    (run,) = transition.runs
    assert (run.function_id, run.function_version, run.cron) == ("f", 3, CRON)
    assert run.event_id == event.id
    (start,) = transition.put
    assert (start.kind, start.run_id, start.due_ms) == (ItemKind.START, run.id, 0)
    assert transition.claims == [
        Claim(FunctionId("f"), "2026-11-21T09:11:00Z", run.id, chain.clock.ms + CLAIM_MS)
    ]


def test_the_item_is_replaced_by_the_one_for_the_next_tick(chain: Chain) -> None:
    transition = chain.tick()

    assert transition.renew_due == [
        QueueItem(
            chain.item.id,
            ItemKind.CRON,
            FunctionId("f"),
            due_ms=SYNCED_MS + 2 * MINUTE_MS,
            queued_ms=chain.clock.ms,
            body=CronBody(CRON, 3, SYNCED_MS + 2 * MINUTE_MS).encode(),
        )
    ]
    assert transition.done == []


def test_only_the_function_whose_tick_it_is_is_started() -> None:
    """The event is stored like others, but nobody else is woken by it."""
    chain = Chain(CronTrigger(cron=CRON), EventTrigger(event="inngest/scheduled.timer"))
    chain.pass_minutes(1)

    assert len(chain.tick().runs) == 1


def test_waits_for_the_event_of_a_tick_are_looked_for(chain: Chain) -> None:
    transition = chain.tick(awaited={"inngest/scheduled.timer"})

    kinds = {item.kind for item in transition.put}
    assert kinds == {ItemKind.START, ItemKind.MATCH}


def test_a_claimed_tick_starts_nothing_and_the_chain_goes_on(chain: Chain) -> None:
    """Another schedule of the function had the same tick."""
    transition = chain.tick(claimed=True)

    assert (transition.events, transition.runs, transition.claims) == ([], [], [])
    assert len(transition.renew_due) == 1


def test_missed_ticks_are_run_one_after_another(chain: Chain) -> None:
    chain.pass_minutes(2.5)

    assert [chain.next() for _ in range(3)] == [
        "2026-11-21T09:12:00Z",
        "2026-11-21T09:13:00Z",
        "2026-11-21T09:14:00Z",
    ]


def test_of_very_many_missed_ticks_the_oldest_are_left_out(chain: Chain) -> None:
    chain.pass_minutes(10 * CRON_MISSED_MAX)

    chain.next()

    tick_ms = CronBody.decode(chain.item.body).tick_ms
    assert chain.clock.ms - tick_ms == (CRON_MISSED_MAX - 1) * MINUTE_MS


def test_a_chain_without_a_next_tick_ends_after_this_one(chain: Chain) -> None:
    chain.replace_schedule("0 0 31 2 *")

    transition = chain.tick()

    assert len(transition.runs) == 1
    assert transition.done == [chain.item.id]


def test_jitter_moves_the_run_and_not_the_tick() -> None:
    chain = Chain(CronTrigger(cron=CRON, jitter="1s"))
    chain.pass_minutes(1.1)

    transition = chain.tick()

    (event,) = transition.events
    assert event.ts_ms == SYNCED_MS + MINUTE_MS + 1_000
    assert msgspec.json.decode(event.payload)["data"]["fireAt"] == "2026-11-21T09:11:01Z"
    (item,) = transition.renew_due
    assert item.due_ms == SYNCED_MS + 2 * MINUTE_MS + 1_000


def test_the_chain_of_an_older_version_ends(chain: Chain) -> None:
    chain.clock.ms = SYNCED_MS + MINUTE_MS // 2
    chain.sync_again(CronTrigger(cron=CRON))
    chain.pass_minutes(1)

    assert chain.tick() == Transition(done=[chain.item.id])


def test_ticks_before_a_synchronisation_are_run_by_the_older_chain(chain: Chain) -> None:
    """The server was down at 09:11 and 09:12; at 09:12:30 the app registers a change."""
    chain.pass_minutes(1.5)
    chain.sync_again(CronTrigger(cron=CRON))

    assert chain.next() == "2026-11-21T09:12:00Z"
    last = chain.tick()

    assert [run.function_version for run in last.runs] == [4]
    assert last.done == [chain.item.id]
    assert last.renew_due == []


@pytest.mark.parametrize("trigger", [CronTrigger(cron="0 * * * *"), EventTrigger(event=CRON)])
def test_a_schedule_that_is_not_declared_any_more_does_not_run(
    trigger: Trigger, chain: Chain
) -> None:
    chain.pass_minutes(1)
    chain.sync_again(trigger)

    assert chain.tick() == Transition(done=[chain.item.id])


def test_an_archived_function_does_not_run(chain: Chain) -> None:
    chain.change(archived=True)

    assert chain.tick() == Transition(done=[chain.item.id])


def test_an_unknown_function_does_not_run(chain: Chain) -> None:
    world = World(FunctionIndex(), (), RetryPolicy())

    transition = tick(None, chain.item, claimed=False, world=world, at=chain.at)

    assert transition == Transition(done=[chain.item.id])


def test_a_time_zone_that_was_abolished_ends_the_chain_after_the_tick(chain: Chain) -> None:
    """Zones come from the system, and a store may be moved to another one."""
    chain.replace_schedule("TZ=Nowhere/Atlantis * * * * *")

    transition = chain.tick()

    assert len(transition.runs) == 1
    assert transition.done == [chain.item.id]


def test_the_run_of_a_tick_can_be_found_by_its_event(chain: Chain) -> None:
    transition = chain.tick()

    assert transition.runs[0].event_id == EventId(transition.events[0].id)
    assert transition.events[0].environment_id == DEFAULT_ENVIRONMENT_ID
