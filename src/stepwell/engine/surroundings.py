"""What a partition is given: by the process it is in, and by the store it begins with."""

from collections.abc import Callable

import msgspec

from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, EnvironmentId, NodeId
from stepwell.core.retry import RetryPolicy
from stepwell.core.run import RunState
from stepwell.core.transition import Transition
from stepwell.engine.clock import Clock, SharedClock
from stepwell.engine.distribution import CommitCounts
from stepwell.engine.driver import Driver
from stepwell.engine.gateways import GatewayClient
from stepwell.engine.ids import NumberedIds
from stepwell.engine.limits import LimitSettings
from stepwell.engine.registry import Registry
from stepwell.engine.retention_setup import RetentionSetup
from stepwell.engine.store import Store

__all__ = ["NodeSetup", "Observer", "Surroundings"]

#: Must be quick and must not raise; it is called between a commit and what follows from it.
Observer = Callable[[RunState | None, Transition], None]


class NodeSetup(msgspec.Struct, frozen=True):
    """What a server is told that may be one of several.

    Attributes:
        name: As an operator would look for it; need not be unique.
        version: Of Stepwell.
        clock: The clock that all nodes share, which is also that of the surroundings.
        joined: Told the node's id whenever the server has become one; must be quick.
    """

    name: str
    version: str
    clock: SharedClock
    joined: Callable[[NodeId], None] | None = None


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What a partition is given from outside; the same for all ownerships of a process.

    Attributes:
        gateway: Makes the HTTP requests that steps ask for.
        calls_max: Requests to apps and for steps under way at the same time.
        limits: What else bounds them, for the whole installation and per app.
        retention: How long what is kept; None keeps everything, and cannot be changed.
        commits: Where commits are counted, if anybody wants to know.
        node: What it is among others; None if no other server can use the store.
        observers: Told of every durable transition, with the run it was decided for.
        reloaded: Told when apps and functions were read anew, because another node changed them.
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
    node: NodeSetup | None = None
    observers: tuple[Observer, ...] = ()
    reloaded: Callable[[], None] | None = None
