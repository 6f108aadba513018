"""Conditions as they are shown: with the trigger event's values in them."""

import pytest

from stepwell.core.expressions.interpolation import VALUE_CHARS_MAX, inserted

EVENT = {
    "name": "shop/order.placed",
    "data": {"id": "o-1", "total": 7.5, "vip": True, "tags": ["a", "b"], "a b": 1, "none": None},
}


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("async.data.id == event.data.id", 'async.data.id == "o-1"'),
        ("event.data.total < async.data.total", "7.5 < async.data.total"),
        ("event.data.vip == async.data.vip", "true == async.data.vip"),
        ("event.data.tags[1] == async.data.tag", '"b" == async.data.tag'),
        ("async.data.tag in event.data.tags", 'async.data.tag in ["a","b"]'),
        ("""event.data["a b"] == async.data['a b']""", "1 == async.data['a b']"),
        ("event.data.none == async.data.x", "null == async.data.x"),
        # Missing, wherever the path ends.
        ("event.data.gone == async.data.x", "null == async.data.x"),
        ("event.data.id.deeper == async.data.x", "null == async.data.x"),
        ("event.data.tags[2] == async.data.x", "null == async.data.x"),
        # What is called belongs to no path.
        ("event.name.startsWith('shop')", "\"shop/order.placed\".startsWith('shop')"),
        # Nothing in quotes is a path, and nothing that only looks like one.
        ("async.data.x == 'event.data.id'", "async.data.x == 'event.data.id'"),
        ("async.event.data.id == 1", "async.event.data.id == 1"),
        ("myevent.data.id == 1", "myevent.data.id == 1"),
        ("async.data.x == event", "async.data.x == event"),
        ("", ""),
    ],
)
def test_paths_into_the_trigger_event_become_values(source: str, shown: str) -> None:
    assert inserted(source, EVENT) == shown


@pytest.mark.parametrize(("chars", "is_inserted"), [(0, True), (1, False)])
def test_values_nobody_could_read_stay_paths(chars: int, is_inserted: bool) -> None:
    """The quotes count."""
    text = "x" * (VALUE_CHARS_MAX - 2 + chars)

    shown = inserted("event.data.text == async.data.text", {"data": {"text": text}})

    assert shown.startswith('"x') is is_inserted
    assert shown.startswith("event.data.text") is not is_inserted
