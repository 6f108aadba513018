"""Why things wait, in sentences for people."""

from typing import assert_never

from stepwell.api.dates import date_text
from stepwell.api.why import BATCH, DEBOUNCE, Held, ItemWaiting
from stepwell.core.function import Function
from stepwell.core.item_bodies import INVOCATION_TIMEOUT
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.engine.waiting import Constraint, Waiting

__all__ = ["held_sentence", "item_sentence", "limit_text"]


def item_sentence(shown: ItemWaiting, function: Function | None) -> str:
    """What an item waits for, such as "Waits for throttle: 2 starts per 6s; 14 ahead"."""
    item, waiting = shown.item, shown.waiting
    if shown.is_under_way:
        is_gateway = item.kind is ItemKind.GATEWAY
        return f"{'The HTTP request' if is_gateway else 'A call to the app'} is under way"
    if waiting.constraint is Constraint.NOT_DUE:
        return _later(item)
    if not item.kind.is_request and waiting.constraint is not Constraint.NO_OWNER:
        return "Is about to be dealt with"
    parts = [f"Waits for {limit_text(waiting, function)}"]
    if waiting.ahead:
        more = "at least " if waiting.goes_on_in_store else ""
        parts.append(f"{more}{waiting.ahead} ahead")
    if waiting.starts_ms is not None:
        parts.append(f"starts at {date_text(waiting.starts_ms)} at the earliest")
    return "; ".join(parts)


def held_sentence(held: Held, function: Function) -> str:
    """What some of a function's items wait for."""
    items = held.items
    if held.constraint == BATCH:
        return f"{_count(items, 'batch waits', 'batches wait')} for more events"
    if held.constraint == DEBOUNCE:
        subject = _count(items, "debounced event waits", "debounced events wait")
        return f"{subject} for the end of the period"
    if held.constraint == Constraint.NOT_DUE:
        return f"{_count(items, 'call is', 'calls are')} due later"
    return f"{_count(items, 'waits', 'wait')} for {_held_text(held, function)}"


def limit_text(waiting: Waiting, function: Function | None) -> str:
    """What is waited for, such as "concurrency: 1 call at a time, 1 under way"."""
    match waiting.constraint:
        case Constraint.NONE:
            return "its turn"
        case Constraint.NOT_DUE:
            return "its time"
        case Constraint.PAUSED:
            pause = function.pause if function is not None else None
            is_drain = pause is not None and pause.is_drain
            return f"the end of {'the drain of its app' if is_drain else 'the pause'}"
        case Constraint.ACCOUNT_CONCURRENCY:
            return f"concurrency of the installation: {_calls(waiting)}"
        case Constraint.APP_CONCURRENCY:
            return f"concurrency of the app: {_calls(waiting)}"
        case Constraint.FUNCTION_CONCURRENCY | Constraint.KEY_CONCURRENCY:
            return f"concurrency: {_calls(waiting)}"
        case Constraint.RUN_CONCURRENCY:
            runs = _count(waiting.limit or 0, "unfinished run", "unfinished runs")
            return f"run concurrency: {runs}{_key(waiting)}{_used(waiting, 'unfinished')}"
        case Constraint.THROTTLE:
            return f"throttle: {_pace(waiting, function)}{_key(waiting)}"
        case Constraint.WORKER_SLOTS:
            return "a free slot: the server makes as many calls at a time as it may (queue-workers)"
        case Constraint.NO_OWNER:
            return "a server to take it over: the one that has it does not answer"
        case _:
            assert_never(waiting.constraint)


def _later(item: QueueItem) -> str:
    at = date_text(item.due_ms)
    match item.kind:
        case ItemKind.START if not item.attempt:
            return f"Starts at {at}, the time its event bears"
        case ItemKind.START | ItemKind.DISCOVER | ItemKind.STEP | ItemKind.GATEWAY:
            return f"Attempt {item.attempt + 1} is made at {at}"
        case ItemKind.SLEEP:
            return f"Sleeps until {at}"
        case ItemKind.TIMEOUT:
            is_invocation = item.body == INVOCATION_TIMEOUT
            awaited = "an invoked function" if is_invocation else "an event or a signal"
            return f"Waits for {awaited}, until {at} at the latest"
        case ItemKind.START_TIMEOUT:
            return f"Is cancelled at {at} unless it has started"
        case ItemKind.FINISH_TIMEOUT:
            return f"Is cancelled at {at} unless it has ended"
        case _:
            return f"Is due at {at}"


def _held_text(held: Held, function: Function) -> str:
    if held.constraint == Constraint.NONE:
        return "their turn" if held.items > 1 else "its turn"
    text = limit_text(held.keys[0].waiting, function)
    more = held.key_count - 1
    return f"{text}; and {_count(more, 'other key', 'other keys')}" if more else text


def _calls(waiting: Waiting) -> str:
    limit = _count(waiting.limit or 0, "call", "calls")
    return f"{limit} at a time{_key(waiting)}{_used(waiting, 'under way')}"


def _pace(waiting: Waiting, function: Function | None) -> str:
    option = function.config.throttle if function is not None else None
    if option is None:
        return _count(waiting.limit or 0, "start", "starts")
    burst = f" and a burst of {option.burst}" if option.burst else ""
    return f"{_count(option.limit, 'start', 'starts')} per {option.period}{burst}"


def _key(waiting: Waiting) -> str:
    return f" for {waiting.key} = '{waiting.value}'" if waiting.key else ""


def _used(waiting: Waiting, what: str) -> str:
    return "" if waiting.usage is None else f", {waiting.usage} {what}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
