"""Wake-ups as short texts, sent with what they are about.

A wake-up is sent by a statement, and delivered when its transaction is durable; not at all if it is
undone. PostgreSQL takes a lock for it at the end of such a transaction, so most commits send none.
"""

from collections.abc import Iterable
from typing import Final

from stepwell.core.identity import NodeId, PartitionId
from stepwell.engine.nodes import Wake
from stepwell.store.sql.statements import Query, Statement

__all__ = [
    "CHANNEL",
    "NEWS_BYTES_MAX",
    "NOTIFY",
    "tell_everybody",
    "wake_everybody",
    "wake_from",
    "wake_owners",
]

#: The channel of a database that servers listen to.
CHANNEL: Final = "stepwell"

NOTIFY: Final = Statement(f"SELECT pg_notify('{CHANNEL}', ?1)")

#: PostgreSQL takes less than 8,000 bytes.
NEWS_BYTES_MAX: Final = 7_900

_EVERYBODY: Final = "*"
_NEWS: Final = "c"


def wake_everybody() -> Query:
    """Says that nodes, owners or the catalogue have changed."""
    return Query(NOTIFY, (_EVERYBODY,))


def wake_owners(partitions: Iterable[PartitionId]) -> Query:
    """Says that there is mail for the owners of some partitions."""
    return Query(NOTIFY, ("p" + ",".join(map(str, sorted(partitions))),))


def tell_everybody(news: str) -> Query:
    """Tells all nodes something."""
    assert len(news.encode()) <= NEWS_BYTES_MAX
    return Query(NOTIFY, (_NEWS + news,))


def wake_from(text: str) -> Wake:
    """What a text says. One that only a newer version understands wakes everybody."""
    kind, numbers = text[:1], text[1:].split(",")
    if kind == _NEWS:
        return Wake(news=text[1:])
    if not all(number.isdecimal() for number in numbers):
        return Wake(everybody=True)
    match kind:
        case "p":
            return Wake(partitions=frozenset(PartitionId(int(number)) for number in numbers))
        case "n":
            return Wake(nodes=frozenset(NodeId(int(number)) for number in numbers))
        case _:
            return Wake(everybody=True)
