"""What a partition is given: by the process it is in, and by the store it begins with."""

from collections.abc import Callable

import msgspec

from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, EnvironmentId
from stepwell.core.operation import Operation
from stepwell.core.retry import RetryPolicy
from stepwell.core.run import RunState
from stepwell.core.transition import LimitState, Transition
from stepwell.engine.awaited import AwaitedEvents
from stepwell.engine.clock import Clock
from stepwell.engine.distribution import CommitCounts
from stepwell.engine.driver import Driver
from stepwell.engine.gateways import GatewayClient
from stepwell.engine.ids import NumberedIds
from stepwell.engine.limits import LimitSettings
from stepwell.engine.registry import Registry
from stepwell.engine.retention_setup import RetentionSetup
from stepwell.engine.store import Store

__all__ = ["Found", "Observer", "Surroundings"]

#: Must be quick and must not raise; it is called between a commit and what follows from it.
Observer = Callable[[RunState | None, Transition], None]


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What a partition is given from outside; the same for all ownerships of a process.

    Attributes:
        gateway: Makes the HTTP requests that steps ask for.
        calls_max: Requests to apps and for steps under way at the same time.
        limits: What else bounds them, for the whole installation and per app.
        retention: How long what is kept; None keeps everything, and cannot be changed.
        commits: Where commits are counted, if anybody wants to know.
        observers: Told of every durable transition, with the run it was decided for.
    """

    store: Store
    driver: Driver
    gateway: GatewayClient
    clock: Clock
    ids: NumberedIds
    registry: Registry
    retries: RetryPolicy
    calls_max: int
    limits: LimitSettings = LimitSettings()
    environment_id: EnvironmentId = DEFAULT_ENVIRONMENT_ID
    retention: RetentionSetup | None = None
    commits: CommitCounts | None = None
    observers: tuple[Observer, ...] = ()


class Found(msgspec.Struct, frozen=True):
    """What the store told a new owner, besides the queue.

    Attributes:
        awaited: Which waits exist.
        throttles: How far throttles have been used up.
        operations: All bulk operations.
    """

    awaited: AwaitedEvents
    throttles: list[LimitState]
    operations: list[Operation]
