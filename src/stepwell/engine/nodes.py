"""What a store offers to servers that share it: who is there, who owns what, and mail between them.

Every server is a node. A node that has joined may commit until somebody who can show that its lease
has ended removes it; that is the fence, and it holds for everything the node does. Partitions are
owned by nodes: a free one is taken, and given back when nothing of it is in the node's memory any
more. What a decision has for another partition's owner lies in that partition's queue with the
commit that brought it, and mail only says so: a lost wake-up makes things slow, never wrong.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from stepwell.core.identity import LOCAL_PARTITION, FunctionId, ItemId, NodeId, PartitionId
from stepwell.core.queue import QueueItem

__all__ = [
    "NODES_MAX",
    "ONE_PLACE",
    "Cluster",
    "Glance",
    "Mail",
    "NodeView",
    "Ownership",
    "Places",
    "Question",
    "Reply",
    "Roll",
    "Standing",
    "Wake",
]

#: Nodes that there can be at the same time.
NODES_MAX: Final = 512


class Ownership(msgspec.Struct, frozen=True):
    """The right to commit, from joining until somebody removes the node.

    Attributes:
        node: Who.
        number: Below `NODES_MAX`, and no other node has it at the same time.
    """

    node: NodeId
    number: int


class Places(Protocol):
    """Where the work of functions lies, as a node sees it when it commits."""

    @property
    def are_one(self) -> bool:
        """Whether the node owns every partition, so that nothing is to be sent to others."""
        ...

    def partition_of(self, function_id: FunctionId) -> PartitionId:
        """The partition of a function's queue items; items of no function lie in partition 0."""
        ...

    def is_here(self, partition: PartitionId) -> bool:
        """Whether the node owns the partition."""
        ...


class _OnePlace:
    are_one: Final = True

    def partition_of(self, function_id: FunctionId) -> PartitionId:  # noqa: ARG002
        return LOCAL_PARTITION

    def is_here(self, partition: PartitionId) -> bool:  # noqa: ARG002
        return True


#: There is one partition, and whoever commits owns it.
ONE_PLACE: Final[Places] = _OnePlace()


class Standing(msgspec.Struct, frozen=True):
    """What a node tells the others of itself.

    Attributes:
        catalogue: The version of apps and functions that it knows.
        is_draining: It gives its partitions away and takes no others.
    """

    catalogue: int = 0
    is_draining: bool = False


class NodeView(msgspec.Struct, frozen=True):
    """A node as others see it.

    Attributes:
        id: Grows with every node that joins, and is never used again.
        name: As an operator would look for it; two may have the same.
        version: Of Stepwell.
        joined_ms: By the clock of the database, as every time here.
        lease_until_ms: After it, others may remove the node.
    """

    id: NodeId
    name: str
    version: str
    joined_ms: int
    lease_until_ms: int
    standing: Standing


class Glance(msgspec.Struct, frozen=True):
    """Everything a node looks at now and then, all of one moment.

    Attributes:
        nodes: Those whose leases have not ended, by id.
        owners: Which node owns each partition; None if it is free, or its owner is not among
            `nodes`.
        catalogue: Counts the commits that changed apps or functions.
        now_ms: What the clock of the database said.
    """

    nodes: Sequence[NodeView]
    owners: Mapping[PartitionId, NodeId | None]
    catalogue: int
    now_ms: int


class Roll(msgspec.Struct, frozen=True):
    """Everything an operator wants to see of the nodes, all of one moment.

    Attributes:
        nodes: All that nobody has removed, by id; those included whose leases have ended.
        owners: Which of them owns each partition, by partition; None if it is free.
        now_ms: That moment, by the clock of the database.
    """

    nodes: Sequence[NodeView]
    owners: Mapping[PartitionId, NodeId | None]
    now_ms: int

    def partitions_of(self, node: NodeId) -> list[PartitionId]:
        """What the node owns, in order."""
        return [partition for partition, owner in self.owners.items() if owner == node]


