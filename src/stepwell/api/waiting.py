"""`/v1/runs/{id}/waiting` and `/v1/functions/{slug}/queue`: why something waits.

The reference has neither; shapes and errors follow its other v1 routes.
"""

from typing import Any, Final

import msgspec
from starlette.types import Receive, Scope, Send

from stepwell.api.bulk_operations import find_function
from stepwell.api.dates import date_text
from stepwell.api.errors import send_error
from stepwell.api.openapi import (
    Declaration,
    DeclarationTable,
    Tag,
    Timestamp,
    Ulid,
    Uuid,
    data,
    refused,
)
from stepwell.api.responses import send_data
from stepwell.api.rest_views import RunStatusWord
from stepwell.api.services import ApiServices, RouteTable
from stepwell.api.why import FunctionWaiting, Held, HeldKey, ItemWaiting, Waitings
from stepwell.api.why_texts import held_sentence, item_sentence
from stepwell.core.function import Function
from stepwell.core.identity import RunId
from stepwell.core.queue import ItemKind
from stepwell.engine.waiting import Constraint, Waiting
from stepwell.wire.ulid import is_ulid

__all__ = [
    "DECLARATIONS",
    "HeldObject",
    "ItemObject",
    "QueueObject",
    "RunWaitingObject",
    "WaitingApi",
    "item_object",
    "queue_object",
]


class ItemObject(msgspec.Struct, frozen=True, kw_only=True):
    """A queue item of a run, as clients read it."""

    id: str
    kind: str
    step: str
    attempt: int
    queued_at: Timestamp
    due_at: Timestamp | None
    under_way: bool
    constraint: str
    key: str | None
    value: str | None
    limit: int | None
    in_use: int | None
    ahead: int
    starts_at: Timestamp | None
    message: str


class KeyObject(msgspec.Struct, frozen=True, kw_only=True):
    """Items that wait for one value of a key, as clients read it."""

    key: str | None
    value: str | None
    items: int
    limit: int | None
    in_use: int | None
    starts_at: Timestamp | None


class HeldObject(msgspec.Struct, frozen=True, kw_only=True):
    """Items that wait for the same constraint, as clients read it."""

    constraint: str
    items: int
    keys: list[KeyObject]
    key_count: int
    message: str


class QueueObject(msgspec.Struct, frozen=True, kw_only=True):
    """What is queued for a function, as clients read it."""

    function_id: Uuid
    slug: str
    runs: int
    requests: int
    decisions: int
    running: int
    oldest_queued_at: Timestamp | None
    oldest_age_ms: int
    waiting: list[HeldObject]
    timers: dict[str, int]
    batches: int
    debounces: int


class RunWaitingObject(msgspec.Struct, frozen=True, kw_only=True):
    """What the queue items of a run wait for, as clients read it."""

    run_id: Ulid
    function_id: Uuid
    status: RunStatusWord
    items: list[ItemObject]


DECLARATIONS: Final[DeclarationTable] = {
    "/v1/runs/{run_id}/waiting": {
        "GET": Declaration(
            "explainRun",
            "Read why a run waits",
            Tag.RUNS,
            text="No items for a run that has ended.",
            answers=(
                data(RunWaitingObject),
                refused(400, "Invalid run ID: …"),
                refused(404, "Unable to load function run: …"),
            ),
        )
    },
    "/v1/functions/{slug:path}/queue": {
        "GET": Declaration(
            "getQueueOfFunction",
            "Read what is queued for a function, and what holds it up",
            Tag.FUNCTIONS,
            answers=(data(QueueObject), refused(404, "Function not found: …")),
        )
    },
}


