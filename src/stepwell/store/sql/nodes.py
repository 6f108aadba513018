"""Who may write, and who owns which partition.

A row of `nodes` is the right to write: every commit holds on to it, and whoever deletes it ends that
right for good. A lease only says how soon others may delete it; so clocks decide how fast a
partition is taken over, and never whether two owners write.

What changes nodes or owners is done by one after the other, each seeing what the one before did.
"""

from collections.abc import Collection, Sequence
from typing import Final

from stepwell.core.identity import NodeId, PartitionId
from stepwell.engine.nodes import NODES_MAX, Glance, NodeView, Ownership, Roll, Standing
from stepwell.engine.store import OwnershipLost, StoreUnavailable
from stepwell.store.sql.statements import Answer, Query, Question, Statement
from stepwell.store.sql.wakes import wake_everybody

__all__ = [
    "IS_NODE",
    "LEASE_MS",
    "PARTITIONS",
    "called",
    "end_lease",
    "glance",
    "join",
    "joined",
    "leave",
    "release",
    "roll",
    "seen",
    "take",
    "taken",
]

#: After so long without a word of it, a node may be removed.
LEASE_MS: Final = 5_000

#: Whether a node may write, as far as it can be said without keeping others from removing it.
IS_NODE: Final = Statement("SELECT 1 FROM nodes WHERE id = ?1")
PARTITIONS: Final = Statement("SELECT id FROM partitions ORDER BY id")

# Its row is held until the transaction ends. SQLite has one writer anyway.
_ONE_AT_A_TIME: Final = Statement(
    "SELECT number FROM counters WHERE name = 'nodes'",
    postgres="SELECT number FROM counters WHERE name = 'nodes' FOR UPDATE",
)

_NEXT_ID: Final = Statement("UPDATE counters SET number = number + 1 WHERE name = 'nodes'")
_REMOVE_ALL: Final = Statement("DELETE FROM nodes")
_JOIN: Final = Statement(f"""
INSERT INTO nodes (id, number, name, version, joined_ms, lease_until_ms, catalogue, is_draining,
                   probe)
SELECT (SELECT counters.number FROM counters WHERE counters.name = 'nodes'), free.number, ?1, ?2,
       now_ms(), now_ms() + ?3, 0, 0, ?4
  FROM (SELECT min(next.number) AS number
          FROM (SELECT 0 AS number UNION ALL SELECT nodes.number + 1 FROM nodes) AS next
         WHERE next.number < {NODES_MAX}
           AND next.number NOT IN (SELECT nodes.number FROM nodes)) AS free
 WHERE free.number IS NOT NULL
RETURNING id, number
""")  # noqa: S608 - ours

_ENDED: Final = """
lease_until_ms <= now_ms() AND id <> ?1
   AND EXISTS (SELECT 1 FROM nodes AS mine WHERE mine.id = ?1 AND mine.lease_until_ms > now_ms())
"""
# A node that is just committing is left to the next time: nobody should have to wait for it.
_REMOVE_ENDED: Final = Statement(
    f"DELETE FROM nodes WHERE {_ENDED}",  # noqa: S608 - ours
    postgres=f"""
DELETE FROM nodes WHERE id IN (
    SELECT id FROM nodes WHERE {_ENDED} FOR UPDATE SKIP LOCKED)""",  # noqa: S608 - ours
)
_FREE: Final = Statement("""
UPDATE partitions SET node_id = 0 WHERE node_id <> 0 AND node_id NOT IN (SELECT id FROM nodes)
""")
_TAKE: Final = Statement("UPDATE partitions SET node_id = ?1 WHERE id = ?2 AND node_id = 0")
_RELEASE: Final = Statement("UPDATE partitions SET node_id = 0 WHERE id = ?2 AND node_id = ?1")
_LEAVE: Final = Statement("DELETE FROM nodes WHERE id = ?1")

_END_LEASE: Final = Statement(
    "UPDATE nodes SET lease_until_ms = now_ms() WHERE id = ?1 AND lease_until_ms > now_ms()"
)

# Most of a lease that was just renewed is left: then nothing is written.
_RENEW: Final = Statement("""
UPDATE nodes SET lease_until_ms = now_ms() + ?2, catalogue = ?3, is_draining = ?4
 WHERE id = ?1 AND (lease_until_ms < now_ms() + ?5 OR catalogue <> ?3 OR is_draining <> ?4)
""")
_RENEWED_EARLIEST: Final = 8

