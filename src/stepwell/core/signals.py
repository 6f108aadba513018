"""Signals: names that steps wait for, and what is sent to them.

At most one step of an environment waits for a name. Who that is stands in a row of the store, which
is only an index: it counts as long as its run, too, says that the step still waits. A signal for
which no step waits is not kept.

Source: execution semantics, 4.3.
"""

from typing import Final

import msgspec

from stepwell.core.answers import answer_item, cancel_item
from stepwell.core.item_bodies import CancelBody, ResumeBody, SignalBody
from stepwell.core.journal import Caller
from stepwell.core.moment import Moment
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.run import RunState
from stepwell.core.transition import SignalWait, Transition

__all__ = ["SIGNAL_NAME_BYTES_MAX", "begin_waiting", "is_waiting", "receive"]

#: Names are keys of an index; ids that people make up are far shorter.
SIGNAL_NAME_BYTES_MAX: Final = 1024

_CONFLICT: Final = CancelBody(
    "signal_conflict",
    error_name="Error",
    error_message="Signal conflict; signal wait already exists for another run",
)


def is_waiting(wait: SignalWait, run: RunState | None, *, now_ms: int) -> bool:
    """Whether the step still waits: it is not answered, its time is not up, its run is not over.

    Args:
        wait: What stands in the store.
        run: The run it names, with everything that was decided about it; None if there is none.
        now_ms: The wall clock.
    """
    return (
        run is not None
        and not run.is_ended
        and run.signals.get(wait.step) == wait.ref
        and wait.expires_ms > now_ms
    )


def begin_waiting(
    item: QueueItem, run: RunState | None, other: SignalWait | None, *, at: Moment
) -> Transition:
    """Let the step of a SIGNAL item have the name, unless another one waits for it.

    Then the step's run fails at once, or the other step gives way and is left to its timeout, as
    the step asked for. Nothing happens if the step does not wait any more.

    Args:
        item: The SIGNAL item.
        run: The run whose step begins to wait; None if there is none any more.
        other: The step that waits for the name now, see `is_waiting`.
        at: Clock and ids for this decision.
    """
    assert item.kind is ItemKind.SIGNAL
    transition = Transition(done=[item.id])
    body = SignalBody.decode(item.body)
    if run is None:
        return transition
    wait = SignalWait(
        body.environment_id,
        body.name,
        body.run_id,
        run.new.function_id,
        body.step,
        body.expires_ms,
    )
    if not is_waiting(wait, run, now_ms=at.now_ms) or (other is not None and other.ref == wait.ref):
        return transition
    if other is None or body.replaces:
        transition.signals.append(wait)
    else:
        why = msgspec.structs.replace(_CONFLICT, step=body.step)
        transition.put.append(cancel_item(wait.function_id, wait.run_id, why, at=at))
    return transition


def receive(wait: SignalWait, data: bytes, *, at: Moment) -> Transition:
    """Give the step that waits what was sent, and the name free.

    Args:
        wait: The step that waits for the name, see `is_waiting`.
        data: JSON.
        at: Clock and ids for this decision.

    Source: SDK protocol, 6.4.
    """
    memo = b'{"data":{"signal":%b,"data":%b}}' % (msgspec.json.encode(wait.name), data)
    caller = Caller(wait.run_id, wait.function_id, wait.step)
    item = answer_item(caller, ResumeBody(memo=msgspec.Raw(memo)), at=at)
    return Transition(put=[item], signals_done=[wait.ref])
