"""Metadata and spans: what a run may have in all, whoever attaches things at the same time."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec
import pytest

from stepwell.core.identity import FunctionId, RunId, StepId
from stepwell.core.metadata import (
    METADATA_BYTES_MAX,
    UPDATES_MAX,
    MetadataOp,
    MetadataOwner,
    MetadataScope,
)
from stepwell.core.moment import Moment
from stepwell.core.transition import Transition
from stepwell.core.user_span import SPANS_BYTES_MAX, SPANS_MAX, UserSpan
from stepwell.engine.annotations import Annotations, Attached, NewMetadata, SpansAttached
from stepwell.engine.store import StoreUnavailable, join_alone
from stepwell.engine.written import Written
from stepwell.store.sqlite import SqliteStore
from tests.unit.core.core_world import CountedIds
from tests.unit.store.builders import FUNCTION, a_run, run_id
from tests.unit.store.test_annotations import a_span

pytestmark = pytest.mark.anyio

RUN = run_id(1)
NOW_MS = 1_790_000_000_000


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Partition:
    """A real store, and commits that are durable when the test says so."""

    def __init__(self) -> None:
        self.store = SqliteStore.in_memory()
        self.annotations = Annotations(self.store, self)
        self.submitted: list[tuple[list[Transition], Written]] = []
        self.failure: StoreUnavailable | None = None
        self.is_held_up = False

    async def begin(self) -> "Partition":
        self.owner = await join_alone(self.store)
        await self.store.commit(self.owner, [Transition(runs=[a_run(1), a_run(2)])])
        return self

    def check(self) -> None:
        if self.failure is not None:
            raise self.failure

    def moment(self) -> Moment:
        return Moment(NOW_MS, CountedIds())

    async def commit_all(
        self, transitions: Sequence[Transition], *, settled: Callable[[], None] | None = None
    ) -> None:
        written = Written(settled)
        self.submitted.append((list(transitions), written))
        if not self.is_held_up:
            await self.write()
        await written.future

    async def write(self) -> None:
        """What was submitted becomes durable, or fails."""
        submitted, self.submitted = self.submitted, []
        for transitions, written in submitted:
            if self.failure is not None:
                written.failed(self.failure)
            else:
                await self.store.commit(self.owner, transitions)
                written.committed()


@pytest.fixture
async def partition() -> Partition:
    return await Partition().begin()


def an_update(size: int = 5, kind: str = "userland.k") -> NewMetadata:
    values = b'{"a":"%b"}' % (b"x" * (size - 3))
    owner = MetadataOwner(MetadataScope.STEP, StepId("s"))
    return NewMetadata(owner, kind, MetadataOp.SET, values, size)


def sized(size: int, number: int = 1, run: int = 1) -> UserSpan:
    span = msgspec.structs.replace(a_span(number, run=run), function_id=FUNCTION, events=b"")
    return msgspec.structs.replace(span, attributes=b"x" * size)


async def counts(partition: Partition, run: RunId = RUN) -> tuple[int, int, int, int]:
    found = (await partition.store.annotated_runs([run]))[run]
    return found.updates, found.updates_bytes, found.spans, found.spans_bytes


class TestMetadata:
    async def test_updates_are_numbered_on_and_stored_when_the_call_returns(
        self, partition: Partition
    ) -> None:
        for _ in range(2):
            attached = await partition.annotations.add_metadata(RUN, [an_update(), an_update()])
            assert attached == Attached()

        assert await counts(partition) == (4, 20, 0, 0)

    async def test_an_unknown_run_takes_nothing(self, partition: Partition) -> None:
        attached = await partition.annotations.add_metadata(run_id(9), [an_update()])

        assert attached == Attached(is_known_run=False)

    @pytest.mark.parametrize(("more", "has_room"), [(0, True), (1, False)])
    async def test_a_run_may_have_so_many_bytes(
        self, partition: Partition, more: int, has_room: bool
    ) -> None:
        add = partition.annotations.add_metadata
        await add(RUN, [an_update(METADATA_BYTES_MAX - 10)])

        assert await add(RUN, [an_update(), an_update(5 + more)]) == Attached(has_room=has_room)
        assert (await counts(partition))[0] == (3 if has_room else 1)

    async def test_a_run_may_have_so_many_updates(self, partition: Partition) -> None:
        add = partition.annotations.add_metadata
        await add(RUN, [an_update(3)] * (UPDATES_MAX - 1))

        assert await add(RUN, [an_update(3)] * 2) == Attached(has_room=False)
        assert await add(RUN, [an_update(3)]) == Attached()
        assert await add(RUN, [an_update(3)]) == Attached(has_room=False)

    async def test_requests_at_the_same_time_share_the_room(self, partition: Partition) -> None:
        """Nothing of any of them is durable before all of them have been decided about."""
        partition.is_held_up = True
        third = METADATA_BYTES_MAX // 3
        requests = [
            asyncio.create_task(partition.annotations.add_metadata(RUN, [an_update(third)]))
            for _ in range(5)
        ]
        while len(partition.submitted) < 3 or sum(task.done() for task in requests) < 2:
            await asyncio.sleep(0)
        await partition.write()

        attached = await asyncio.gather(*requests)

        assert [one.has_room for one in attached] == [True, True, True, False, False]
        assert (await counts(partition))[:2] == (3, 3 * third)

    async def test_who_gives_up_waiting_leaves_no_gap(self, partition: Partition) -> None:
        """The update is on its way; whoever comes next counts on from it."""
        partition.is_held_up = True
        first = asyncio.create_task(partition.annotations.add_metadata(RUN, [an_update()]))
        while not partition.submitted:
            await asyncio.sleep(0)
        first.cancel()
        second = asyncio.create_task(partition.annotations.add_metadata(RUN, [an_update()]))
        while len(partition.submitted) < 2:
            await asyncio.sleep(0)
        await partition.write()

        assert await second == Attached()
        assert await counts(partition) == (2, 10, 0, 0)

    async def test_a_failed_commit_is_told_and_nothing_is_remembered_of_it(
        self, partition: Partition
    ) -> None:
        partition.is_held_up = True
        request = asyncio.create_task(partition.annotations.add_metadata(RUN, [an_update()]))
        while not partition.submitted:
            await asyncio.sleep(0)
        partition.failure = StoreUnavailable("commit", "full")
        await partition.write()
        with pytest.raises(StoreUnavailable):
            await request

        partition.failure, partition.is_held_up = None, False
        assert await partition.annotations.add_metadata(RUN, [an_update()]) == Attached()
        assert await counts(partition) == (1, 5, 0, 0)

    async def test_nothing_is_taken_while_nothing_can_be_written(
        self, partition: Partition
    ) -> None:
        partition.failure = StoreUnavailable("commit", "full")

        with pytest.raises(StoreUnavailable):
            await partition.annotations.add_metadata(RUN, [an_update()])


class TestSpans:
    async def test_spans_of_several_runs_come_together(self, partition: Partition) -> None:
        spans = [sized(10, run=1), sized(20, run=2), sized(30, number=2)]

        assert await partition.annotations.add_spans(spans) == SpansAttached()
        assert await counts(partition) == (0, 0, 2, 40)
        assert await counts(partition, run_id(2)) == (0, 0, 1, 20)

    async def test_spans_of_unknown_runs_are_counted(self, partition: Partition) -> None:
        """So are those that name another function than the run has."""
        stranger = msgspec.structs.replace(sized(1), function_id=FunctionId("other"))
        spans = [sized(1, run=9), stranger, sized(1, number=2)]

        assert await partition.annotations.add_spans(spans) == SpansAttached(
            2, "a span belongs to a run that does not exist"
        )
        assert await counts(partition) == (0, 0, 1, 1)

    async def test_a_run_may_have_so_many_spans(self, partition: Partition) -> None:
        spans = [sized(0, number) for number in range(SPANS_MAX + 1)]

        attached = await partition.annotations.add_spans(spans)

        assert attached == SpansAttached(1, "a run has more than 10000 spans")
        assert await counts(partition) == (0, 0, SPANS_MAX, 0)

    async def test_the_spans_of_a_run_may_have_so_many_bytes(self, partition: Partition) -> None:
        half = SPANS_BYTES_MAX // 2
        spans = [sized(half, 1), sized(half + 1, 2), sized(half, 3)]

        attached = await partition.annotations.add_spans(spans)

        assert attached == SpansAttached(1, "the spans of a run have more than 16777216 bytes")
        assert await counts(partition) == (0, 0, 2, SPANS_BYTES_MAX)

    async def test_many_spans_are_written_a_bite_at_a_time(self, partition: Partition) -> None:
        """A transaction must not become so large that others have to wait for it."""
        partition.is_held_up = True
        small = [sized(1, number) for number in range(501)]
        large = [sized(700_000, number) for number in range(600, 603)]
        request = asyncio.create_task(partition.annotations.add_spans([*small, *large]))
        while not partition.submitted:
            await asyncio.sleep(0)
        ((transitions, _),) = partition.submitted
        await partition.write()

        assert await request == SpansAttached()
        assert [len(transition.spans) for transition in transitions] == [500, 2, 1, 1]
