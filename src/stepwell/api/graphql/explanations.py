"""Why things wait, and what became of events; as the HTTP API tells it."""

from collections.abc import Mapping
from typing import Any

from stepwell.api.bulk_operations import find_function
from stepwell.api.event_outcomes import OutcomeObject, outcomes_of
from stepwell.api.graphql.answers import Refused
from stepwell.api.graphql.binding import Getter, Resolver
from stepwell.api.graphql.request import Request
from stepwell.api.graphql.runs import run_of
from stepwell.api.graphql.values import event_id_of
from stepwell.api.waiting import ItemObject, QueueObject, item_object, queue_object
from stepwell.store.views import RunView

__all__ = ["GETTERS", "RESOLVERS"]


async def _of_run(run: RunView, request: Request) -> list[ItemObject]:
    if run.status.is_ended:
        return []
    function = request.function(run.function_id)
    items = await request.services.waitings.of_run(run.id)
    return [item_object(item, function) for item in items]


async def _run_waiting(_: Any, request: Request, *, run_id: str) -> list[ItemObject]:
    return await _of_run(await run_of(run_id, request), request)


async def _function_queue(_: Any, request: Request, *, function_slug: str) -> QueueObject:
    function = find_function(request.services.base.catalogue.functions, function_slug)
    if function is None:
        raise Refused("function not found")
    waiting = await request.services.waitings.of_function(function.id)
    return queue_object(waiting, function, now_ms=request.now_ms)


async def _event_outcomes(_: Any, request: Request, *, event_id: str) -> list[OutcomeObject]:
    wanted = event_id_of(event_id)
    event = await request.events.load(wanted)
    if event is None:
        raise Refused(f"event not found: {event_id}")
    found = await request.services.readers.outcomes_of_event(wanted)
    return outcomes_of(event, found, request.services.base.catalogue.functions)


RESOLVERS: Mapping[str, Resolver] = {
    "Query.runWaiting": _run_waiting,
    "Query.functionQueue": _function_queue,
    "Query.eventOutcomes": _event_outcomes,
    "FunctionRunV2.waiting": _of_run,
}

GETTERS: Mapping[str, Getter] = {
    "QueueItemWaiting.stepID": lambda item: item.step,
    "FunctionQueue.timers": lambda queue: [
        {"kind": kind, "items": items} for kind, items in queue.timers.items()
    ],
}
