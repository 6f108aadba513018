"""Runs that stand where a test wants to look at them, and times as the clients write them."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from tests.compat.graphql_client import Node
from tests.compat.graphql_raw_app import RawApp

__all__ = [
    "ULID_LENGTH",
    "children_of",
    "is_ulid_text",
    "leave_millisecond",
    "ms_of",
    "now_text",
    "open_at_end",
    "shape",
]

ULID_LENGTH = 26


def now_text() -> str:
    """The time of this machine, which the server shares, as RFC 3339."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def leave_millisecond() -> None:
    """Return in a later millisecond: what came before it and what comes after are in order."""
    ms = time.time_ns() // 1_000_000
    while time.time_ns() // 1_000_000 <= ms:
        pass


def ms_of(text: str) -> int:
    """A time of an answer in ms since 1970; it must be in UTC, and say so with `Z`."""
    assert text.endswith("Z")
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def is_ulid_text(value: object) -> bool:
    return isinstance(value, str) and len(value) == ULID_LENGTH and value == value.upper()


def children_of(run: Node) -> list[Node]:
    """The nodes below the root of a run's tree."""
    children: list[Node] = run["trace"]["childrenSpans"]
    return children


def shape(nodes: Iterable[Mapping[str, Any]], *fields: str) -> list[tuple[Any, ...]]:
    """Of each node these fields."""
    return [tuple(node[field] for field in fields) for node in nodes]


@contextmanager
def open_at_end(app: RawApp, *gates: str) -> Iterator[None]:
    """Whatever happens inside, nobody stands at these gates afterwards."""
    try:
        yield
    finally:
        for gate in gates:
            app.gates.open(gate)
