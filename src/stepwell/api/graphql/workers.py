"""Workers that connect to the server, and the step debugger: this version has neither.

The fields answer what is true of a server without them. Source: GraphQL, 3.5 and 3.6.
"""

from collections.abc import Mapping
from typing import Any

from stepwell.api.graphql.answers import Refused
from stepwell.api.graphql.binding import Resolver
from stepwell.api.graphql.request import Request
from stepwell.wire.ulid import is_ulid

__all__ = ["RESOLVERS"]


def _connections(_: Any, _request: Request, **_asked: Any) -> dict[str, Any]:
    info = {
        "has_next_page": False,
        "has_previous_page": False,
        "start_cursor": None,
        "end_cursor": None,
    }
    return {"edges": [], "page_info": info, "total_count": 0}


def _connection(_: Any, _request: Request, *, connection_id: str) -> None:
    raise Refused(f"error retrieving worker connection: {connection_id} is not known")


def _debug_run(_: Any, _request: Request, *, query: dict[str, Any]) -> dict[str, Any]:
    wanted = query.get("debug_run_id")
    if not wanted:
        return {"debug_traces": None}
    if not is_ulid(wanted):
        raise Refused(f"invalid debugRunID: {wanted}")
    return {"debug_traces": []}


def _debug_session(_: Any, _request: Request, *, query: dict[str, Any]) -> dict[str, Any]:
    wanted = query.get("debug_session_id")
    if not wanted:
        raise Refused("debug session not found")
    if not is_ulid(wanted):
        raise Refused(f"invalid debugSessionID: {wanted}")
    return {"debug_runs": []}


RESOLVERS: Mapping[str, Resolver] = {
    "Query.workerConnections": _connections,
    "Query.workerConnection": _connection,
    "Query.debugRun": _debug_run,
    "Query.debugSession": _debug_session,
}