class Question(msgspec.Struct, frozen=True):
    """Something that a node asks whoever owns a partition.

    Attributes:
        id: Chosen by who asks; unique.
        body: What the engine made of it.
    """

    id: str
    partition: PartitionId
    body: bytes


class Reply(msgspec.Struct, frozen=True):
    """The answer to a question this node asked."""

    id: str
    body: bytes


class Mail(msgspec.Struct, frozen=True):
    """What lies ready for a node.

    Attributes:
        items: Queue items that others have put into the node's partitions, by id.
        letters: Ids of all items that were announced, those included that are done by now; what
            is in `Transition.received` of a commit is not announced again.
        questions: Not answered yet.
        replies: Answers to the node's own questions. They are given once.
    """

    items: Sequence[QueueItem] = ()
    letters: Sequence[ItemId] = ()
    questions: Sequence[Question] = ()
    replies: Sequence[Reply] = ()


class Wake(msgspec.Struct, frozen=True):
    """Somebody says that there may be something to look at.

    Attributes:
        partitions: Whose mail.
        nodes: Nodes for which there are replies.
        everybody: Whether nodes, owners or the catalogue have changed, or wake-ups may have been
            lost.
        news: What a node tells all others, which says nothing about mail; empty if it is no such.
    """

    partitions: frozenset[PartitionId] = frozenset()
    nodes: frozenset[NodeId] = frozenset()
    everybody: bool = False
    news: str = ""


class Cluster(Protocol):
    """The part of a store by which nodes know of each other.

    Every method but `on_wake` raises `StoreUnavailable` when the database does not answer; those
    that are given an ownership raise `OwnershipLost` when the node was removed.
    """

    @property
    def partitions(self) -> Sequence[PartitionId]:
        """All partitions of the installation; 0 is the first."""
        ...

    async def glance(self, owner: Ownership, standing: Standing) -> Glance:
        """Renew the node's lease, tell how it stands, and look around.

        The lease is renewed even after it has ended, as long as nobody has removed the node. One
        that has hardly begun is left as it is.
        """
        ...

    async def roll(self) -> Roll:
        """Who is there and who owns what, for an operator; nothing is renewed."""
        ...

    async def take(
        self, owner: Ownership, partitions: Collection[PartitionId]
    ) -> frozenset[PartitionId]:
        """Remove nodes whose leases have ended, then take those of the partitions that are free.

        Others are removed by nodes whose own lease has not ended, and when no commit of theirs is
        under way; if one is, they are left to the next time. Everybody is woken if one was removed.

        Returns:
            Those that were taken; commits of whoever had them before are over or will fail.
        """
        ...

    async def release(self, owner: Ownership, partitions: Collection[PartitionId]) -> None:
        """Give partitions back, and wake everybody."""
        ...

    async def leave(self, owner: Ownership) -> None:
        """Give everything back and be no node any more, and wake everybody."""
        ...

    async def end_lease(self, owner: Ownership, node: NodeId) -> None:
        """Let nobody wait for another node that is certain to be dead, and wake everybody.

        It is removed by whoever takes something next. A node that lives after all renews its
        lease, if it is not too late for that.
        """
        ...

    async def mail(self, owner: Ownership, partitions: Collection[PartitionId]) -> Mail:
        """What lies ready for the owner of these partitions, in one round trip; a bounded part."""
        ...

    async def ask(self, owner: Ownership, question: Question) -> None:
        """Leave a question for the partition's owner, whoever that is or will be, and wake it."""
        ...

    async def answer(self, owner: Ownership, reply: Reply) -> None:
        """Answer a question, and wake who asked. A question that is gone is no error."""
        ...

    async def is_behind(self, before: ItemId) -> bool:
        """Whether a MATCH item with a smaller id is queued anywhere."""
        ...

    def on_wake(self, wake: Callable[[Wake], None]) -> None:
        """Have `wake` called, on the event loop, whenever somebody says there is something."""
        ...
