"""Every character that users may send is stored and found again, on every store."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.core.identity import StepId
from stepwell.core.transition import Transition
from stepwell.engine.store import Lane, Ownership, Store, WaitQuery
from stepwell.store.postgres.texts import escape, escape_bytes, unescape
from stepwell.store.reading import ReadModels
from stepwell.store.views import EventsPage
from tests.unit.store.builders import (
    ENVIRONMENT,
    FUNCTION,
    PARTITION,
    a_buffer,
    a_buffered_event,
    a_claim,
    a_function,
    a_limit,
    a_run,
    a_signal,
    a_skip,
    a_sync,
    a_wait,
    an_app,
    an_event,
    an_item,
    an_operation,
    buffer_ref,
    event_id,
    lane_query,
    run_id,
)

pytestmark = pytest.mark.anyio

#: The characters that PostgreSQL has no place for, and what stands in for them.
NASTY = "\x00a\x01\x02\x00\x02\x01\x01 ü🦊 ' \\ %s $1"

_texts = st.text(st.sampled_from("\x00\x01\x02\x03a") | st.characters(codec="utf-8"))


@given(_texts)
def test_what_is_escaped_comes_back(text: str) -> None:
    assert "\x00" not in escape(text)
    assert unescape(escape(text)) == text
    assert escape_bytes(text.encode()) == escape(text).encode()


@given(_texts, _texts)
def test_escaping_keeps_the_order_and_what_text_begins_with(one: str, other: str) -> None:
    assert (escape(one).encode() < escape(other).encode()) == (one.encode() < other.encode())
    assert escape(one + other).startswith(escape(one))


async def test_names_keys_and_steps_may_have_any_character(store: Store, owner: Ownership) -> None:
    event = msgspec.structs.replace(an_event(1), name=NASTY, external_id=NASTY)
    run = msgspec.structs.replace(a_run(1, singleton=NASTY), event_name=NASTY, lane=NASTY)
    item = msgspec.structs.replace(an_item(1, lane=NASTY), step=StepId(NASTY))
    wait = a_wait(2, event_name=NASTY, match=(NASTY, NASTY))
    ref = buffer_ref(NASTY)
    buffer, held = a_buffer(ref, "b"), a_buffered_event("b", 0, event=1)
    held = msgspec.structs.replace(held, claim_key=NASTY)
    app, sync = an_app(NASTY), msgspec.structs.replace(a_sync(1, NASTY), message=NASTY)
    function, operation = a_function(NASTY), msgspec.structs.replace(an_operation(1), name=NASTY)
    signal, limit, claim = a_signal(NASTY, step=NASTY), a_limit(NASTY), a_claim(NASTY)
    await store.commit(
        owner,
        [
            Transition(events=[event], runs=[run], put=[item], waits=[wait]),
            Transition(buffers=[buffer], buffered=[held], signals=[signal], limits=[limit]),
            Transition(apps=[app], syncs=[sync], functions=[function], operations=[operation]),
            Transition(claims=[claim]),
        ],
    )

    asked = WaitQuery(
        environment_id=ENVIRONMENT,
        event_name=NASTY,
        values=[(NASTY, NASTY)],
        created_until_ms=10**15,
        after=a_wait(0).id,
        limit=9,
    )
    key = (FUNCTION, NASTY)
    assert await store.event(event_id(1)) == event
    assert (await store.load_runs([run_id(1)]))[run_id(1)].new == run
    assert await store.ready_lanes(PARTITION, after=None, limit=9) == [Lane(FUNCTION, NASTY)]
    assert await store.ready([lane_query(NASTY)]) == [[item]]
    assert await store.waits_for([asked]) == [[wait]]
    assert await store.buffers([ref]) == {ref: buffer}
    assert await store.buffered_events(["b"]) == {"b": [held]}
    assert await store.singletons([key]) == {key: run_id(1)}
    assert await store.claims([key], now_ms=0) == {key: claim.run_id}
    assert await store.throttles(now_ms=0) == [limit]
    assert await store.signal(ENVIRONMENT, NASTY) == signal
    assert await store.apps() == [app]
    assert await store.sync_marks() == [sync.mark]
    assert await store.functions() == [function]
    assert await store.operations() == [operation]


async def test_who_reads_finds_any_character_again(
    store: Store, owner: Ownership, reading: ReadModels
) -> None:
    event = msgspec.structs.replace(an_event(1), name=NASTY, external_id=NASTY)
    run = msgspec.structs.replace(a_run(1), event_name=NASTY, cron=NASTY)
    skip = msgspec.structs.replace(a_skip(1), detail=NASTY)
    await store.commit(owner, [Transition(events=[event], runs=[run], skips=[skip])])

    found = await reading.run(run_id(1))
    assert await reading.events(EventsPage(ENVIRONMENT, 9, name=NASTY)) == [event]
    assert await reading.skips_of_event(event_id(1)) == [skip]
    assert found is not None
    assert (found.event_name, found.cron) == (NASTY, NASTY)
    (seen,) = await reading.event_types(ENVIRONMENT, limit=9)
    assert seen.name == NASTY


async def test_text_is_ordered_by_its_bytes(store: Store, owner: Ownership) -> None:
    """Not by the rules of a language, by which "a" would come before "B" and accents not count."""
    names = ["\x00", "\x01", "\x02", "-", "A", "B", "Z", "a", "b", "é", "ü", "一", "🦊"]
    items = [an_item(number, lane=name) for number, name in enumerate(names[::-1], start=1)]
    await store.commit(owner, [Transition(put=items)])

    lanes = await store.ready_lanes(PARTITION, after=None, limit=99)
    after = await store.ready_lanes(PARTITION, after=Lane(FUNCTION, "Z"), limit=99)

    assert [lane.lane for lane in lanes] == names
    assert [lane.lane for lane in after] == names[7:]
