"""How a database is asked and written to, whichever it is."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from stepwell.core.identity import PartitionId
from stepwell.core.transition import Transition
from stepwell.engine.nodes import Ownership, Places, Wake
from stepwell.store.sql.statements import Answer, Query, Question

__all__ = ["Database"]

T = TypeVar("T")


class Database(Protocol):
    """A database; all methods raise what those of a store raise."""

    @property
    def partitions(self) -> Sequence[PartitionId]:
        """All there are, in order."""
        ...

    @property
    def lease_ms(self) -> int:
        """How long a node lives that says nothing."""
        ...

    async def ask(self, operation: str, question: Question[T]) -> T:
        """The answer to a question of one round, all of one moment."""
        ...

    async def explore(self, operation: str, question: Question[T]) -> T:
        """The answer to a question of several rounds, all of one moment."""
        ...

    def commit(
        self, owner: Ownership, batch: Sequence[Transition], places: Places
    ) -> Awaitable[None]:
        """Write all rows of all transitions durably, or none."""
        ...

    async def probe(self, owner: Ownership) -> None:
        """Write as much as a batch would, durably, and take it back."""
        ...

    async def delete(self, operation: str, owner: Ownership, query: Query) -> int:
        """Delete rows in the order of the owner's commits; how many were."""
        ...

    async def change(
        self, operation: str, queries: Sequence[Query], owner: Ownership | None = None
    ) -> list[Answer]:
        """Do all of it durably, or nothing; only if the owner, where one is given, is still one."""
        ...

    async def renew(self, queries: Sequence[Query]) -> list[Answer]:
        """Do all of it, waiting for nobody."""
        ...

    def on_wake(self, wake: Callable[[Wake], None]) -> None:
        """Have `wake` called, on the event loop, for every wake-up."""
        ...

    async def close(self) -> None:
        """Finish what was begun and let go of the database. May be called twice."""
        ...
