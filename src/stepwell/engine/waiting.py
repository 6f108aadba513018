"""What the scheduler says about items that wait.

Memory holds the beginning of each lane. Where the rest matters, what is said here names the part that
has to be counted in the store, which everybody can do.
"""

import enum

import msgspec

__all__ = ["Constraint", "ItemReason", "LaneReason", "QueueReason", "Uncounted", "Waiting"]


class Constraint(enum.StrEnum):
    """What an item waits for. The texts are shown to people and programs."""

    #: Nothing but its turn; or it has had it.
    NONE = "none"
    #: Its time.
    NOT_DUE = "not_due"
    PAUSED = "paused"
    ACCOUNT_CONCURRENCY = "account_concurrency"
    APP_CONCURRENCY = "app_concurrency"
    FUNCTION_CONCURRENCY = "function_concurrency"
    KEY_CONCURRENCY = "key_concurrency"
    RUN_CONCURRENCY = "run_concurrency"
    THROTTLE = "throttle"
    WORKER_SLOTS = "worker_slots"
    #: Whoever owns the function's partition did not answer, or nobody owns it now.
    NO_OWNER = "no_owner"


class Waiting(msgspec.Struct, frozen=True):
    """Why an item is waiting.

    Attributes:
        key: Text of the limit's key expression; None without one.
        value: What the key gave, possibly shortened.
        limit: The limit's number in the function's present configuration.
        usage: How much of it is used; None where nothing is counted or it is not known yet.
        starts_ms: When it could start, if that is known: not before this time.
        ahead: Items before it in its lane, as far as they are in memory.
        goes_on_in_store: Whether more may be before it in the store.
    """

    constraint: Constraint
    key: str | None = None
    value: str = ""
    limit: int | None = None
    usage: int | None = None
    starts_ms: int | None = None
    ahead: int = 0
    goes_on_in_store: bool = False


class Uncounted(msgspec.Struct, frozen=True):
    """What of a lane stands before an item and is in no memory.

    Attributes:
        after: The place (score, item id) up to which, itself included, all is in memory; None if
            nothing is.
        interval_ns: By so much each of those items moves the start of the one that waits; 0 if
            they do not.
    """

    after: tuple[int, int] | None
    interval_ns: int = 0


class ItemReason(msgspec.Struct, frozen=True):
    """Why an item waits, as far as memory tells.

    Attributes:
        waiting: Of what is in memory.
        is_under_way: Whether its request is being made.
        uncounted: What has to be counted before `waiting` is complete, if anything.
    """

    waiting: Waiting
    is_under_way: bool = False
    uncounted: Uncounted | None = None


class LaneReason(msgspec.Struct, frozen=True):
    """A lane in which something waits, or may wait.

    Attributes:
        waiting: What holds up its first item.
        items: How many of it are in memory.
        goes_on_in_store: Whether there may be more in the store.
        under_way: Requests under way whose rows stand in this lane.
        queued_ms: When the first item came up; 0 if that is not known.
    """

    lane: str
    waiting: Waiting
    items: int
    goes_on_in_store: bool
    under_way: int
    queued_ms: int


class QueueReason(msgspec.Struct, frozen=True):
    """What waits of a function, as far as memory tells.

    Attributes:
        running: Requests under way.
        timers_due: Timers that are due, though their rows say later.
    """

    running: int = 0
    timers_due: int = 0
    lanes: list[LaneReason] = []
