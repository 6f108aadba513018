"""Core alone, with functions that decide on arrival: items are decided about one after the other."""

from collections import Counter
from collections.abc import Collection
from typing import Any

import msgspec

from stepwell.core.admission import BufferEnd, admit, end_buffer, in_order
from stepwell.core.admission_view import AdmissionView, Findings
from stepwell.core.arrival import arrive
from stepwell.core.cancel import cancel
from stepwell.core.function import Function, FunctionIndex
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, EventId, FunctionId, RunId
from stepwell.core.item_bodies import AdmitBody, BufferBody, CancelBody
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.routing import route
from stepwell.core.run import RunState
from stepwell.core.singleton import supersede
from stepwell.core.transition import (
    Buffer,
    BufferedEvent,
    BufferRef,
    LimitState,
    SkipReason,
    Transition,
)
from stepwell.core.trigger import TriggerEvent
from stepwell.wire.config import EventTrigger
from stepwell.wire.events import parse_events
from tests.unit.core.core_world import CoreWorld, function

__all__ = ["EVENT", "NAME", "AdmissionWorld", "limited"]

NAME = "t/go"
EVENT = EventTrigger(event=NAME)
_TIMERS = {ItemKind.DEBOUNCE, ItemKind.BATCH}


def limited(**options: Any) -> Function:
    """A function that listens to `NAME`, with the options."""
    return function("f", EVENT, **options)


