"""In which partition a function's work lies.

Whoever owns the partition decides alone about everything that is the function's own. What functions
share has to be decided by one owner as well, so those that share a limit lie together.
"""

from zlib import crc32

import msgspec

from stepwell.core.function import Function
from stepwell.core.identity import LOCAL_PARTITION, PartitionId
from stepwell.wire.config import ConcurrencyScope, FunctionConfig

__all__ = ["placed"]


def placed(function: Function, known: Function | None, partitions: int) -> Function:
    """The function where it belongs.

    It stays where it was, unless it begins to share a limit with functions of others: these lie in
    the first partition. New ones are spread by their ids.

    Args:
        function: As it is registered.
        known: As it was before; None if it is new.
        partitions: How many there are.
    """
    if shares_limits(function.config):
        partition = LOCAL_PARTITION
    elif known is not None:
        partition = known.partition
    else:
        partition = PartitionId(crc32(function.id.encode()) % partitions)
    if partition == function.partition:
        return function
    return msgspec.structs.replace(function, partition=partition)


def shares_limits(config: FunctionConfig) -> bool:
    """Whether other functions may count against a limit of this one."""
    return any(
        limit.key and limit.scope is not ConcurrencyScope.FUNCTION for limit in config.concurrency
    )
