"""Metadata and spans of runs: appended and replaced, read back whole, and gone with their run."""

from collections.abc import Callable
from typing import TypeVar

import pytest

from stepwell.core.identity import RunId, StepId
from stepwell.core.metadata import MetadataOp, MetadataOwner, MetadataScope, MetadataUpdate
from stepwell.core.transition import Transition
from stepwell.core.user_span import SpanKind, SpanOutcome, UserSpan
from stepwell.engine.store import AnnotatedRun, Ownership, Store
from stepwell.store.queries import Queries
from stepwell.store.reading import ReadModels
from stepwell.store.schema import spans as spans_table
from tests.unit.store.builders import FUNCTION, a_run, run_id

pytestmark = pytest.mark.anyio

T = TypeVar("T")


def an_update(number: int, *, run: int = 1, values: bytes = b'{"a":1}') -> MetadataUpdate:
    owner = MetadataOwner(MetadataScope.STEP, StepId("step"), number, "span")
    return MetadataUpdate(
        run_id(run), number, owner, "userland.k", MetadataOp.ADD, values, len(values), 1_000
    )


def a_span(number: int, *, run: int = 1, name: str = "GET /", started_ns: int = 5) -> UserSpan:
    return UserSpan(
        run_id=run_id(run),
        span_id=f"{number:016x}",
        parent_span_id="b7ad6b7169203331",
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
        step=StepId("step"),
        attempt=1,
        call_span_id="65a2786b80185ca2",
        name=name,
        kind=SpanKind.CLIENT,
        status=SpanOutcome.ERROR,
        status_message="refused",
        service="shop",
        scope="http",
        scope_version="1.2",
        started_ns=started_ns,
        ended_ns=2**63 - 1,
        attributes=b'{"k":"v"}',
        events=b"[]",
    )


@pytest.fixture
async def run(store: Store, owner: Ownership) -> RunId:
    await store.commit(owner, [Transition(runs=[a_run(1), a_run(2)])])
    return run_id(1)


async def test_what_is_attached_to_runs_is_counted(
    store: Store, owner: Ownership, run: RunId
) -> None:
    updates = [an_update(1), an_update(2, values=b'{"b":22}')]
    spans = [a_span(1), a_span(2)]
    await store.commit(owner, [Transition(metadata=updates), Transition(spans=spans)])

    found = await store.annotated_runs([run, run_id(2), run_id(3)])

    assert found == {
        run: AnnotatedRun(FUNCTION, 2, 7 + 8, 2, 2 * spans[0].size),
        run_id(2): AnnotatedRun(FUNCTION, 0, 0, 0, 0),
    }


async def test_a_span_that_is_sent_again_replaces_itself(
    store: Store, owner: Ownership, run: RunId
) -> None:
    """In one batch as well as in different ones, the latest stands."""
    await store.commit(owner, [Transition(spans=[a_span(1), a_span(1, name="second")])])
    await store.commit(owner, [Transition(spans=[a_span(1, name="third")])])

    assert (await store.annotated_runs([run]))[run].spans == 1


async def test_nothing_is_attached_to_a_run_that_is_not_there(
    store: Store, owner: Ownership
) -> None:
    """It may have been forgotten a moment ago; what it left behind would stay for ever."""
    await store.commit(owner, [Transition(metadata=[an_update(1)], spans=[a_span(1)])])
    await store.commit(owner, [Transition(runs=[a_run(1)])])

    assert await store.annotated_runs([run_id(1)]) == {
        run_id(1): AnnotatedRun(FUNCTION, 0, 0, 0, 0)
    }


async def test_something_may_come_with_its_run(store: Store, owner: Ownership) -> None:
    await store.commit(owner, [Transition(runs=[a_run(1)], metadata=[an_update(1)])])

    assert (await store.annotated_runs([run_id(1)]))[run_id(1)].updates == 1


async def _ask(reading: ReadModels, question: Callable[[Queries], T]) -> T:
    return await reading._reading.run("test", question)


async def test_everything_is_read_as_it_was_written(
    store: Store, owner: Ownership, reading: ReadModels
) -> None:
    updates = [an_update(1), an_update(2)]
    spans = [a_span(3, started_ns=1), a_span(1), a_span(2)]
    others = Transition(metadata=[an_update(1, run=2)], spans=[a_span(1, run=2)])
    await store.commit(owner, [Transition(runs=[a_run(1), a_run(2), a_run(3)])])
    await store.commit(owner, [Transition(metadata=updates, spans=spans[::-1]), others])
    asked = [run_id(1), run_id(2), run_id(3)]

    assert await reading.metadata_of_run(run_id(1)) == updates
    assert await reading.spans_of_run(run_id(1)) == spans
    assert await _ask(reading, lambda q: q.metadata_of_runs(asked)) == {
        run_id(1): updates,
        run_id(2): [an_update(1, run=2)],
    }
    assert await _ask(reading, lambda q: q.spans_of_runs(asked)) == {
        run_id(1): spans,
        run_id(2): [a_span(1, run=2)],
    }
    assert await reading.spans_of_run(run_id(9)) == []


async def test_many_runs_can_be_asked_about(
    store: Store, owner: Ownership, reading: ReadModels
) -> None:
    numbers = range(1, 1_202)
    brought = [
        Transition(
            runs=[a_run(number)],
            metadata=[an_update(1, run=number)],
            spans=[a_span(1, run=number)],
        )
        for number in numbers
    ]
    await store.commit(owner, brought)
    asked = [run_id(number) for number in numbers]

    assert list(await _ask(reading, lambda q: q.metadata_of_runs(asked))) == asked
    assert sorted(await _ask(reading, lambda q: q.spans_of_runs(asked))) == asked


def test_a_span_is_stored_column_by_column() -> None:
    """A new field would be lost unless the table gets a column for it."""
    columns = {column.name for column in spans_table.columns}

    assert set(UserSpan.__struct_fields__) - {"function_id"} == columns - {"bytes"}
