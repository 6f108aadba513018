"""Where functions lie: spread, for good, and together where they share a limit."""

from collections import Counter
from typing import Any

import msgspec
import pytest

from stepwell.core.function import Function
from stepwell.core.identity import FunctionId, PartitionId
from stepwell.core.placing import placed
from stepwell.wire.config import ConcurrencyLimit, ConcurrencyScope
from tests.unit.core.core_world import function

PARTITIONS = 16


def limited(limit: ConcurrencyLimit | None, **changes: Any) -> Function:
    made = function("ship")
    config = msgspec.structs.replace(made.config, concurrency=() if limit is None else (limit,))
    return msgspec.structs.replace(made, config=config, **changes)


def shared(scope: ConcurrencyScope) -> ConcurrencyLimit:
    return ConcurrencyLimit(limit=3, key="event.data.customer", scope=scope)


def test_new_functions_are_spread_over_all_partitions() -> None:
    made = [
        placed(limited(None, id=FunctionId(f"function {number}")), None, PARTITIONS)
        for number in range(400)
    ]
    count = Counter(each.partition for each in made)
    assert sorted(count) == list(range(PARTITIONS))
    assert max(count.values()) < 2 * 400 // PARTITIONS


def test_a_function_lies_in_the_same_partition_wherever_it_is_registered() -> None:
    first, second = (placed(limited(None), None, PARTITIONS) for _ in range(2))
    assert first == second


def test_a_known_function_stays_where_it_is() -> None:
    known = limited(None, partition=PartitionId(11))
    assert placed(limited(None), known, PARTITIONS).partition == 11


@pytest.mark.parametrize("scope", [ConcurrencyScope.ENVIRONMENT, ConcurrencyScope.ACCOUNT])
def test_functions_that_share_a_limit_lie_in_the_first_partition(scope: ConcurrencyScope) -> None:
    known = limited(None, partition=PartitionId(11))
    assert placed(limited(shared(scope)), None, PARTITIONS).partition == 0
    assert placed(limited(shared(scope)), known, PARTITIONS).partition == 0


def test_a_limit_of_its_own_does_not_move_a_function() -> None:
    known = limited(None, partition=PartitionId(11))
    own = [
        shared(ConcurrencyScope.FUNCTION),
        # Without a key it counts the function's calls alone, whatever its scope.
        ConcurrencyLimit(limit=3, key="", scope=ConcurrencyScope.ACCOUNT),
    ]
    for limit in own:
        assert placed(limited(limit), known, PARTITIONS).partition == 11
