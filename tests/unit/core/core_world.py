"""Drives core alone: applies transitions to plain dictionaries, one decision at a time."""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from stepwell.core.advance import advance
from stepwell.core.call import call_facts
from stepwell.core.cancel import cancel
from stepwell.core.draft import World
from stepwell.core.fire import fire
from stepwell.core.function import Function, FunctionIndex
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, AppId, FunctionId, ItemId, RunId, StepId
from stepwell.core.item_bodies import CancelBody, MatchBody
from stepwell.core.journal import Entry
from stepwell.core.matching import match_waits
from stepwell.core.moment import Moment
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.resume import resume
from stepwell.core.retry import RetryPolicy
from stepwell.core.routing import route
from stepwell.core.run import RunState
from stepwell.core.transition import JournalRow, NewRun, Skip, StoredEvent, Transition
from stepwell.core.waits import Wait
from stepwell.wire.config import EventTrigger, FunctionConfig
from stepwell.wire.events import parse_events
from stepwell.wire.response import CallFailed, Outcome, SdkReply, read_reply
from stepwell.wire.ulid import ulid_from

START_MS = 1_790_000_000_000
SDK_HEADERS = {"x-inngest-sdk": "inngest-js:v4.24.0", "x-inngest-req-version": "2"}


def step_id(name: str) -> StepId:
    """The hashed id SDKs use for a step called `name`."""
    return StepId(hashlib.sha1(name.encode()).hexdigest())


def opcode(op: str, name: str, **more: Any) -> dict[str, Any]:
    """An opcode as an SDK sends it."""
    return {"op": op, "id": step_id(name), "name": name, "displayName": name, **more}


def function(slug: str, *triggers: EventTrigger, **options: Any) -> Function:
    """A registered function."""
    config = FunctionConfig(
        slug=slug,
        name=slug,
        url=f"http://app/api/inngest?fnId={slug}&stepId=step",
        triggers=triggers,
        **options,
    )
    return Function(
        FunctionId(f"id-of-{slug}"),
        AppId("app"),
        "app",
        DEFAULT_ENVIRONMENT_ID,
        slug,
        slug,
        1,
        config,
        START_MS,
    )


class CountedIds:
    """Ids that count up."""

    def __init__(self) -> None:
        self._count = 0

    def ulid(self, at_ms: int) -> str:
        return ulid_from(at_ms, self.number().to_bytes(10, "big"))

    def number(self) -> int:
        self._count += 1
        return self._count

    def jitter(self) -> float:
        return 0.5


