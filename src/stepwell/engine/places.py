"""Which partitions this node owns, and what lies in them."""

from collections.abc import Callable, Collection, Iterable, Sequence

from stepwell.core.function import Function, FunctionIndex
from stepwell.core.identity import LOCAL_PARTITION, FunctionId, PartitionId

__all__ = ["OwnedPlaces"]


class OwnedPlaces:
    """`stepwell.engine.nodes.Places`, for as long as the node is one.

    Args:
        functions: Gives all functions as they are registered now.
        partitions: All partitions of the installation.
        is_alone: Whether there can be no other node.

    Attributes:
        is_alone: Whether nobody else can accept events.
        owned: Those this node owns.
        are_one: Whether it owns all.
        were_always_one: Whether that was so since the first one was taken, so that nobody else
            can have decided about a run since. Others may still have accepted events.
    """

    def __init__(
        self,
        functions: Callable[[], FunctionIndex],
        partitions: Sequence[PartitionId],
        *,
        is_alone: bool,
    ) -> None:
        self._functions = functions
        self._all = frozenset(partitions)
        self._new: dict[FunctionId, PartitionId] = {}
        self.is_alone = is_alone
        self.owned: frozenset[PartitionId] = frozenset()
        self.are_one = False
        self.were_always_one = False

    def partition_of(self, function_id: FunctionId) -> PartitionId:
        """The partition of a function's queue items; items of no function lie in partition 0."""
        function = self._functions().get(function_id)
        if function is not None:
            return function.partition
        return self._new.get(function_id, LOCAL_PARTITION)

    def is_here(self, partition: PartitionId) -> bool:
        """Whether the node owns the partition."""
        return partition in self.owned

    def owns(self, function_id: FunctionId) -> bool:
        """Whether the node decides about the function's runs."""
        return self.are_one or self.partition_of(function_id) in self.owned

    def here(self, functions: Iterable[Function]) -> list[Function]:
        """Those of the functions about whose runs the node decides."""
        return [function for function in functions if function.partition in self.owned]

    def expect(self, functions: Iterable[Function]) -> None:
        """These are about to be registered; items for them may be written with them."""
        self._new.update((function.id, function.partition) for function in functions)

    def add(self, partitions: Collection[PartitionId]) -> None:
        """The node owns these, too, from now on."""
        is_first = not self.owned
        self._set(self.owned | frozenset(partitions), is_first=is_first)

    def remove(self, partitions: Collection[PartitionId]) -> None:
        """The node decides about nothing in these any more."""
        self._set(self.owned - frozenset(partitions), is_first=False)

    def _set(self, owned: frozenset[PartitionId], *, is_first: bool) -> None:
        self.owned = owned
        self.are_one = owned == self._all
        self.were_always_one = self.are_one and (self.were_always_one or is_first)
