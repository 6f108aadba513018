"""What became of an event, function by function."""

from typing import Any

import msgspec
import pytest

from stepwell.api.errors import ErrorAnswers
from stepwell.api.event_outcomes import EventOutcomesApi
from stepwell.api.routing import router
from stepwell.api.services import ApiServices
from stepwell.core.function import Function, FunctionIndex
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, EventId, FunctionId, RunId
from stepwell.core.status import RunStatus
from stepwell.core.transition import BufferKind, Skip, SkipReason, StoredEvent
from stepwell.store.views import EventOutcome, PendingEvent
from stepwell.wire.config import EventTrigger, Singleton
from tests.unit.api.api_server import NOW, NOW_MS, Api, Clock, Ulids, function, run_view, ulid

EVENT_ID = EventId(ulid(100))
URL = f"/v1/events/{EVENT_ID}/outcomes"
SHIP = FunctionId("id-of-ship")


class OutcomesApi(Api):
    """The endpoint alone, with one event."""

    def __init__(self, *found: EventOutcome) -> None:
        super().__init__()
        self.found = list(found)
        self.backend.functions = FunctionIndex([function("ship")])
        self.backend.stored = {
            EVENT_ID: StoredEvent(
                id=EVENT_ID,
                number=0,
                environment_id=DEFAULT_ENVIRONMENT_ID,
                name="shop/order.placed",
                external_id="mine",
                ts_ms=NOW_MS,
                received_ms=NOW_MS,
                payload=b'{"data":{"n":1},"id":"mine","name":"shop/order.placed","ts":1,"user":{}}',
            )
        }
        services = ApiServices(
            intake=self.backend,
            runs=self.backend,
            catalogue=self.backend,
            readers=self.backend,
            ids=Ulids(),
            clock=Clock(),
        )
        self.app = ErrorAnswers(router([EventOutcomesApi(services, self).routes()]))

    async def event(self, *asked: Any) -> StoredEvent | None:
        return await self.backend.event(*asked)

    async def outcomes_of_event(self, event_id: EventId) -> list[EventOutcome]:
        assert event_id == EVENT_ID
        return self.found

    def shown(self) -> list[dict[str, Any]]:
        """The outcomes, without what is not said."""
        answer = self.get(URL)
        assert answer.status == 200, answer.body
        return [
            {name: value for name, value in outcome.items() if value not in (None, [])}
            for outcome in answer.json["data"]
        ]


def _skip(reason: SkipReason, detail: str = "") -> EventOutcome:
    return EventOutcome(SHIP, skips=(Skip(EVENT_ID, SHIP, reason, detail, NOW_MS),))


def _pending(kind: BufferKind, **more: Any) -> EventOutcome:
    pending = PendingEvent(kind, "", "batch-1", 0, NOW_MS, 0, 2)
    return EventOutcome(SHIP, pending=(msgspec.structs.replace(pending, **more),))


def _run(**more: Any) -> EventOutcome:
    return EventOutcome(SHIP, runs=(run_view(function_id=SHIP, **more),))


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        (_run(), {"outcome": "run", "run_id": ulid(1), "message": f"Started run {ulid(1)}"}),
        (
            _run(batch_id="batch-1"),
            {
                "outcome": "batched",
                "run_id": ulid(1),
                "batch_id": "batch-1",
                "message": f"Is in the batch of run {ulid(1)}",
            },
        ),
        (
            _run(status=RunStatus.SKIPPED, cause="singleton", existing_run_id=RunId(ulid(5))),
            {
                "outcome": "skipped",
                "run_id": ulid(1),
                "existing_run_id": ulid(5),
                "reason": "singleton",
                "message": "Was skipped because another run of the function had not ended: "
                f"{ulid(5)}",
            },
        ),
        (
            _run(status=RunStatus.SKIPPED, cause="paused"),
            {
                "outcome": "skipped",
                "run_id": ulid(1),
                "reason": "paused",
                "message": "Was skipped because the function was paused",
            },
        ),
        (
            _run(status=RunStatus.SKIPPED, cause="drained"),
            {
                "outcome": "skipped",
                "run_id": ulid(1),
                "reason": "drained",
                "message": "Was skipped because the function's app was drained",
            },
        ),
        (
            _skip(SkipReason.DUPLICATE, "order-1"),
            {
                "outcome": "duplicate",
                "reason": "duplicate",
                "detail": "order-1",
                "message": "Is a duplicate: the function was started for 'order-1' before",
            },
        ),
        (
            _skip(SkipReason.RATE_LIMITED, "c1"),
            {
                "outcome": "rate_limited",
                "reason": "rate_limited",
                "detail": "c1",
                "message": "Was dropped by the rate limit or idempotency for 'c1'",
            },
        ),
        (
            _skip(SkipReason.RATE_LIMITED),
            {
                "outcome": "rate_limited",
                "reason": "rate_limited",
                "message": "Was dropped by the rate limit or idempotency",
            },
        ),
        (
            _skip(SkipReason.DEBOUNCED, ulid(7)),
            {
                "outcome": "debounced",
                "reason": "debounced",
                "detail": ulid(7),
                "message": f"Gave way to the newer event {ulid(7)}",
            },
        ),
        (
            _skip(SkipReason.EXPRESSION_FAILED, "event.x > 1: no"),
            {
                "outcome": "expression_failed",
                "reason": "expression_failed",
                "detail": "event.x > 1: no",
                "message": "The trigger's condition could not be evaluated: event.x > 1: no",
            },
        ),
        (
            _skip(SkipReason.FUNCTION_GONE),
            {
                "outcome": "function_gone",
                "reason": "function_gone",
                "message": "The function was removed before the event could start it",
            },
        ),
        (
            _skip(SkipReason.DEFECT),
            {
                "outcome": "defect",
                "reason": "defect",
                "message": "Was not decided about because of a defect in Stepwell;"
                " the log has the details",
            },
        ),
    ],
)
def test_what_was_decided_is_shown(found: EventOutcome, shown: dict[str, Any]) -> None:
    assert OutcomesApi(found).shown() == [
        {"function_id": SHIP, "slug": "shop-ship", "at": NOW} | shown
    ]


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        (
            _pending(BufferKind.BATCH),
            {
                "reason": "batch",
                "batch_id": "batch-1",
                "message": f"Is collected in a batch of 2 events, which runs at {NOW} at the latest",
            },
        ),
        (
            _pending(BufferKind.BATCH, events=1),
            {
                "reason": "batch",
                "batch_id": "batch-1",
                "message": f"Is collected in a batch of 1 event, which runs at {NOW} at the latest",
            },
        ),
        (
            _pending(BufferKind.DEBOUNCE),
            {
                "reason": "debounce",
                "message": f"Is held back by debounce; starts a run at {NOW} unless a newer one "
                "comes",
            },
        ),
    ],
)
def test_an_event_that_is_held_back_is_pending(found: EventOutcome, shown: dict[str, Any]) -> None:
    assert OutcomesApi(found).shown() == [
        {"function_id": SHIP, "slug": "shop-ship", "outcome": "pending", "due_at": NOW} | shown
    ]


