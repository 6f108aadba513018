"""Cron ticks whose time has come."""

from collections.abc import Callable

from stepwell.core.cron import tick_id
from stepwell.core.draft import World
from stepwell.core.item_bodies import CronBody
from stepwell.core.moment import Moment
from stepwell.core.queue import QueueItem
from stepwell.core.tick import tick
from stepwell.core.transition import Transition
from stepwell.engine.claims import Claims
from stepwell.engine.registry import Registry

__all__ = ["Ticking"]


class Ticking:
    """Answers CRON items.

    Two expressions of a function with a common tick start one run for it, so the tick is claimed.
    """

    def __init__(
        self,
        claims: Claims,
        registry: Registry,
        *,
        moment: Callable[[], Moment],
        world: Callable[[], World],
        decided: Callable[[QueueItem, Transition, Callable[[], None]], None],
    ) -> None:
        self._claims = claims
        self._registry = registry
        self._moment = moment
        self._world = world
        self._decided = decided

    async def tick(self, item: QueueItem) -> None:
        """Run the function for the tick, unless that was done, and go on with the next one."""
        key = (item.function_id, tick_id(CronBody.decode(item.body).tick_ms))
        claimed = await self._claims.reserve([key])
        transition = tick(
            self._registry.functions.get(item.function_id),
            item,
            claimed=key in claimed,
            world=self._world(),
            at=self._moment(),
        )
        self._decided(item, transition, lambda: self._claims.release([key]))
