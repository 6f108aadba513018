"""What nodes leave for each other: queue items, and questions with their replies.

An item that a node puts into another one's partition is announced there, in `inbox`, until its owner
says that it knows of it. What a new owner finds in the queue is the same with or without that.
"""

# ruff: noqa: S608 - what is put into the SQL are our own constants

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from stepwell.core.identity import LOCAL_PARTITION, ItemId, PartitionId
from stepwell.core.lanes import DECISIONS
from stepwell.core.queue import IMMEDIATE, ItemKind, QueueItem
from stepwell.core.transition import Transition
from stepwell.engine import nodes as contract
from stepwell.engine.nodes import Mail, Ownership, Places
from stepwell.engine.store import OwnershipLost
from stepwell.store.sql import rows
from stepwell.store.sql.nodes import IS_NODE
from stepwell.store.sql.queue import IS_READY, IS_TIMER
from stepwell.store.sql.statements import Answer, BulkStatement, Query, Question, Statement, Target
from stepwell.store.sql.wakes import CHANNEL, wake_owners

__all__ = [
    "EXPIRE_QUESTIONS",
    "LETTERS_MAX",
    "announce",
    "answer",
    "ask",
    "is_behind",
    "mail",
    "opened",
    "write_mail",
]

#: How much is given at a time.
LETTERS_MAX: Final = 500
_QUESTIONS_MAX: Final = 100

#: After so long nobody waits for an answer any more.
_QUESTION_MS: Final = 300_000

_ANNOUNCE: Final = BulkStatement(
    "INSERT INTO inbox (partition_id, item_id) VALUES {rows}", columns="ii"
)
# What is announced to partitions of others is none of this node's business.
_RECEIVED: Final = BulkStatement(
    "DELETE FROM inbox WHERE (partition_id, item_id) IN ("
    "SELECT partitions.id, v.column1 FROM (VALUES {rows}) AS v"
    " JOIN partitions ON partitions.node_id = v.column2)",
    columns="ii",
)

_PUT_IF_AWAITED: Final = BulkStatement(
    "INSERT INTO queue (item_id, partition_id, function_id, run_id, kind, step, attempt, due_ms,"
    " queued_ms, body, lane, score)"
    f" SELECT v.column1, {LOCAL_PARTITION}, v.column2, v.column3, v.column4, v.column5, v.column6,"
    " v.column7, v.column8, v.column9, v.column10, v.column11 FROM (VALUES {rows}) AS v"
    " WHERE EXISTS (SELECT 1 FROM waits"
    " WHERE waits.environment_id = v.column12 AND waits.event_name = v.column13)",
    columns="ittitiiibtitt",
)
_ANNOUNCE_PUT: Final = BulkStatement(
    f"INSERT INTO inbox (partition_id, item_id) SELECT {LOCAL_PARTITION}, item_id FROM queue"
    " WHERE item_id IN (VALUES {rows})",
    columns="i",
)
_WAKE_FOR_PUT: Final = BulkStatement(
    f"SELECT pg_notify('{CHANNEL}', 'p{LOCAL_PARTITION}') WHERE EXISTS (SELECT 1 FROM inbox"
    f" WHERE partition_id = {LOCAL_PARTITION} AND item_id IN (VALUES {{rows}}))",
    columns="i",
)

# Each item is in one of the two indexes that these conditions name.
_OF_FUNCTION: Final = tuple(
    f"partition_id = ?2 AND function_id = ?1 AND {condition}" for condition in (IS_READY, IS_TIMER)
)
_ANNOUNCE_MOVED: Final = tuple(
    Statement(
        "INSERT INTO inbox (partition_id, item_id)"
        f" SELECT ?3, item_id FROM queue WHERE {condition} ON CONFLICT DO NOTHING"
    )
    for condition in _OF_FUNCTION
)
_MOVE: Final = tuple(
    Statement(f"UPDATE queue SET partition_id = ?3 WHERE {condition}") for condition in _OF_FUNCTION
)

_LETTERS: Final = f"""
SELECT letters.item_id, {", ".join(f"q.{name}" for name in rows.ITEM_COLUMNS.split(", "))}
  FROM ({{letters}}) AS letters
  LEFT JOIN queue AS q
    ON q.item_id = letters.item_id AND q.partition_id = letters.partition_id
 ORDER BY letters.item_id
"""
_FIRST_LETTERS: Final = f"ORDER BY item_id LIMIT {LETTERS_MAX}"
# PostgreSQL would sort all letters there are, so it is told to begin with the first of each.
_READ_LETTERS: Final = Statement(
    _LETTERS.format(
        letters=f"SELECT partition_id, item_id FROM inbox WHERE partition_id IN ids(?1)"
        f" {_FIRST_LETTERS}"
    ),
    postgres=_LETTERS.format(
        letters="SELECT partition_id, item_id FROM unnest(CAST(?1 AS bigint[])) AS mine (id)"
        " CROSS JOIN LATERAL (SELECT partition_id, item_id FROM inbox"
        f" WHERE partition_id = mine.id {_FIRST_LETTERS}) AS firsts {_FIRST_LETTERS}"
    ),
)
_READ_QUESTIONS: Final = Statement(f"""
SELECT id, partition_id, body FROM questions
 WHERE reply IS NULL AND partition_id IN ids(?1) ORDER BY asked_ms, id LIMIT {_QUESTIONS_MAX}
""")
_TAKE_REPLIES: Final = Statement(f"""
DELETE FROM questions WHERE id IN (
    SELECT id FROM questions WHERE node_id = ?1 AND reply IS NOT NULL LIMIT {_QUESTIONS_MAX})
RETURNING id, reply
""")