class AdmissionWorld(CoreWorld):
    """A world in which events are let in as well."""

    def __init__(self, *functions: Function) -> None:
        super().__init__(*functions)
        self.limits: dict[tuple[FunctionId, str], LimitState] = {}
        self.buffers: dict[BufferRef, Buffer] = {}
        self.buffered: dict[str, dict[int, BufferedEvent]] = {}
        self.claimed: dict[tuple[FunctionId, str], RunId] = {}

    # What may happen.

    def post(self, data: Any = None, *, name: str = NAME, **fields: Any) -> EventId:
        """An event is accepted; nothing is decided about it yet."""
        body = msgspec.json.encode({"name": name, "data": data, **fields})
        (accepted,) = parse_events(
            body,
            content_type="application/json",
            received_ms=self.now_ms,
            internal_ids=lambda _: self.ids.ulid(self.now_ms),
        ).accepted
        transition = route(
            accepted,
            environment_id=DEFAULT_ENVIRONMENT_ID,
            world=self.world(),
            at=self.moment(),
            claim_key=fields.get("id", ""),
        )
        self.absorb(transition)
        return EventId(accepted.internal_id)

    def arrive(self, data: Any = None, **fields: Any) -> EventId:
        """An event is accepted and decided about."""
        event_id = self.post(data, **fields)
        self.decide()
        return event_id

    def decide(self, items: Collection[QueueItem] | None = None) -> list[Transition]:
        """Decide about what is due, or about the items, in one batch."""
        items = self.due() if items is None else items
        view = AdmissionView(self._findings())
        decisions = []
        for item in in_order(items):
            transition = self._decision(item, view)
            view.apply(transition)
            decisions.append(transition)
        for run_id in view.giving_way:
            if not self.runs[run_id].is_ended:
                run, why = self.runs[run_id], CancelBody("singleton")
                ending = cancel(run, None, why, world=self.world(), at=self.moment())
                self.absorb(ending, run)
        return [self.absorb(self._superseded(each, view)) for each in decisions]

    def tick(self, cron: str) -> EventId:
        """A cron's tick comes as an event and is decided about."""
        event_id = self.post()
        (item,) = (item for item in self.items.values() if item.kind is ItemKind.ADMIT)
        body = msgspec.structs.replace(AdmitBody.decode(item.body), cron=cron)
        self.items[item.id] = msgspec.structs.replace(item, body=body.encode())
        self.decide()
        return event_id

    def pass_ms(self, ms: int) -> None:
        """Time passes; timers that come due on the way are decided about when they are."""
        until_ms = self.now_ms + ms
        while (timer := self._next_timer()) is not None and timer.due_ms <= until_ms:
            self.now_ms = max(self.now_ms, timer.due_ms)
            self.decide()
        self.now_ms = until_ms

    def change(self, changed: Function) -> None:
        """The function is registered anew, paused or archived."""
        self.functions = FunctionIndex([changed])

    def end_run(self, run: RunState) -> None:
        """The run's call is answered with its result."""
        self.reply(run, 200, b"null")

    # What is so.

    def due(self) -> list[QueueItem]:
        """The items whose turn has come."""
        admitted = [i for i in self.items.values() if i.kind is ItemKind.ADMIT]
        timers = [i for i in self.items.values() if i.kind in _TIMERS and i.due_ms <= self.now_ms]
        return admitted + timers

    def outcomes(self) -> Counter[str]:
        """What has become of all events, counted: statuses of runs, reasons of skips."""
        found = Counter(run.status.wire_name for run in self.runs.values())
        found.update(str(skip.reason) for skip in self.skips)
        return found

    def batches(self) -> list[list[EventId]]:
        """The events of each run, in the order of the runs."""
        return [list(new.event_ids or (new.event_id,)) for new in self.new_runs]

    def live(self) -> list[RunState]:
        """Runs that have not ended."""
        return [run for run in self.runs.values() if not run.is_ended]

    def skip_of(self, event_id: EventId) -> tuple[SkipReason, str]:
        """Why the event started nothing."""
        (skip,) = (skip for skip in self.skips if skip.event_id == event_id)
        return skip.reason, skip.detail

    def check_each_event_once(self) -> None:
        """Each event has one outcome, or is pending, or waits for its decision."""
        seen: Counter[EventId] = Counter()
        for batch in self.batches():
            seen.update(batch)
        seen.update(skip.event_id for skip in self.skips)
        for held in self.buffered.values():
            seen.update(event.event_id for event in held.values())
        for item in self.items.values():
            if item.kind is ItemKind.ADMIT:
                seen[AdmitBody.decode(item.body).event_id] += 1
        assert set(seen.values()) <= {1}
        assert set(seen) == {event.id for event in self.events if event.name == NAME}

    # Inside.

    def absorb(self, transition: Transition, run: RunState | None = None) -> Transition:
        for claim in transition.claims:
            self.claimed[claim.function_id, claim.key] = claim.run_id
        for state in transition.limits:
            self.limits[state.function_id, state.key] = state
        for buffer_id in transition.buffers_done:
            self.buffers = {r: b for r, b in self.buffers.items() if b.id != buffer_id}
            self.buffered.pop(buffer_id, None)
        for buffer in transition.buffers:
            self.buffers[buffer.ref] = buffer
        for event in transition.buffered:
            self.buffered.setdefault(event.buffer_id, {})[event.position] = event
        for item in transition.renew_due:
            assert item.id in self.items
        return super().absorb(transition, run)

    def _decision(self, item: QueueItem, view: AdmissionView) -> Transition:
        function = self.functions.get(item.function_id)
        if item.kind is ItemKind.ADMIT:
            event = view.event(AdmitBody.decode(item.body).event_id)
            assert event is not None
            arrival = arrive(item, event, function, now_ms=self.now_ms)
            return admit(arrival, view, at=self.moment())
        body = BufferBody.decode(item.body)
        ref = BufferRef(item.function_id, body.kind, body.key)
        is_gone = function is None or function.archived
        end = BufferEnd(item, ref, body.buffer_id, None if is_gone else function)
        return end_buffer(end, view, at=self.moment())

    def _superseded(self, transition: Transition, view: AdmissionView) -> Transition:
        for run in transition.runs:
            if run.id in view.superseded:
                event = view.event(run.event_id)
                assert event is not None
                world, at = self.world(), self.moment()
                return supersede(transition, run.id, event, world=world, at=at)
        return transition

    def _findings(self) -> Findings:
        live = [run.new for run in self.live() if run.new.singleton]
        return Findings(
            events={event.id: TriggerEvent.stored(event) for event in self.events},
            claims=list(self.claimed),
            limits=self.limits,
            buffers=self.buffers,
            buffered={
                buffer_id: [held[position] for position in sorted(held)]
                for buffer_id, held in self.buffered.items()
            },
            holders={(new.function_id, new.singleton): new.id for new in live},
        )

    def _next_timer(self) -> QueueItem | None:
        timers = [item for item in self.items.values() if item.kind in _TIMERS]
        return min(timers, key=lambda item: item.due_ms, default=None)