# One statement, because each sees a moment of its own on PostgreSQL.
_ROLL: Final = """
SELECT 0, id, joined_ms, lease_until_ms, catalogue, is_draining, name, version FROM nodes
 WHERE {}
UNION ALL SELECT 1, id, node_id, 0, 0, 0, '', '' FROM partitions
UNION ALL SELECT 2, number, 0, 0, 0, 0, '', '' FROM counters WHERE name = 'catalogue'
UNION ALL SELECT 3, now_ms(), 0, 0, 0, 0, '', ''
"""
_LOOK: Final = Statement(_ROLL.format("lease_until_ms > now_ms()"))
_CALL: Final = Statement(_ROLL.format("1 = 1"))
_NODE, _PARTITION, _CATALOGUE, _NOW = range(4)


def join(name: str, version: str, *, alone: bool, lease_ms: int) -> list[Query]:
    """Makes a node; `joined` says which."""
    others = [Query(_REMOVE_ALL), Query(_FREE)] if alone else []
    return [
        Query(_NEXT_ID),
        *others,
        wake_everybody(),
        Query(_JOIN, (name, version, lease_ms, b"")),
    ]


def joined(answers: Sequence[Answer]) -> Ownership:
    """The node that `join` has made."""
    if not answers[-1].rows:
        raise StoreUnavailable("join", f"there are {NODES_MAX} nodes already")
    ((node, number),) = answers[-1].rows
    return Ownership(NodeId(node), number)


def glance(owner: Ownership, standing: Standing, *, lease_ms: int) -> list[Query]:
    """Renews the lease and looks around; `seen` says what there is."""
    fresh_ms = lease_ms - lease_ms // _RENEWED_EARLIEST
    told = (standing.catalogue, int(standing.is_draining))
    return [Query(_RENEW, (owner.node, lease_ms, *told, fresh_ms)), Query(_LOOK)]


def seen(owner: Ownership, answers: Sequence[Answer]) -> Glance:
    """What `glance` has found."""
    found = _read(answers[-1])
    if owner.node not in {node.id for node in found.nodes}:
        raise OwnershipLost(owner.node)
    return found


def roll() -> list[Query]:
    """Looks at everybody; `called` says who is there."""
    return [Query(_CALL)]


def called(answers: Sequence[Answer]) -> Roll:
    """What `roll` has found."""
    found = _read(answers[-1])
    return Roll(found.nodes, found.owners, found.now_ms)


def _read(answer: Answer) -> Glance:
    nodes: dict[NodeId, NodeView] = {}
    owners: dict[PartitionId, NodeId] = {}
    catalogue = now_ms = 0
    for kind, number, *rest in answer.rows:
        if kind == _NODE:
            joined_ms, lease_until_ms, known, is_draining, name, version = rest
            standing = Standing(known, bool(is_draining))
            nodes[number] = NodeView(number, name, version, joined_ms, lease_until_ms, standing)
        elif kind == _PARTITION:
            owners[number] = rest[0]
        elif kind == _CATALOGUE:
            catalogue = number
        else:
            assert kind == _NOW
            now_ms = number
    return Glance(
        [nodes[node] for node in sorted(nodes)],
        {each: owners[each] if owners[each] in nodes else None for each in sorted(owners)},
        catalogue,
        now_ms,
    )


def take(owner: Ownership, partitions: Collection[PartitionId]) -> list[Query]:
    """Removes nodes and takes partitions; `taken` says what came of it."""
    return [
        Query(_ONE_AT_A_TIME),
        Query(_REMOVE_ENDED, (owner.node,)),
        Query(_FREE),
        *(Query(_TAKE, (owner.node, partition)) for partition in sorted(partitions)),
    ]


def taken(
    partitions: Collection[PartitionId], answers: Sequence[Answer]
) -> tuple[frozenset[PartitionId], bool]:
    """Which partitions `take` has taken, and whether it has removed a node."""
    _, removed, _, *found = answers
    hits = zip(sorted(partitions), found, strict=True)
    return frozenset(partition for partition, each in hits if each.hits), removed.hits > 0


def release(owner: Ownership, partitions: Collection[PartitionId]) -> list[Query]:
    """Gives partitions back."""
    return [
        Query(_ONE_AT_A_TIME),
        *(Query(_RELEASE, (owner.node, partition)) for partition in sorted(partitions)),
        wake_everybody(),
    ]


def leave(owner: Ownership) -> list[Query]:
    """Gives everything back."""
    return [
        Query(_ONE_AT_A_TIME),
        Query(_LEAVE, (owner.node,)),
        Query(_FREE),
        wake_everybody(),
    ]


def end_lease(node: NodeId) -> list[Query]:
    """Ends the lease of a node that is dead. A commit of it that is under way is not waited for."""
    return [Query(_END_LEASE, (node,)), wake_everybody()]


def partitions() -> Question[list[PartitionId]]:
    """All partitions there are."""
    (found,) = yield [Query(PARTITIONS)]
    return [PartitionId(partition) for (partition,) in found.rows]
