"""The server itself: what it is, what it is doing, and what it took long for."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from stepwell.api.dates import date_text
from stepwell.api.graphql.apps import active_functions
from stepwell.api.graphql.binding import Getter, Resolver
from stepwell.api.graphql.request import Request
from stepwell.engine.calls import CallUnderWay
from stepwell.engine.nodes import NodeView, Roll

__all__ = ["GETTERS", "RESOLVERS", "environment"]

#: Calls that are named.
CALLS_MAX: Final = 20
_ENVIRONMENT_NAME: Final = "default"


class NodeState(StrEnum):
    """How a server is, as another one sees it. The texts are those of the schema."""

    LIVE = "LIVE"
    #: It gives its partitions to others and stops then.
    DRAINING = "DRAINING"
    #: It has not been heard of for so long that others take over what it has.
    DEAD = "DEAD"


def environment(request: Request) -> dict[str, str]:
    """The environment that is asked about; there is one."""
    return {"id": request.services.environment_id, "name": _ENVIRONMENT_NAME}


def _server(_: Any, request: Request) -> dict[str, Any]:
    services = request.services
    facts = services.server
    return {
        "version": facts.version,
        "kind": facts.kind,
        "started_at": date_text(facts.started_ms),
        "store": facts.store,
        "environment": environment(request),
        "function_count": len(active_functions(request)),
        "app_count": sum(not app.archived_ms for app in services.apps.apps.values()),
        "database_path": facts.place or None,
        "slow_work": services.slow_work.slowest(),
        "calls_under_way": services.engine.calls_under_way(),
        "calls_max": facts.calls_max,
        "subscribers": len(services.streams),
    }


async def _database_bytes(_: Any, request: Request) -> int | None:
    return (await request.store_sizes()).database_bytes


async def _log_bytes(_: Any, request: Request) -> int | None:
    return (await request.store_sizes()).log_bytes


async def _queue_depth(_: Any, request: Request) -> int | None:
    snapshot = await request.services.snapshots.latest()
    return None if snapshot is None else snapshot.depth


async def _nodes(_: Any, request: Request) -> list[dict[str, Any]]:
    roll = await request.roll()
    return [] if roll is None else [_node(node, roll, request) for node in roll.nodes]


async def _partitions(_: Any, request: Request) -> list[dict[str, Any]]:
    roll = await request.roll()
    if roll is None:
        return []
    nodes = {node.id: node for node in roll.nodes}
    found = []
    for partition, owner in roll.owners.items():
        node = None if owner is None else nodes.get(owner)
        found.append(
            {
                "id": partition,
                "node_id": None if node is None else node.id,
                "owner": None if node is None else _name(node, request),
                "is_this": node is not None and _is_this(node, request),
            }
        )
    return found


def _node(node: NodeView, roll: Roll, request: Request) -> dict[str, Any]:
    is_alone = request.services.engine.is_alone
    return {
        "id": node.id,
        "name": _name(node, request),
        "version": node.version or request.services.server.version,
        "joined_at": date_text(node.joined_ms),
        "lease_until": None if is_alone else date_text(node.lease_until_ms),
        "state": NodeState.LIVE if is_alone else _state(node, now_ms=roll.now_ms),
        "is_draining": node.standing.is_draining,
        "is_this": _is_this(node, request),
        "partitions": roll.partitions_of(node.id),
    }


def _state(node: NodeView, *, now_ms: int) -> NodeState:
    if node.lease_until_ms <= now_ms:
        return NodeState.DEAD
    return NodeState.DRAINING if node.standing.is_draining else NodeState.LIVE


def _name(node: NodeView, request: Request) -> str:
    """Who is alone does not introduce itself."""
    return node.name or request.services.server.process


def _is_this(node: NodeView, request: Request) -> bool:
    owned = request.services.engine.owned
    return owned is not None and owned.node == node.id


def _slowest_calls(_: Any, request: Request) -> list[dict[str, Any]]:
    return [_call(call, request) for call in request.services.engine.longest_calls(CALLS_MAX)]


def _call(call: CallUnderWay, request: Request) -> dict[str, Any]:
    function = request.function(call.function_id)
    return {
        "run_id": call.run_id,
        "function_slug": function.slug if function is not None else "",
        "function_name": function.name if function is not None else "",
        "step_id": call.step or None,
        "attempt": call.attempt,
        "since": date_text(call.sent_ms),
    }


def _commits(_: Any, request: Request) -> dict[str, Any]:
    commits = request.services.commits
    count = commits.count
    return {
        "count": count,
        "p50_ms": _ms(commits.quantile_s(0.5)),
        "p99_ms": _ms(commits.quantile_s(0.99)),
        "transitions_per_commit": round(commits.transitions.total / count, 2) if count else None,
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


RESOLVERS: Mapping[str, Resolver] = {
    "Query.server": _server,
    "Server.databaseBytes": _database_bytes,
    "Server.walBytes": _log_bytes,
    "Server.queueDepth": _queue_depth,
    "Server.nodes": _nodes,
    "Server.partitions": _partitions,
    "Server.slowestCalls": _slowest_calls,
    "Server.commits": _commits,
}

GETTERS: Mapping[str, Getter] = {"SlowWork.at": lambda work: date_text(work.at_ms)}
