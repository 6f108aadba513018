"""What nodes know of each other and leave for each other, on either database."""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

from stepwell.core.identity import ItemId, NodeId, PartitionId
from stepwell.engine.nodes import Glance, Mail, Ownership, Question, Reply, Roll, Standing, Wake
from stepwell.engine.store import OwnershipLost, StoreUnavailable
from stepwell.store.sql import mail, nodes
from stepwell.store.sql.database import Database
from stepwell.store.sql.statements import Query
from stepwell.store.sql.wakes import tell_everybody, wake_everybody

__all__ = ["SqlCluster"]


class SqlCluster:
    """`stepwell.engine.nodes.Cluster` in SQL, and joining it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def partitions(self) -> Sequence[PartitionId]:
        return self._database.partitions

    async def join(self, name: str, version: str, *, alone: bool = False) -> Ownership:
        queries = nodes.join(name, version, alone=alone, lease_ms=self._database.lease_ms)
        return nodes.joined(await self._database.change("join", queries))

    async def glance(self, owner: Ownership, standing: Standing) -> Glance:
        queries = nodes.glance(owner, standing, lease_ms=self._database.lease_ms)
        forgetting = Query(mail.EXPIRE_QUESTIONS)
        return nodes.seen(owner, await self._database.renew([forgetting, *queries]))

    async def roll(self) -> Roll:
        return nodes.called(await self._database.change("roll", nodes.roll()))

    async def take(
        self, owner: Ownership, partitions: Collection[PartitionId]
    ) -> frozenset[PartitionId]:
        queries = nodes.take(owner, partitions)
        answers = await self._database.change("take", queries, owner)
        taken, has_removed = nodes.taken(partitions, answers)
        if has_removed:
            # Without it, the others find out a little later.
            with suppress(StoreUnavailable):
                await self._database.change("wake", [wake_everybody()])
        return taken

    async def release(self, owner: Ownership, partitions: Collection[PartitionId]) -> None:
        await self._database.change("release", nodes.release(owner, partitions), owner)

    async def leave(self, owner: Ownership) -> None:
        await self._database.change("leave", nodes.leave(owner), owner)

    async def end_lease(self, owner: Ownership, node: NodeId) -> None:
        await self._database.change("end_lease", nodes.end_lease(node), owner)

    async def mail(self, owner: Ownership, partitions: Collection[PartitionId]) -> Mail:
        queries = mail.mail(owner, partitions)
        return mail.opened(owner, await self._database.change("mail", queries))

    async def ask(self, owner: Ownership, question: Question) -> None:
        await self._write_letter("ask", owner, mail.ask(owner, question))

    async def answer(self, owner: Ownership, reply: Reply) -> None:
        await self._write_letter("answer", owner, mail.answer(owner, reply))

    async def is_behind(self, before: ItemId) -> bool:
        return await self._database.ask("is_behind", mail.is_behind(before))

    async def tell(self, news: Sequence[str]) -> None:
        await self._database.change("tell", [tell_everybody(each) for each in news])

    def on_wake(self, wake: Callable[[Wake], None]) -> None:
        self._database.on_wake(wake)

    async def _write_letter(
        self, operation: str, owner: Ownership, queries: Sequence[Query]
    ) -> None:
        is_node, *_ = await self._database.change(operation, queries)
        if not is_node.rows:
            raise OwnershipLost(owner.node)
