"""Each node's share of the partitions follows from who is there, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from stepwell.core.identity import NodeId, PartitionId
from stepwell.engine.membership import share
from stepwell.engine.nodes import Glance, NodeView, Standing


def node(number: int, *, is_draining: bool = False) -> NodeView:
    standing = Standing(is_draining=is_draining)
    return NodeView(NodeId(number), f"host:{number}", "1.0", 0, 5_000, standing)


def glance(nodes: list[NodeView], partitions: int = 16) -> Glance:
    return Glance(nodes, {PartitionId(number): None for number in range(partitions)}, 1, 0)


def test_a_node_by_itself_has_everything() -> None:
    assert share(NodeId(7), glance([node(7)])) == 16


def test_who_joined_first_has_what_is_left_over() -> None:
    seen = glance([node(9), node(3), node(5)])
    assert [share(NodeId(number), seen) for number in (3, 5, 9)] == [6, 5, 5]


def test_a_node_that_drains_has_no_share_and_the_others_have_its_part() -> None:
    seen = glance([node(3), node(5, is_draining=True)])
    assert [share(NodeId(number), seen) for number in (3, 5)] == [16, 0]


def test_more_nodes_than_partitions_leave_some_without() -> None:
    seen = glance([node(1), node(2), node(3)], partitions=2)
    assert [share(NodeId(number), seen) for number in (1, 2, 3)] == [1, 1, 0]


def test_a_node_that_is_not_seen_has_no_share() -> None:
    assert share(NodeId(4), glance([node(1)])) == 0


@given(
    numbers=st.lists(st.integers(1, 99), min_size=1, max_size=20, unique=True),
    partitions=st.integers(1, 40),
    draining=st.sets(st.integers(1, 99)),
)
def test_shares_make_up_all_partitions_and_differ_by_one_at_most(
    numbers: list[int], partitions: int, draining: set[int]
) -> None:
    nodes = [node(number, is_draining=number in draining) for number in numbers]
    seen = glance(nodes, partitions)
    staying = [number for number in numbers if number not in draining]
    shares = [share(NodeId(number), seen) for number in staying]
    assert sum(shares) == (partitions if staying else 0)
    assert not shares or max(shares) - min(shares) <= 1
