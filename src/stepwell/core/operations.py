"""Bulk operations, one page of runs at a time.

A page's effects, how far the operation has come with it, and the item for the next page are one
transition: after a crash it goes on behind the last page, and no run is cancelled or replayed twice.

Source: HTTP APIs, 7.7; execution semantics, 8.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from stepwell.core.answers import cancel_item
from stepwell.core.expressions import ExpressionFailed, ExpressionInvalid, compile_condition
from stepwell.core.identity import ItemId, RunId
from stepwell.core.item_bodies import CancelBody, OperationBody
from stepwell.core.moment import Moment
from stepwell.core.operation import Operation, OperationKind
from stepwell.core.queue import IMMEDIATE, ItemKind, QueueItem
from stepwell.core.rerun import RerunPlan, start_rerun
from stepwell.core.status import RunStatus
from stepwell.core.transition import StoredEvent, Transition
from stepwell.wire.events import expression_value

__all__ = [
    "Page",
    "begin",
    "cancel_page",
    "counted",
    "is_chosen",
    "page_size",
    "page_statuses",
    "replay_page",
    "runs_before_ms",
    "skip_page",
    "stop",
    "turn_page",
]

#: Runs cancelled by one transition: each is one more item.
CANCEL_PAGE: Final = 100
#: Runs replayed by one: each is a new run, and what started it has to be read.
REPLAY_PAGE: Final = 20
#: With a bound on the rate, a page is what is replayed in this part of a second: so no second sees
#: more than a twentieth above the bound.
_PAGES_PER_S: Final = 20

_LIVE: Final = tuple(status for status in RunStatus if not status.is_ended)
_ENDED: Final = tuple(status for status in RunStatus if status.is_ended)


class Page(msgspec.Struct, frozen=True):
    """What an operation looks at in one go.

    Attributes:
        operation: How far it had come before.
        item: The OPERATION item whose turn has come.
        runs: The next runs in its range that have one of its statuses, by id, each with its status
            and its (first) event, as long as that is kept.
        more: Whether there may be further ones.
    """

    operation: Operation
    item: QueueItem
    runs: Sequence[tuple[RunId, RunStatus, StoredEvent | None]]
    more: bool


def begin(operation: Operation, *, at: Moment) -> Transition:
    """Store the operation, and let its first page come up."""
    item = QueueItem(
        ItemId(at.ids.number()),
        ItemKind.OPERATION,
        operation.function_id,
        queued_ms=at.now_ms,
        body=OperationBody(operation.id).encode(),
    )
    return Transition(operations=[operation], put=[item])


def page_size(operation: Operation) -> int:
    """How many runs it looks at in one go."""
    if operation.kind is OperationKind.CANCEL:
        return CANCEL_PAGE
    if not operation.rate_per_s:
        return REPLAY_PAGE
    return min(REPLAY_PAGE, max(1, operation.rate_per_s // _PAGES_PER_S))


def page_statuses(operation: Operation) -> tuple[RunStatus, ...]:
    """The statuses of the runs it looks at: live ones to cancel, ended ones to replay."""
    fitting = _LIVE if operation.kind is OperationKind.CANCEL else _ENDED
    wanted = operation.statuses or fitting
    return tuple(status for status in wanted if status in fitting)


def runs_before_ms(operation: Operation) -> int:
    """Runs queued from then on are not looked at.

    What came after the operation was created is none of its business: a replay must not find the
    runs it has started itself. A cancellation includes the millisecond it was created in.
    """
    is_cancellation = operation.kind is OperationKind.CANCEL
    created_ms = operation.created_ms + 1 if is_cancellation else operation.created_ms
    return min(operation.started_before_ms, created_ms)


def is_chosen(operation: Operation, event: StoredEvent | None, *, now_ms: int) -> bool | None:
    """Whether the condition holds for a run's event; None if it cannot be evaluated."""
    if not operation.condition:
        return True
    if event is None:
        return None
    try:
        condition = compile_condition(operation.condition)
        return condition.matches(expression_value(event.payload), now_ms=now_ms)
    except (ExpressionFailed, ExpressionInvalid):
        return None


def cancel_page(page: Page, *, at: Moment) -> Transition:
    """Queue the end of each run of the page for which the condition holds."""
    transition = Transition()
    operation = page.operation
    why = CancelBody(cause=operation.cause)
    for run_id, _, event in page.runs:
        chosen = is_chosen(operation, event, now_ms=at.now_ms)
        if chosen:
            transition.put.append(cancel_item(operation.function_id, run_id, why, at=at))
        operation = counted(operation, run_id, chosen)
    turn_page(transition, page, operation, at=at)
    return transition


def replay_page(page: Page, plans: Mapping[RunId, RerunPlan | None], *, at: Moment) -> Transition:
    """Start the chosen runs of the page once more.

    Args:
        page: Runs of a function that is no singleton.
        plans: One for each chosen run; None for a run about which that cannot be said, or that
            cannot be run again.
        at: Clock and ids for this decision.
    """
    transition = Transition()
    operation = page.operation
    for run_id, _, _ in page.runs:
        plan = plans.get(run_id)
        if plan is not None:
            start_rerun(transition, plan, at=at)
        chosen = None if plan is None and run_id in plans else plan is not None
        operation = counted(operation, run_id, chosen)
    turn_page(transition, page, operation, at=at)
    return transition


def skip_page(page: Page, *, at: Moment) -> Transition:
    """Leave all runs of a page alone about which a decision could not be made."""
    transition = Transition()
    operation = page.operation
    for run_id, _, _ in page.runs:
        operation = counted(operation, run_id, None)
    turn_page(transition, page, operation, at=at)
    return transition


def stop(operation: Operation, item: QueueItem, *, at: Moment) -> Transition:
    """End the operation although there are runs it has not looked at."""
    ended = msgspec.structs.replace(operation, ended_ms=at.now_ms)
    return Transition(operations=[ended], done=[item.id])


def counted(operation: Operation, run_id: RunId, chosen: bool | None) -> Operation:
    """The operation with one more run behind it.

    Args:
        operation: How far it had come.
        run_id: The next run.
        chosen: Whether it is cancelled or replayed; None if that could not be decided.
    """
    return msgspec.structs.replace(
        operation,
        after=run_id,
        seen=operation.seen + 1,
        done=operation.done + (chosen is True),
        failed=operation.failed + (chosen is None),
    )


def turn_page(transition: Transition, page: Page, operation: Operation, *, at: Moment) -> None:
    """Record how far the operation has come with the page, and go on, or end it.

    Args:
        transition: What it is added to.
        page: The page.
        operation: With all runs of the page counted.
        at: Clock and ids for this decision.
    """
    item = page.item
    if not page.more:
        operation = msgspec.structs.replace(operation, ended_ms=at.now_ms)
        transition.operations.append(operation)
        transition.done.append(item.id)
        return
    transition.operations.append(operation)
    due_ms = _next_due_ms(operation, replayed=operation.done - page.operation.done, at=at)
    following = msgspec.structs.replace(item, due_ms=due_ms, queued_ms=at.now_ms)
    if due_ms == item.due_ms:
        transition.renew.append(following)
    else:
        transition.renew_due.append(following)


def _next_due_ms(operation: Operation, *, replayed: int, at: Moment) -> int:
    if not operation.rate_per_s or not replayed:
        return IMMEDIATE
    return at.now_ms + -(-1000 * replayed // operation.rate_per_s)
