"""How long what is kept; the rules are those of the HTTP API."""

from collections.abc import Mapping
from typing import Any

import msgspec

from stepwell.api.graphql.answers import Refused
from stepwell.api.graphql.binding import Getter, Resolver
from stepwell.api.graphql.request import Request
from stepwell.api.retention import RetentionObject, asked_changes, retention_object

__all__ = ["GETTERS", "RESOLVERS"]


async def _retention(_: Any, request: Request) -> RetentionObject:
    services = request.services
    state = await services.engine.retention_state(services.environment_id)
    return retention_object(state, services.engine.retention)


async def _set_retention(_: Any, request: Request, *, input: dict[str, Any]) -> RetentionObject:  # noqa: A002
    changes, problems = asked_changes(input)
    if problems:
        raise Refused("\n".join(problems))
    services = request.services
    state = await services.engine.retention_state(services.environment_id)
    own = msgspec.structs.replace(state.own, **changes)
    await services.engine.change_retention(services.environment_id, own)
    return retention_object(msgspec.structs.replace(state, own=own), services.engine.retention)


RESOLVERS: Mapping[str, Resolver] = {
    "Query.retention": _retention,
    "Mutation.setRetention": _set_retention,
}

GETTERS: Mapping[str, Getter] = {
    "RetentionPass.deleted": lambda last: [
        {"table": table, "rows": rows} for table, rows in last.deleted.items()
    ],
}
