"""The server itself: what it is, what it is doing, and what it took long for."""

from collections.abc import Mapping
from typing import Any, Final

from stepwell.api.dates import date_text
from stepwell.api.graphql.apps import active_functions
from stepwell.api.graphql.binding import Getter, Resolver
from stepwell.api.graphql.request import Request
from stepwell.engine.calls import CallUnderWay

__all__ = ["GETTERS", "RESOLVERS", "environment"]

#: Calls that are named.
CALLS_MAX: Final = 20
_ENVIRONMENT_NAME: Final = "default"


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
        "calls_under_way": len(services.engine.calls_under_way()),
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


def _partitions(_: Any, request: Request) -> list[dict[str, Any]]:
    owned = request.services.engine.owned
    if owned is None:
        return []
    return [
        {
            "id": owned.partition,
            "epoch": owned.epoch,
            "owned_since": date_text(owned.since_ms),
            "owner": request.services.server.process,
        }
    ]


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
    "Server.partitions": _partitions,
    "Server.slowestCalls": _slowest_calls,
    "Server.commits": _commits,
}

GETTERS: Mapping[str, Getter] = {"SlowWork.at": lambda work: date_text(work.at_ms)}