def _alone(**changes: Any) -> Function:
    """A function that decides about events when they come."""
    made = function("alone", **changes)
    config = msgspec.structs.replace(made.config, singleton=Singleton())
    return msgspec.structs.replace(made, config=config)


def _with_condition(made: Function, condition: str) -> Function:
    triggers = (EventTrigger(event="shop/order.placed", expression=condition),)
    config = msgspec.structs.replace(made.config, triggers=triggers)
    return msgspec.structs.replace(made, config=config)


def test_an_event_that_is_not_decided_about_is_pending() -> None:
    api = OutcomesApi(_run())
    api.backend.functions = FunctionIndex([function("ship"), _alone()])

    assert api.shown()[0] == {
        "function_id": "id-of-alone",
        "slug": "shop-alone",
        "outcome": "pending",
        "reason": "admission",
        "message": "Is about to be decided about",
    }


@pytest.mark.parametrize(
    "listening",
    [
        pytest.param(function("later"), id="registered without options"),
        pytest.param(_alone(updated_ms=NOW_MS + 1), id="registered later"),
        pytest.param(_alone(archived=True), id="archived"),
        pytest.param(_with_condition(_alone(), "event.data.n == 2"), id="condition"),
        pytest.param(_with_condition(_alone(), "event.data.n > 'x'"), id="failing condition"),
    ],
)
def test_a_function_that_the_event_does_not_concern_is_left_out(listening: Function) -> None:
    api = OutcomesApi(_run())
    api.backend.functions = FunctionIndex([function("ship"), listening])

    assert [outcome["slug"] for outcome in api.shown()] == ["shop-ship"]


def test_a_condition_that_holds_makes_it_concern_the_function() -> None:
    api = OutcomesApi()
    api.backend.functions = FunctionIndex([_with_condition(_alone(), "event.data.n == 1")])

    assert [outcome["outcome"] for outcome in api.shown()] == ["pending"]


def test_reruns_are_not_the_event_s_doing() -> None:
    again = run_view(2, function_id=SHIP, origin_run_id=RunId(ulid(1)))
    api = OutcomesApi(EventOutcome(SHIP, runs=(run_view(function_id=SHIP), again)))

    assert [outcome["run_id"] for outcome in api.shown()] == [ulid(1)]


def test_an_event_that_was_sent_again_has_both_outcomes() -> None:
    skips = _skip(SkipReason.DUPLICATE, "mine").skips
    api = OutcomesApi(EventOutcome(SHIP, runs=(run_view(function_id=SHIP),), skips=skips))

    assert [outcome["outcome"] for outcome in api.shown()] == ["run", "duplicate"]


def test_what_cannot_cancel_a_run_is_a_note_on_it() -> None:
    skips = _skip(SkipReason.CANCEL_CONDITION_INVALID, "x: y").skips
    api = OutcomesApi(EventOutcome(SHIP, runs=(run_view(function_id=SHIP),), skips=skips))

    (shown,) = api.shown()

    assert shown["notes"] == ["cancelOn cannot cancel the run: x: y"]


def test_a_function_that_is_not_registered_any_more_has_no_slug() -> None:
    gone = FunctionId("gone")
    api = OutcomesApi(EventOutcome(gone, runs=(run_view(function_id=gone),)))

    (shown,) = api.get(URL).json["data"]

    assert (shown["function_id"], shown["slug"]) == ("gone", None)


def test_an_unknown_event_is_not_found() -> None:
    api = OutcomesApi()

    for target, status, message in [
        (f"/v1/events/{ulid(1)}/outcomes", 404, "Event not found"),
        ("/v1/events/x/outcomes", 400, "Invalid event ID: x"),
    ]:
        answer = api.get(target)
        assert answer.status == status
        assert answer.json == {"error": message, "data": None, "status": status}


def test_an_event_s_id_may_be_in_lower_case() -> None:
    assert OutcomesApi(_run()).get(f"/v1/events/{EVENT_ID.lower()}/outcomes").status == 200