class CoreWorld:
    """Everything transitions have written, and the clock."""

    def __init__(self, *functions: Function, retries: RetryPolicy | None = None) -> None:
        self.now_ms = START_MS
        self.ids = CountedIds()
        self.retries = retries or RetryPolicy()
        self.functions = FunctionIndex(functions)
        self.events: list[StoredEvent] = []
        self.new_runs: list[NewRun] = []
        self.runs: dict[RunId, RunState] = {}
        self.items: dict[ItemId, QueueItem] = {}
        self.waits: dict[int, Wait] = {}
        self.journal: list[JournalRow] = []
        self.skips: list[Skip] = []

    # What may happen.

    def send(self, name: str, data: Any = None, **fields: Any) -> list[RunState]:
        """An event is accepted; returns the runs it started."""
        body = msgspec.json.encode({"name": name, "data": data, **fields})
        parsed = parse_events(
            body,
            content_type="application/json",
            received_ms=self.now_ms,
            internal_ids=lambda _: self.ids.ulid(self.now_ms),
        )
        assert parsed.error is None
        (accepted,) = parsed.accepted
        before = len(self.new_runs)
        self.absorb(
            route(
                accepted,
                environment_id=DEFAULT_ENVIRONMENT_ID,
                world=self.world(),
                at=self.moment(),
            )
        )
        self.match()
        return [self.runs[new.id] for new in self.new_runs[before:]]

    def answer(
        self, run: RunState, *ops: dict[str, Any], headers: dict[str, str] | None = None
    ) -> Transition:
        """The run's call is answered with opcodes."""
        return self.reply(run, 206, msgspec.json.encode(ops), headers)

    def reply(
        self, run: RunState, status: int, body: bytes, headers: dict[str, str] | None = None
    ) -> Transition:
        """The run's call is answered over HTTP."""
        reply = SdkReply(status, SDK_HEADERS | (headers or {}), body)
        return self.outcome(self.call_of(run), read_reply(reply, now_ms=self.now_ms))

    def answer_step(self, run: RunState, name: str, *ops: dict[str, Any]) -> Transition:
        """The call for one planned step is answered."""
        reply = SdkReply(206, SDK_HEADERS, msgspec.json.encode(ops))
        (item,) = (i for i in self.calls_of(run) if i.step == step_id(name))
        return self.outcome(item, read_reply(reply, now_ms=self.now_ms))

    def fails(self, run: RunState, failure: CallFailed) -> Transition:
        """The run's call fails on the way."""
        return self.outcome(self.call_of(run), failure)

    def outcome(self, item: QueueItem, outcome: Outcome) -> Transition:
        """An item's call comes to `outcome`."""
        run = self.runs[item.run_id]
        call = call_facts(item, self.now_ms, outcome)
        transition = advance(run, item, outcome, call=call, world=self.world(), at=self.moment())
        return self.absorb(transition, run)

    def fire(self, run: RunState) -> Transition:
        """The run's nearest timer is due."""
        item = min(
            (i for i in run.items.values() if i.kind in {ItemKind.SLEEP, ItemKind.TIMEOUT}),
            key=lambda i: i.due_ms,
        )
        self.now_ms = max(self.now_ms, item.due_ms)
        return self.absorb(fire(run, item, world=self.world(), at=self.moment()), run)

    def cancel(self, run: RunState) -> Transition:
        """The run is cancelled over the API."""
        why = CancelBody("api")
        return self.absorb(cancel(run, None, why, world=self.world(), at=self.moment()), run)

    def match(self) -> None:
        """Do all queued work that concerns waits: MATCH, then RESUME and CANCEL."""
        events = {event.id: event for event in self.events}
        for item in [i for i in self.items.values() if i.kind is ItemKind.MATCH]:
            event = events[MatchBody.decode(item.body).event_id]
            candidates = [w for w in self.waits.values() if w.event_name == event.name]
            self.absorb(match_waits(event, item, candidates, more=False, at=self.moment()))
        self.resume()

    def resume(self) -> None:
        """Do all queued RESUME and CANCEL items."""
        for item in list(self.items.values()):
            if item.kind not in {ItemKind.RESUME, ItemKind.CANCEL} or item.id not in self.items:
                continue
            run = self.runs[item.run_id]
            if run.is_ended:
                del self.items[item.id]
                continue
            run.items[item.id] = item
            world, at = self.world(), self.moment()
            if item.kind is ItemKind.RESUME:
                transition = resume(run, item, world=world, at=at)
            else:
                why = CancelBody.decode(item.body)
                transition = cancel(run, item, why, world=world, at=at)
            self.absorb(transition, run)

    # What is so.

    def call_of(self, run: RunState) -> QueueItem:
        """The only call the run waits for."""
        (item,) = self.calls_of(run)
        return item

    def calls_of(self, run: RunState) -> list[QueueItem]:
        """The calls the run waits for."""
        return [item for item in run.items.values() if item.kind.is_call]

    def entries_of(self, run: RunState) -> list[Entry]:
        """The run's journal."""
        return [row.entry for row in self.journal if row.run_id == run.new.id]

    def event_names(self) -> list[str]:
        """The names of all stored events."""
        return [event.name for event in self.events]

    def event(self, name: str) -> dict[str, Any]:
        """The newest event of that name, decoded."""
        payload = [event.payload for event in self.events if event.name == name][-1]
        decoded: dict[str, Any] = msgspec.json.decode(payload)
        return decoded

    def restored(self, run: RunState) -> RunState:
        """The run as it would be loaded from what was written."""
        return RunState.restore(
            run.new,
            run.events,
            journal=self.entries_of(run),
            items=[item for item in self.items.values() if item.run_id == run.new.id],
            waits=[wait.ref for wait in self.waits.values() if wait.run_id == run.new.id],
        )

    def world(self) -> World:
        names = {wait.event_name for wait in self.waits.values()}
        return World(self.functions, names, self.retries)

    def moment(self) -> Moment:
        return Moment(self.now_ms, self.ids)

    def absorb(self, transition: Transition, run: RunState | None = None) -> Transition:
        """Write what a decision wants written."""
        if run is not None:
            run.apply(transition)
        self.events += transition.events
        self.journal += transition.journal
        self.skips += transition.skips
        for item in [*transition.put, *transition.renew, *transition.renew_due]:
            self.items[item.id] = item
        for item_id in transition.done:
            self.items.pop(item_id, None)
        for wait in transition.waits:
            self.waits[wait.id] = wait
        for ref in transition.waits_done:
            self.waits.pop(ref.id, None)
        self._begin(transition)
        return transition

    def _begin(self, transition: Transition) -> None:
        payloads = {event.id: event.payload for event in self.events}
        for new in transition.runs:
            self.new_runs.append(new)
            event_ids = new.event_ids or (new.event_id,)
            run = RunState(new, [payloads[event_id] for event_id in event_ids])
            run.apply(transition)
            self.runs[new.id] = run


def output_of(entries: Sequence[Entry]) -> Any:
    """The decoded output of the last entry."""
    return msgspec.json.decode(entries[-1].output)  # type: ignore[union-attr] # a RunEnded
