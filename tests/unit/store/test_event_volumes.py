"""How many events of a name came in each hour."""

import msgspec
import pytest

from stepwell.core.identity import EventId
from stepwell.core.transition import StoredEvent, Transition
from stepwell.engine.store import Ownership
from stepwell.store import event_volumes
from stepwell.store.reading import ReadModels
from stepwell.wire.ulid import ulid_from
from tests.unit.store.builders import an_event
from tests.unit.store.conftest import OpenedStore

pytestmark = pytest.mark.anyio

BORDERS_MS = (1_000, 2_000, 3_000)


def received(at_ms: int, number: int, name: str = "shop/paid") -> StoredEvent:
    event_id = EventId(ulid_from(at_ms, number.to_bytes(10, "big")))
    return msgspec.structs.replace(an_event(1), id=event_id, name=name)


async def test_events_are_counted_between_borders(
    store: OpenedStore, owner: Ownership, reading: ReadModels
) -> None:
    times_ms = (999, 1_000, 1_999, 2_000, 2_001, 2_999, 3_000)
    events = [received(ms, n) for n, ms in enumerate(times_ms)]
    events += [received(2_500, 50, "shop/sent"), received(2_500, 51, "shop/paid2")]
    await store.commit(owner, [Transition(events=events)])

    found = await reading.event_volumes(["shop/paid", "shop/sent", "shop/none"], BORDERS_MS)

    assert found == {"shop/paid": [2, 3], "shop/sent": [0, 1], "shop/none": [0, 0]}


@pytest.mark.parametrize(("of_name_max", "is_counted"), [(3, True), (2, False)])
async def test_a_name_of_too_many_events_is_left_out(
    store: OpenedStore,
    owner: Ownership,
    reading: ReadModels,
    monkeypatch: pytest.MonkeyPatch,
    of_name_max: int,
    is_counted: bool,
) -> None:
    monkeypatch.setattr(event_volumes, "EVENTS_OF_NAME_MAX", of_name_max)
    events = [received(1_500, n) for n in range(3)] + [received(1_500, 9, "shop/sent")]
    await store.commit(owner, [Transition(events=events)])

    found = await reading.event_volumes(["shop/paid", "shop/sent"], BORDERS_MS)

    expected = {"shop/paid": [3, 0]} if is_counted else {}
    assert found == expected | {"shop/sent": [1, 0]}


async def test_what_follows_too_many_events_is_left_out(
    store: OpenedStore,
    owner: Ownership,
    reading: ReadModels,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_volumes, "EVENTS_TOGETHER_MAX", 3)
    events = [received(1_500, n) for n in range(3)] + [received(1_500, 9, "shop/sent")]
    await store.commit(owner, [Transition(events=events)])

    found = await reading.event_volumes(["shop/paid", "shop/sent"], BORDERS_MS)

    assert found == {"shop/paid": [3, 0]}
