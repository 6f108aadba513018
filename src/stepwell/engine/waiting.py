"""What the scheduler says about an item that waits."""

import enum

import msgspec

__all__ = ["Constraint", "LaneWaiting", "Waiting"]


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


class LaneWaiting(msgspec.Struct, frozen=True):
    """What holds up a lane.

    Attributes:
        count: Its items in memory.
        goes_on_in_store: Whether there may be more in the store.
    """

    lane: str
    constraint: Constraint
    count: int
    goes_on_in_store: bool