class WaitingApi:
    """What people ask when nothing seems to happen."""

    def __init__(self, services: ApiServices, waitings: Waitings) -> None:
        self._readers = services.readers
        self._catalogue = services.catalogue
        self._clock = services.clock
        self._waitings = waitings

    def routes(self) -> RouteTable:
        """Where it is mounted: before routes that take all of the path after `functions`."""
        return {
            "/v1/runs/{run_id}/waiting": {"GET": self.run},
            "/v1/functions/{slug:path}/queue": {"GET": self.function},
        }

    async def run(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """What each queue item of a run waits for; none for one that has ended."""
        text: str = scope["path_params"]["run_id"]
        if not is_ulid(text):
            await send_error(send, 400, f"Invalid run ID: {text}")
            return
        run_id = RunId(text.upper())
        run = await self._readers.run(run_id)
        if run is None:
            await send_error(send, 404, f"Unable to load function run: {run_id}")
            return
        function = self._catalogue.functions.get(run.function_id)
        items = [] if run.status.is_ended else await self._waitings.of_run(run_id)
        shown = RunWaitingObject(
            run_id=run.id,
            function_id=run.function_id,
            status=run.status.wire_name,
            items=[item_object(item, function) for item in items],
        )
        await self._send(send, shown)

    async def function(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """What is queued for a function, and what holds it up."""
        slug: str = scope["path_params"]["slug"]
        function = find_function(self._catalogue.functions, slug)
        if function is None:
            await send_error(send, 404, f"Function not found: {slug}")
            return
        waiting = await self._waitings.of_function(function.id)
        await self._send(send, queue_object(waiting, function, now_ms=self._clock.now_ms()))

    async def _send(self, send: Send, data: Any) -> None:
        await send_data(send, data, now_ms=self._clock.now_ms())


def item_object(shown: ItemWaiting, function: Function | None) -> ItemObject:
    """The item and why it waits, as clients read it."""
    item, waiting = shown.item, shown.waiting
    return ItemObject(
        id=str(item.id),
        kind=item.kind.name.lower(),
        step=item.step,
        attempt=item.attempt,
        queued_at=date_text(item.queued_ms),
        due_at=_date(item.due_ms or None),
        under_way=shown.is_under_way,
        constraint=waiting.constraint,
        key=waiting.key,
        value=_value(waiting),
        limit=waiting.limit,
        in_use=waiting.usage,
        ahead=waiting.ahead,
        starts_at=_date(waiting.starts_ms),
        message=item_sentence(shown, function),
    )


def queue_object(waiting: FunctionWaiting, function: Function, *, now_ms: int) -> QueueObject:
    """What is queued for the function, as clients read it."""
    oldest_ms = waiting.oldest_ms
    return QueueObject(
        function_id=function.id,
        slug=function.slug,
        runs=waiting.runs,
        requests=waiting.requests,
        decisions=waiting.decisions,
        running=waiting.running,
        oldest_queued_at=_date(oldest_ms),
        oldest_age_ms=max(0, now_ms - oldest_ms) if oldest_ms is not None else 0,
        waiting=[_held_object(held, function) for held in waiting.held],
        timers={kind.name.lower(): items for kind, items in sorted(waiting.timers.items())},
        batches=waiting.timers.get(ItemKind.BATCH, 0),
        debounces=waiting.timers.get(ItemKind.DEBOUNCE, 0),
    )


def _held_object(held: Held, function: Function) -> HeldObject:
    is_limit = held.constraint != Constraint.NONE
    keys = held.keys if is_limit else ()
    return HeldObject(
        constraint=held.constraint,
        items=held.items,
        keys=[_key_object(key) for key in keys],
        key_count=held.key_count if is_limit else 0,
        message=held_sentence(held, function),
    )


def _key_object(key: HeldKey) -> KeyObject:
    waiting = key.waiting
    return KeyObject(
        key=waiting.key,
        value=_value(waiting),
        items=key.items,
        limit=waiting.limit,
        in_use=waiting.usage,
        starts_at=_date(waiting.starts_ms),
    )


def _value(waiting: Waiting) -> str | None:
    return waiting.value if waiting.key else None


def _date(ms: int | None) -> str | None:
    return None if ms is None else date_text(ms)
