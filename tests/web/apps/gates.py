"""Where step bodies stand until a test lets them go on, so that no test has to guess how long."""

import asyncio
from collections import defaultdict

__all__ = ["Gates"]


class Gates:
    """Named gates, closed at first. Whoever comes to an open one does not notice it."""

    def __init__(self) -> None:
        self._gates: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def passed(self, name: str) -> None:
        """Returns as soon as the gate is open."""
        await self._gates[name].wait()

    def open(self, name: str) -> None:
        """Open it for good, whether or not somebody waits."""
        self._gates[name].set()
