"""Lanes: which limits may hold up a queue item, as one short text.

A lane is a first-in-first-out queue of items of one function that are held up by the same things,
so that what holds up one lane holds up no other. Its text says everything the scheduler must know
about the items: decisions stand in `DECISIONS`; requests to apps in lanes that begin with "c";
runs that have not started in lanes that begin with "s", to which throttling, the limit on runs and
pauses apply as well. The values of the function's keys follow as JSON.

Numbers (limits, periods) are no part of it: they are read from the function's present
configuration. A key whose expression is not in that configuration any more limits nothing.

Source: flow control, 1.5 and 3.3.
"""

import enum
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final

import msgspec

__all__ = [
    "CALLS",
    "DECISIONS",
    "STARTS",
    "KeyKind",
    "LaneKey",
    "call_lane",
    "expression_hash",
    "is_start_lane",
    "lane_keys",
    "short_value",
    "start_lane",
]

#: Items that only need a decision; nothing holds them up.
DECISIONS: Final = ""
#: The requests and the first requests of functions without keys.
CALLS: Final = "c"
STARTS: Final = "s"

_VALUE_CHARS_MAX: Final = 64
_VALUE_CHARS_KEPT: Final = 40


class KeyKind(enum.StrEnum):
    """Which limit a key belongs to. The letters are stored; never change them."""

    CONCURRENCY = "c"
    RUN_CONCURRENCY = "r"
    THROTTLE = "t"


class LaneKey(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The value of one key.

    Attributes:
        expression: `expression_hash` of the key's text.
        value: What it gave for the run's event, shortened by `short_value`.
    """

    kind: KeyKind
    expression: str
    value: str


_DECODER: Final = msgspec.json.Decoder(tuple[LaneKey, ...])


def start_lane(keys: Sequence[LaneKey]) -> str:
    """The lane of a run that has not started."""
    return STARTS + _text(keys)


def call_lane(keys: Sequence[LaneKey]) -> str:
    """The lane of a run's further requests: what was only for the start is left out."""
    return CALLS + _text([key for key in keys if key.kind is not KeyKind.THROTTLE])


def is_start_lane(lane: str) -> bool:
    """Whether the lane's items are first requests of runs that have not been let in."""
    return lane.startswith(STARTS)


@lru_cache(maxsize=4096)
def lane_keys(lane: str) -> tuple[LaneKey, ...]:
    """The values of keys that a lane names."""
    return _DECODER.decode(lane[1:]) if len(lane) > 1 else ()


@lru_cache(maxsize=4096)
def expression_hash(source: str) -> str:
    """A short name for the text of a key expression; the same text always has the same one."""
    return blake2b(source.encode(), digest_size=6).hexdigest()


def short_value(value: str) -> str:
    """The value, or its beginning and a hash if it is long: different values stay different."""
    if len(value) <= _VALUE_CHARS_MAX:
        return value
    digest = blake2b(value.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    return f"{value[:_VALUE_CHARS_KEPT]}…{digest}"


def _text(keys: Sequence[LaneKey]) -> str:
    return msgspec.json.encode(keys).decode() if keys else ""