_ASK: Final = Statement("""
INSERT INTO questions (id, partition_id, node_id, body, asked_ms)
SELECT ?1, ?2, ?3, ?4, now_ms() WHERE EXISTS (SELECT 1 FROM nodes WHERE id = ?3)
    ON CONFLICT (id) DO NOTHING
""")
_ANSWER: Final = Statement("""
UPDATE questions SET reply = ?2
 WHERE id = ?1 AND reply IS NULL AND EXISTS (SELECT 1 FROM nodes WHERE id = ?3)
""")
_WAKE_ASKER: Final = Statement(
    f"SELECT pg_notify('{CHANNEL}', 'n' || node_id) FROM questions WHERE id = ?1"
)
#: To be run now and then.
EXPIRE_QUESTIONS: Final = Statement(
    f"DELETE FROM questions WHERE asked_ms < now_ms() - {_QUESTION_MS}"
)

# A range of index queue_ready: where items of no function stand that are only to be decided about.
_IS_BEHIND: Final = Statement(f"""
SELECT 1 FROM queue
 WHERE partition_id = {LOCAL_PARTITION} AND function_id = '' AND lane = '{DECISIONS}' AND score = 0
   AND due_ms = {IMMEDIATE} AND kind = {int(ItemKind.MATCH)} AND item_id < ?1
 LIMIT 1
""")


def announce(into: Target, items: Iterable[QueueItem], places: Places) -> None:
    """Announce those of the items that lie in partitions of others, and wake their owners."""
    values: list[int] = []
    woken: set[PartitionId] = set()
    for item in items:
        partition = places.partition_of(item.function_id)
        if not places.is_here(partition):
            values += (partition, item.id)
            woken.add(partition)
    into.rows(_ANNOUNCE, values)
    if woken:
        into.run(*wake_owners(woken))


def write_mail(into: Target, owner: Ownership, batch: Sequence[Transition]) -> None:
    """Write what the transitions say about what others have put or are to have."""
    received = [item_id for transition in batch for item_id in transition.received]
    into.rows(_RECEIVED, [each for item_id in received for each in (item_id, owner.node)])
    _write_matches(into, batch)
    _write_moved(into, batch)


def _write_matches(into: Target, batch: Sequence[Transition]) -> None:
    values: list[Any] = []
    ids: list[ItemId] = []
    for transition in batch:
        for match in transition.possible_matches:
            i = match.item
            values += (i.id, i.function_id, i.run_id, int(i.kind), i.step, i.attempt)
            values += (i.due_ms, i.queued_ms, i.body, i.lane, i.score)
            values += (match.environment_id, match.event_name)
            ids.append(i.id)
    into.rows(_PUT_IF_AWAITED, values)
    into.rows(_ANNOUNCE_PUT, ids)
    into.rows(_WAKE_FOR_PUT, ids)


def _write_moved(into: Target, batch: Sequence[Transition]) -> None:
    moved = [each for transition in batch for each in transition.moved]
    for each in moved:
        for statement in (*_ANNOUNCE_MOVED, *_MOVE):
            into.run(statement, (each.function_id, each.origin, each.target))
    if moved:
        into.run(*wake_owners({each.target for each in moved}))


def mail(owner: Ownership, partitions: Collection[PartitionId]) -> list[Query]:
    """Asks for what lies ready; `opened` says what it is."""
    mine = (tuple(sorted(partitions)),)
    return [
        Query(IS_NODE, (owner.node,)),
        Query(_READ_LETTERS, mine),
        Query(_READ_QUESTIONS, mine),
        Query(_TAKE_REPLIES, (owner.node,)),
    ]


def opened(owner: Ownership, answers: Sequence[Answer]) -> Mail:
    """What `mail` has found."""
    is_node, letters, questions, replies = answers
    if not is_node.rows:
        raise OwnershipLost(owner.node)
    return Mail(
        items=tuple(rows.item(row) for _, *row in letters.rows if row[0] is not None),
        letters=tuple(dict.fromkeys(ItemId(item_id) for item_id, *_ in letters.rows)),
        questions=tuple(contract.Question(*row) for row in questions.rows),
        replies=tuple(contract.Reply(*row) for row in replies.rows),
    )


def ask(owner: Ownership, question: contract.Question) -> list[Query]:
    """Leaves a question; the first answer says whether the node is one."""
    values = (question.id, question.partition, owner.node, question.body)
    return [
        Query(IS_NODE, (owner.node,)),
        Query(_ASK, values),
        wake_owners([question.partition]),
    ]


def answer(owner: Ownership, reply: contract.Reply) -> list[Query]:
    """Answers a question; the first answer says whether the node is one."""
    return [
        Query(IS_NODE, (owner.node,)),
        Query(_ANSWER, (reply.id, reply.body, owner.node)),
        Query(_WAKE_ASKER, (reply.id,)),
    ]


def is_behind(before: ItemId) -> Question[bool]:
    """Whether an event with a smaller item id is still to be matched."""
    (found,) = yield [Query(_IS_BEHIND, (before,))]
    return bool(found.rows)
