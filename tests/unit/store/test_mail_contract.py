"""What nodes leave for each other on every store, and being woken for it."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from stepwell.core.identity import FunctionId, ItemId, PartitionId
from stepwell.core.item_bodies import MatchBody
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.transition import Moved, PossibleMatch, Transition
from stepwell.engine.nodes import Mail, Ownership, Question, Reply, Standing, Wake
from stepwell.engine.store import LaneQuery, OwnershipLost, Store
from stepwell.store.errors import StoreDefect
from stepwell.store.sql.mail import LETTERS_MAX
from tests.unit.store.builders import (
    ENVIRONMENT,
    FUNCTION,
    OTHER_FUNCTION,
    a_wait,
    an_app,
    an_item,
    event_id,
)
from tests.unit.store.conftest import OpenStore, Place
from tests.unit.store.crowd import ADD_PARTITIONS, FIRST, SECOND, THIRD, Ear, Seen

pytestmark = pytest.mark.anyio

_EVERYBODY = Wake(everybody=True)
_FIRST_PLACE = (-(2**62), ItemId(0))


@pytest.fixture
async def store(place: Place, open_store: OpenStore) -> AsyncIterator[Store]:
    await (await open_store()).close()
    place.execute(ADD_PARTITIONS)
    opened = await open_store()
    yield opened
    await opened.close()


@pytest.fixture
async def sender(store: Store) -> Ownership:
    """It owns the first partition."""
    owner = await store.join("sender", "1")
    await store.take(owner, [FIRST])
    return owner


@pytest.fixture
async def receiver(store: Store, sender: Ownership) -> Ownership:
    """It owns the second partition and the third."""
    owner = await store.join("receiver", "1")
    await store.take(owner, [SECOND, THIRD])
    return owner


def _match(number: int, *, event_name: str = "shop/paid") -> PossibleMatch:
    item = QueueItem(
        ItemId(number),
        ItemKind.MATCH,
        FunctionId(""),
        queued_ms=7,
        body=MatchBody(event_id(number)).encode(),
    )
    return PossibleMatch(item, ENVIRONMENT, event_name)


def _mail(*items: QueueItem, letters: tuple[int, ...] = ()) -> Mail:
    """Mail with these items, and letters without an item."""
    return Mail(items, tuple(sorted([*(item.id for item in items), *map(ItemId, letters)])))


async def _ready(store: Store, partition: PartitionId, lane: str = "c") -> list[QueueItem]:
    functions = [FUNCTION, OTHER_FUNCTION, FunctionId("")]
    queries = [LaneQuery(partition, each, lane, _FIRST_PLACE, 9) for each in functions]
    return [item for page in await store.ready(queries) for item in page]


async def _letters(store: Store, owner: Ownership, *partitions: PartitionId) -> list[ItemId]:
    return list((await store.mail(owner, partitions)).letters)


class TestItems:
    async def test_items_lie_in_the_partitions_of_their_functions(
        self, store: Store, sender: Ownership
    ) -> None:
        put = [an_item(1), an_item(2, function=OTHER_FUNCTION), an_item(3, due_ms=5)]

        await store.commit(sender, [Transition(put=put)], Seen(are_one=True))

        assert await _ready(store, FIRST) == []
        assert await _ready(store, SECOND) == [put[0]]
        assert await _ready(store, THIRD) == [put[1]]
        timers = await store.timers(SECOND, FUNCTION, after=(0, ItemId(0)), until_ms=9, limit=9)
        assert timers == [put[2]]

    async def test_only_those_in_partitions_of_others_are_announced(
        self, store: Store, sender: Ownership, receiver: Ownership
    ) -> None:
        put = [an_item(3), an_item(2, function=FunctionId("")), an_item(1, due_ms=5)]

        await store.commit(sender, [Transition(put=put)], Seen(FIRST))

        assert await store.mail(receiver, [THIRD, SECOND]) == _mail(put[2], put[0])
        assert await store.mail(receiver, [THIRD]) == Mail()
        assert await store.mail(sender, [FIRST]) == Mail()

    async def test_nothing_is_announced_by_who_owns_everything(
        self, store: Store, sender: Ownership
    ) -> None:
        await store.commit(sender, [Transition(put=[an_item(1)])], Seen(are_one=True))

        assert await store.mail(sender, store.partitions) == Mail()

    async def test_what_is_done_in_its_own_commit_is_not_announced(
        self, store: Store, sender: Ownership, receiver: Ownership
    ) -> None:
        both = [Transition(put=[an_item(1)]), Transition(done=[ItemId(1)])]

        await store.commit(sender, both, Seen(FIRST))

        assert await store.mail(receiver, [SECOND]) == Mail()

    async def test_a_commit_that_fails_announces_nothing(
        self, store: Store, sender: Ownership, receiver: Ownership
    ) -> None:
        with pytest.raises(StoreDefect):
            await store.commit(
                sender, [Transition(put=[an_item(1)], renew=[an_item(2)])], Seen(FIRST)
            )

        assert await store.mail(receiver, [SECOND]) == Mail()

    async def test_what_was_received_is_not_announced_again(
        self, store: Store, sender: Ownership, receiver: Ownership
    ) -> None:
        put = [an_item(1), an_item(2), an_item(3)]
        await store.commit(sender, [Transition(put=put)], Seen(FIRST))

        await store.commit(receiver, [Transition(received=[ItemId(1), ItemId(3)])])

        assert await store.mail(receiver, [SECOND]) == _mail(put[1])
        assert await _ready(store, SECOND) == put

    async def test_nobody_receives_what_is_announced_to_others(
        self, store: Store, sender: Ownership, receiver: Ownership
    ) -> None:
        await store.commit(sender, [Transition(put=[an_item(1)])], Seen(FIRST))

        await store.commit(sender, [Transition(received=[ItemId(1)])])

        assert await _letters(store, receiver, SECOND) == [1]

    async def test_the_letter_of_an_item_that_is_done_is_given_alone(
        self, store: Store, sender: Ownership, receiver: Ownership
    ) -> None:
        await store.commit(sender, [Transition(put=[an_item(1), an_item(2)])], Seen(FIRST))
        await store.commit(receiver, [Transition(done=[ItemId(1)])])

        assert await store.mail(receiver, [SECOND]) == _mail(an_item(2), letters=(1,))

    async def test_a_bounded_part_is_given_the_first_items_first(
        self, store: Store, sender: Ownership, receiver: Ownership
    ) -> None:
        functions = [FUNCTION, OTHER_FUNCTION]
        put = [an_item(number, function=functions[number % 2]) for number in range(LETTERS_MAX + 2)]
        await store.commit(sender, [Transition(put=put[::-1])], Seen(FIRST))

        mail = await store.mail(receiver, [SECOND, THIRD])
        await store.commit(receiver, [Transition(received=list(mail.letters))])

        assert mail == _mail(*put[:LETTERS_MAX])
        assert await _letters(store, receiver, SECOND, THIRD) == [LETTERS_MAX, LETTERS_MAX + 1]


class TestPossibleMatches:
    async def test_it_is_queued_and_announced_if_somebody_waits(
        self, store: Store, sender: Ownership, receiver: Ownership
    ) -> None:
        await store.commit(sender, [Transition(waits=[a_wait(1), a_wait(2)])])
        matches = [_match(3), _match(4, event_name="shop/other")]

        await store.commit(receiver, [Transition(possible_matches=matches)], Seen(SECOND, THIRD))

        assert await _ready(store, FIRST, "") == [matches[0].item]
        assert await store.mail(sender, [FIRST]) == _mail(matches[0].item)

    async def test_a_wait_of_the_same_commit_counts(self, store: Store, sender: Ownership) -> None:
        transition = Transition(waits=[a_wait(1)], possible_matches=[_match(2)])

        await store.commit(sender, [transition])

        assert await _letters(store, sender, FIRST) == [2]

    async def test_a_wait_of_another_environment_does_not(
        self, store: Store, sender: Ownership
    ) -> None:
        wait = msgspec.structs.replace(a_wait(1), environment_id="another")

        await store.commit(sender, [Transition(waits=[wait], possible_matches=[_match(2)])])

        assert await store.mail(sender, [FIRST]) == Mail()
        assert await _ready(store, FIRST, "") == []

    async def test_a_match_that_is_behind_is_one_with_a_smaller_id(
        self, store: Store, sender: Ownership
    ) -> None:
        match = _match(5).item
        others = [an_item(1), msgspec.structs.replace(match, id=2, kind=ItemKind.CANCEL)]
        await store.commit(sender, [Transition(put=[*others, match])], Seen(FIRST))

        assert not await store.is_behind(ItemId(5))
        assert await store.is_behind(ItemId(6))
        await store.commit(sender, [Transition(done=[ItemId(5)])])
        assert not await store.is_behind(ItemId(6))


class TestMoving:
    async def test_all_items_of_the_function_go_and_are_announced(
        self, store: Store, sender: Ownership, receiver: Ownership
    ) -> None:
        items = [an_item(1), an_item(2, due_ms=9), an_item(3, lane="s")]
        other = an_item(4, function=OTHER_FUNCTION)
        await store.commit(sender, [Transition(put=[*items, other])])

        await store.commit(sender, [Transition(moved=[Moved(FUNCTION, FIRST, SECOND)])])

        assert await store.mail(receiver, [SECOND]) == _mail(*items)
        assert await _ready(store, SECOND) == [items[0]]
        assert await store.queued_functions(FIRST) == [OTHER_FUNCTION]

    async def test_a_letter_left_behind_is_given_without_its_item(
        self, store: Store, sender: Ownership, receiver: Ownership
    ) -> None:
        await store.commit(sender, [Transition(put=[an_item(1)])], Seen(FIRST))
        await store.commit(receiver, [Transition(moved=[Moved(FUNCTION, SECOND, FIRST)])])

        assert await store.mail(receiver, [SECOND]) == _mail(letters=(1,))
        await store.commit(receiver, [Transition(received=[ItemId(1)])])
        assert await store.mail(sender, [FIRST]) == _mail(an_item(1))
        assert await store.mail(receiver, [SECOND]) == Mail()

    async def test_an_item_announced_before_is_announced_once(
        self, store: Store, sender: Ownership, receiver: Ownership
    ) -> None:
        await store.commit(sender, [Transition(put=[an_item(1)])])
        for moved in (Moved(FUNCTION, FIRST, SECOND), Moved(FUNCTION, SECOND, FIRST)):
            await store.commit(sender, [Transition(moved=[moved])])
        await store.commit(sender, [Transition(moved=[Moved(FUNCTION, FIRST, SECOND)])])

        assert await store.mail(receiver, [SECOND]) == _mail(an_item(1))


class TestQuestions:
    async def test_a_question_is_given_until_it_is_answered(
        self, store: Store, sender: Ownership, receiver: Ownership
    ) -> None:
        question = Question("q", SECOND, b"\x00?")
        await store.ask(sender, question)

        assert await store.mail(receiver, [SECOND]) == Mail(questions=(question,))
        assert await store.mail(receiver, [SECOND, THIRD]) == Mail(questions=(question,))
        assert await store.mail(receiver, [THIRD]) == Mail()
        await store.answer(receiver, Reply("q", b"\x00!"))
        assert await store.mail(receiver, [SECOND]) == Mail()

    async def test_the_reply_is_given_once_to_who_asked(
        self, store: Store, sender: Ownership, receiver: Ownership
    ) -> None:
        await store.ask(sender, Question("q", SECOND, b"?"))
        assert await store.mail(sender, [FIRST]) == Mail()
        await store.answer(receiver, Reply("q", b"!"))
        await store.answer(receiver, Reply("q", b"another"))

        assert await store.mail(receiver, [SECOND]) == Mail()
        assert await store.mail(sender, []) == Mail(replies=(Reply("q", b"!"),))
        assert await store.mail(sender, [FIRST]) == Mail()
        await store.answer(receiver, Reply("q", b"too late"))
        assert await store.mail(sender, [FIRST]) == Mail()

    async def test_a_question_asked_twice_is_one(
        self, store: Store, sender: Ownership, receiver: Ownership
    ) -> None:
        """Whoever does not know whether it was asked asks again."""
        for body in (b"?", b"changed"):
            await store.ask(sender, Question("q", SECOND, body))

        mail = await store.mail(receiver, [SECOND])
        assert mail == Mail(questions=(Question("q", SECOND, b"?"),))

    async def test_questions_wait_for_whoever_owns_the_partition_then(
        self, store: Store, sender: Ownership
    ) -> None:
        question = Question("q", SECOND, b"?")
        await store.ask(sender, question)
        later = await store.join("later", "1")
        await store.take(later, [SECOND])

        assert await store.mail(later, [SECOND]) == Mail(questions=(question,))

    async def test_old_questions_go_when_somebody_looks_around(
        self, store: Store, sender: Ownership, receiver: Ownership, place: Place
    ) -> None:
        await store.ask(sender, Question("old", SECOND, b"?"))
        place.execute("UPDATE questions SET asked_ms = asked_ms - 300100")
        young = Question("young", SECOND, b"?")
        await store.ask(sender, young)

        await store.glance(receiver, Standing())

        assert await store.mail(receiver, [SECOND]) == Mail(questions=(young,))

    async def test_who_is_no_node_asks_nothing(
        self, store: Store, sender: Ownership, receiver: Ownership
    ) -> None:
        await store.leave(sender)

        with pytest.raises(OwnershipLost):
            await store.ask(sender, Question("q", SECOND, b"?"))

        assert await store.mail(receiver, [SECOND]) == Mail()


class TestWaking:
    async def test_commits_wake_only_for_what_others_have_to_know(
        self, store: Store, sender: Ownership
    ) -> None:
        ear = await Ear.on(store)
        await store.commit(sender, [Transition(put=[an_item(1)], waits=[a_wait(1)])])
        await store.commit(sender, [Transition(put=[an_item(2)])], Seen(FIRST, SECOND))
        unheard = Transition(possible_matches=[_match(3, event_name="unheard of")])
        await store.commit(sender, [unheard])

        put = [an_item(4), an_item(5, function=OTHER_FUNCTION), an_item(6)]
        await store.commit(sender, [Transition(put=put)], Seen(FIRST))
        await store.commit(sender, [Transition(possible_matches=[_match(7), _match(8)])])
        await store.commit(sender, [Transition(moved=[Moved(FUNCTION, SECOND, THIRD)])])
        await store.commit(sender, [Transition(apps=[an_app()])])

        assert await ear.several(4) == [
            Wake(partitions=frozenset({SECOND, THIRD})),
            Wake(partitions=frozenset({FIRST})),
            Wake(partitions=frozenset({THIRD})),
            _EVERYBODY,
        ]

    async def test_a_commit_that_fails_wakes_nobody(self, store: Store, sender: Ownership) -> None:
        ear = await Ear.on(store)
        with pytest.raises(StoreDefect):
            await store.commit(
                sender, [Transition(apps=[an_app()], renew=[an_item(2)])], Seen(FIRST)
            )

        await store.commit(sender, [Transition(put=[an_item(1)])], Seen(FIRST))

        assert await ear.next() == Wake(partitions=frozenset({SECOND}))

    async def test_questions_and_replies_wake_those_they_are_for(
        self, store: Store, sender: Ownership, receiver: Ownership
    ) -> None:
        ear = await Ear.on(store)
        await store.ask(sender, Question("q", SECOND, b"?"))
        await store.answer(receiver, Reply("q", b"!"))

        assert await ear.several(2) == [
            Wake(partitions=frozenset({SECOND})),
            Wake(nodes=frozenset({sender.node})),
        ]

    async def test_everybody_is_woken_when_nodes_or_owners_change(
        self, store: Store, sender: Ownership, receiver: Ownership, place: Place
    ) -> None:
        ear = await Ear.on(store)
        third = await store.join("third", "1")
        await store.release(receiver, [SECOND])
        await store.leave(receiver)
        place.execute(f"UPDATE nodes SET lease_until_ms = 1 WHERE id = {third.node}")
        await store.take(sender, [])
        assert await ear.several(4) == [_EVERYBODY] * 4

        await store.take(sender, [SECOND])
        await store.ask(sender, Question("q", THIRD, b"?"))
        assert await ear.next() == Wake(partitions=frozenset({THIRD}))

    async def test_all_who_want_it_are_woken(self, store: Store, sender: Ownership) -> None:
        first = await Ear.on(store)
        second = Ear()
        store.on_wake(second._heard.put_nowait)

        await store.ask(sender, Question("q", THIRD, b"?"))

        assert await first.next() == await second.next() == Wake(partitions=frozenset({THIRD}))
