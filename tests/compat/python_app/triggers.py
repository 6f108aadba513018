"""Functions about what starts a run and what it may return."""

from typing import Any

import inngest

from tests.compat.python_app.client import client


@client.create_function(fn_id="wildcard", trigger=inngest.TriggerEvent(event="py/wild/*"))
async def wildcard(ctx: inngest.Context) -> str:
    return ctx.event.name


@client.create_function(fn_id="dot-wildcard", trigger=inngest.TriggerEvent(event="py/wild/user.*"))
async def dot_wildcard(ctx: inngest.Context) -> str:
    return ctx.event.name


@client.create_function(
    fn_id="filtered",
    trigger=inngest.TriggerEvent(
        event="py/filtered",
        expression="event.data.total > 100 && event.data.country in ['DE', 'AT']",
    ),
)
async def filtered(ctx: inngest.Context) -> object:
    return ctx.event.data.get("total")


@client.create_function(
    fn_id="several-triggers",
    trigger=[
        inngest.TriggerEvent(event="py/several.a"),
        inngest.TriggerEvent(event="py/several.b", expression="event.data.wanted == true"),
        inngest.TriggerCron(cron="TZ=Europe/Berlin 30 3 1 1 *"),
    ],
)
async def several_triggers(ctx: inngest.Context) -> str:
    return ctx.event.name


@client.create_function(fn_id="cron", trigger=inngest.TriggerCron(cron="0 4 29 2 *", jitter="30s"))
async def cron(ctx: inngest.Context) -> str:
    return ctx.event.name


@client.create_function(fn_id="returns", trigger=inngest.TriggerEvent(event="py/returns"))
async def returns(ctx: inngest.Context) -> object:
    """Whatever the event carries under `value`, or null."""
    return ctx.event.data.get("value")


@client.create_function(fn_id="returns-step", trigger=inngest.TriggerEvent(event="py/returns.step"))
async def returns_step(ctx: inngest.Context) -> object:
    """The same through two steps: each result comes back with the next request."""

    async def body() -> Any:
        return ctx.event.data.get("value")

    async def again(value: Any) -> Any:
        return value

    value = await ctx.step.run("body", body)
    return {"value": await ctx.step.run("again", again, value)}


@client.create_function(fn_id="echo-event", trigger=inngest.TriggerEvent(event="py/echo.event"))
async def echo_event(ctx: inngest.Context) -> dict[str, Any]:
    """The event as the SDK hands it to the function."""
    return {
        "id": ctx.event.id,
        "name": ctx.event.name,
        "ts": ctx.event.ts,
        "data": dict(ctx.event.data),
        "events": len(ctx.events),
        "run_id": ctx.run_id,
        "attempt": ctx.attempt,
    }


FUNCTIONS: list[inngest.Function[Any]] = [
    wildcard,
    dot_wildcard,
    filtered,
    several_triggers,
    cron,
    returns,
    returns_step,
    echo_event,
]
