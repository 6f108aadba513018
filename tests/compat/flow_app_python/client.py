"""The one client, record and set of gates of this process, and the bodies that functions share."""

import asyncio
import os
from collections import defaultdict
from typing import Any

import inngest

from tests.compat.python_app.record import Record

client = inngest.Inngest(app_id=os.environ["COMPAT_APP_ID"])

record = Record()


class Gates:
    """Where bodies stand until a test lets them go on, so that no test has to guess how long."""

    def __init__(self) -> None:
        self._gates: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def passed(self, name: str) -> None:
        """Wait until the gate is open; a test that died must not hold the app for ever."""
        await asyncio.wait_for(self._gates[name].wait(), timeout=30)

    def is_open(self, name: str) -> bool:
        return self._gates[name].is_set()

    def open(self, name: str) -> None:
        self._gates[name].set()


gates = Gates()


def on(name: str, expression: str | None = None) -> inngest.TriggerEvent:
    return inngest.TriggerEvent(event=f"flow-py/{name}", expression=expression)


def data_of(ctx: inngest.Context) -> dict[str, Any]:
    return dict(ctx.event.data)


async def note(ctx: inngest.Context, name: str, of: str, **data: Any) -> None:
    record.note(ctx.run_id, name, ctx.attempt, {"of": of, **data_of(ctx), **data})


async def work(ctx: inngest.Context, of: str, seconds: float, step_id: str = "work") -> None:
    """A step that takes this long, with its begin and its end on record."""

    async def body() -> None:
        await note(ctx, "begin", of, step=step_id)
        await _passed(seconds)
        await note(ctx, "end", of, step=step_id)

    await ctx.step.run(step_id, body)


async def _passed(seconds: float) -> None:
    """What a body takes that has something to do; no test waits for it to be over."""
    over = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, over.set)
    await over.wait()


async def stand(ctx: inngest.Context, of: str) -> None:
    """A step that ends when the test opens the gate which the event names."""

    async def body() -> None:
        await note(ctx, "begin", of)
        await gates.passed(data_of(ctx)["gate"])
        await note(ctx, "end", of)

    await ctx.step.run("stand", body)


async def mark(ctx: inngest.Context, name: str, of: str) -> None:
    """A step that does nothing but leave its name on record."""

    async def body() -> None:
        await note(ctx, name, of)

    await ctx.step.run(name, body)
