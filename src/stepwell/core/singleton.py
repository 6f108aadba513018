"""Singletons: at most one live run of a function for each value of a key.

Whether there is one follows from the runs themselves, so no lock can be left behind. Of two runs
with the same key, the newer one is skipped, or takes the place of the older one, which is cancelled
first.

Source: flow control, 9.
"""

from typing import Final

import msgspec

from stepwell.core.admission_view import AdmissionView
from stepwell.core.cancel import cancel
from stepwell.core.draft import World
from stepwell.core.function import Function
from stepwell.core.identity import RunId
from stepwell.core.item_bodies import CancelBody
from stepwell.core.keys import EventValue, limit_key, optional_key
from stepwell.core.moment import Moment
from stepwell.core.run import RunState
from stepwell.core.transition import Transition
from stepwell.core.trigger import TriggerEvent
from stepwell.wire.config import SingletonMode

__all__ = ["NO_SEAT", "UNKEYED", "Seat", "find_seat", "singleton_key", "supersede"]

#: The key of all runs of a function whose singleton has no key expression.
UNKEYED: Final = "*"


class Seat(msgspec.Struct, frozen=True):
    """What a singleton has to say about a new run.

    Attributes:
        key: Under which it will be the function's only live one; "" without one.
        holder: The live run that has the key and does not give way.
    """

    key: str = ""
    holder: RunId | None = None


NO_SEAT: Final = Seat()


def singleton_key(function: Function, event: EventValue, *, now_ms: int) -> str:
    """The key under which a run for the event would be the only one; "" if it need not be.

    That is so without the option, and for events for which the key is missing, false or fails.
    """
    singleton = function.config.singleton
    if singleton is None:
        return ""
    value = optional_key(singleton.key, event, now_ms=now_ms)
    return "" if value is None else limit_key(singleton.key, value) or UNKEYED


def find_seat(function: Function, key: str, view: AdmissionView) -> Seat:
    """What a new run with that key finds: nothing in its way, or a run that stays.

    A run that gives way is nothing in its way: once the new run is taken over by the view, the view
    says what must be cancelled.
    """
    singleton = function.config.singleton
    if not key or singleton is None:
        return NO_SEAT
    holder = view.holder(function.id, key)
    if holder is not None and singleton.mode is SingletonMode.CANCEL:
        stays = view.is_immovable(holder)
        return Seat(key, holder if stays else None)
    return Seat(key, holder)


def supersede(
    transition: Transition,
    run_id: RunId,
    event: TriggerEvent,
    *,
    world: World,
    at: Moment,
) -> Transition:
    """A transition with a run that is cancelled in the moment it comes into being.

    For runs that gave way to later ones before they were written: they are recorded, nothing ever
    calls them, and there is no moment at which two live.

    Args:
        transition: What was decided, with the run in it; it stays as it is.
        run_id: The run.
        event: What started it.
        world: Functions that may listen to its end, and names that may be waited for.
        at: Clock and ids for this decision.
    """
    (new,) = (run for run in transition.runs if run.id == run_id)
    run = RunState(new, [event.payload])
    run.apply(transition)
    ending = cancel(run, None, CancelBody("singleton"), world=world, at=at)
    merged = Transition()
    merged.take_over(transition)
    merged.take_over(ending)
    merged.put = [item for item in merged.put if item.id not in run.items]
    merged.done = [item_id for item_id in merged.done if item_id not in run.items]
    merged.closed = [item for item in merged.closed if item.id not in run.items]
    merged.waits = [wait for wait in merged.waits if wait.id not in run.waits]
    merged.waits_done = [ref for ref in merged.waits_done if ref.id not in run.waits]
    return merged
