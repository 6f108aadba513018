"""Replays and bulk cancellations. Their rules are those of the HTTP API."""

from collections.abc import Mapping
from typing import Any

from stepwell.api.bulk_operations import TOO_MANY, Fields, find_function, progress_status
from stepwell.api.cancellations import requested_cancellation
from stepwell.api.dates import date_text
from stepwell.api.graphql.answers import Refused
from stepwell.api.graphql.binding import Resolver
from stepwell.api.graphql.request import Request
from stepwell.api.graphql.values import time_text
from stepwell.api.replays import requested_replay
from stepwell.core.function import Function
from stepwell.core.identity import OperationId
from stepwell.core.operation import Operation, OperationKind
from stepwell.core.rerun import RerunRefused

__all__ = ["RESOLVERS"]


async def _replays(
    _: Any, request: Request, *, function_slug: str | None = None
) -> list[dict[str, Any]]:
    found = await _known(OperationKind.REPLAY, request, function_slug)
    return [_replay_object(each, request) for each in found]


async def _replay(_: Any, request: Request, *, id: str) -> dict[str, Any] | None:  # noqa: A002
    for operation in await _known(OperationKind.REPLAY, request, None):
        if operation.id == id.upper():
            return _replay_object(operation, request)
    return None


async def _cancellations(
    _: Any, request: Request, *, function_slug: str | None = None
) -> list[dict[str, Any]]:
    found = await _known(OperationKind.CANCEL, request, function_slug)
    return [_cancellation_object(operation, request) for operation in found]


async def _known(kind: OperationKind, request: Request, slug: str | None) -> list[Operation]:
    function_id = None if slug is None else _function(slug, request).id
    return [
        operation
        for operation in await request.services.engine.operations()
        if operation.kind is kind and function_id in (None, operation.function_id)
    ]


async def _create_replay(_: Any, request: Request, *, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    function = _function(input["function_slug"], request)
    fields = Fields(
        {
            "from": input["from_"],
            "until": input["until"],
            "statuses": input.get("statuses"),
            "if": input.get("if_"),
            "name": input.get("name"),
            "rate_per_second": input.get("rate_per_second"),
        }
    )
    operation = requested_replay(fields, function, _new_id(request), now_ms=request.now_ms)
    if not fields.problems and function.archived:
        raise Refused(RerunRefused.FUNCTION_GONE)
    if not fields.problems and function.endpoint_method:
        raise Refused(RerunRefused.ENDPOINT)
    await _begin(operation, fields, request)
    return _replay_object(operation, request)


async def _create_cancellation(
    _: Any,
    request: Request,
    *,
    input: dict[str, Any],  # noqa: A002
) -> dict[str, Any]:
    function = _function(input["function_slug"], request)
    fields = Fields(
        {
            "started_before": input["started_before"],
            "started_after": input.get("started_after"),
            "if": input.get("if_"),
            "name": input.get("name"),
        }
    )
    asked = requested_cancellation(fields, now_ms=request.now_ms)
    operation = asked.of(function, _new_id(request), now_ms=request.now_ms)
    await _begin(operation, fields, request)
    return _cancellation_object(operation, request)


async def _begin(operation: Operation, fields: Fields, request: Request) -> None:
    if fields.problems:
        raise Refused("\n".join(fields.problems))
    if not await request.services.engine.create_operation(operation):
        raise Refused(TOO_MANY)


async def _delete_replay(_: Any, request: Request, *, id: str) -> bool:  # noqa: A002
    return await _delete(OperationKind.REPLAY, id, request)


async def _delete_cancellation(_: Any, request: Request, *, id: str) -> bool:  # noqa: A002
    return await _delete(OperationKind.CANCEL, id, request)


async def _delete(kind: OperationKind, text: str, request: Request) -> bool:
    wanted = OperationId(text.upper())
    known = await _known(kind, request, None)
    if all(each.id != wanted for each in known):
        return False
    return await request.services.engine.delete_operation(wanted)


def _function(slug: str, request: Request) -> Function:
    function = find_function(request.services.base.catalogue.functions, slug)
    if function is None:
        raise Refused("function not found")
    return function


def _new_id(request: Request) -> str:
    return request.services.base.ids.ulid(request.now_ms)


def _common(operation: Operation, request: Request) -> dict[str, Any]:
    function = request.function(operation.function_id)
    return {
        "id": operation.id,
        "created_at": date_text(operation.created_ms),
        "name": operation.name,
        "function_id": operation.function_id,
        "function_slug": function.slug if function is not None else "",
        "condition": operation.condition or None,
        "status": progress_status(operation),
        "runs_seen": operation.seen,
        "runs_failed": operation.failed,
        "ended_at": time_text(operation.ended_ms),
    }


def _replay_object(operation: Operation, request: Request) -> dict[str, Any]:
    return _common(operation, request) | {
        "from_": date_text(operation.started_after_ms),
        "until": date_text(operation.started_before_ms),
        "statuses": [status.wire_name for status in operation.statuses],
        "rate_per_second": operation.rate_per_s or None,
        "runs_replayed": operation.done,
    }


def _cancellation_object(operation: Operation, request: Request) -> dict[str, Any]:
    return _common(operation, request) | {
        "started_after": time_text(operation.started_after_ms),
        "started_before": date_text(operation.started_before_ms),
        "cause": "API" if operation.cause == "bulk" else "Manual",
        "runs_cancelled": operation.done,
    }


RESOLVERS: Mapping[str, Resolver] = {
    "Query.replays": _replays,
    "Query.replay": _replay,
    "Query.cancellations": _cancellations,
    "Mutation.createReplay": _create_replay,
    "Mutation.createCancellation": _create_cancellation,
    "Mutation.deleteReplay": _delete_replay,
    "Mutation.deleteCancellation": _delete_cancellation,
}
