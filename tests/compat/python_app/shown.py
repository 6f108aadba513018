"""Functions whose steps and outputs are read back, one value of each kind."""

from datetime import timedelta
from typing import Any

import inngest

from tests.compat.python_app.client import client


def on(name: str) -> inngest.TriggerEvent:
    return inngest.TriggerEvent(event=f"py/shown.{name}")


@client.create_function(fn_id="shown-values", retries=0, trigger=on("values"))
async def values(ctx: inngest.Context) -> dict[str, Any]:
    async def give(value: Any) -> Any:
        return value

    for name, value in {
        "zero": 0,
        "one": 1,
        "list": [1, 2],
        "text": "zwölf ☃",
        "none": None,
        "envelope": {"data": "gAAAAA", "__ENCRYPTED__": True},
    }.items():
        await ctx.step.run(name, give, value)
    return {"foo": {"bar": 1}}


@client.create_function(fn_id="shown-repeated", retries=0, trigger=on("repeated"))
async def repeated(ctx: inngest.Context) -> list[int]:
    async def give(value: int) -> int:
        return value

    return [await ctx.step.run("foo", give, value) for value in (0, 1)]


@client.create_function(fn_id="shown-sync", retries=0, trigger=on("sync"))
def sync(ctx: inngest.ContextSync) -> str:
    return ctx.step.run("foo", lambda: "from a thread")


@client.create_function(fn_id="shown-caught", retries=1, trigger=on("caught"))
async def caught(ctx: inngest.Context) -> str:
    async def broken() -> str:
        raise ValueError("oh no")

    try:
        return await ctx.step.run("broken", broken)
    except inngest.StepError as error:
        return error.message


@client.create_function(fn_id="shown-flaky", retries=2, trigger=on("flaky"))
async def flaky(ctx: inngest.Context) -> str:
    async def body() -> str:
        if ctx.attempt == 0:
            raise ValueError("not yet")
        return "at last"

    return await ctx.step.run("flaky", body)


@client.create_function(fn_id="shown-refusing", retries=3, trigger=on("refusing"))
async def refusing(_ctx: inngest.Context) -> None:
    raise inngest.NonRetriableError("foo")


@client.create_function(fn_id="shown-failing", retries=0, trigger=on("failing"))
async def failing(_ctx: inngest.Context) -> None:
    raise ValueError("broken <for> good & all")


@client.create_function(fn_id="shown-silent", retries=0, trigger=on("silent"))
async def silent(_ctx: inngest.Context) -> None:
    """Returns nothing."""


@client.create_function(fn_id="shown-child", trigger=on("child"))
async def child(ctx: inngest.Context) -> str:
    return f"child of {ctx.event.name}"


@client.create_function(fn_id="shown-mixed", retries=0, trigger=on("mixed"))
async def mixed(ctx: inngest.Context) -> list[Any]:
    """Everything but plain code, side by side and one after the other."""

    async def give(value: str) -> str:
        return value

    await ctx.step.sleep("nap", timedelta(seconds=1))
    sent = await ctx.step.send_event("send", inngest.Event(name="py/shown.sent"))
    answer = await ctx.step.invoke("ask", function=child)
    sides = await ctx.group.parallel(
        (lambda: ctx.step.run("left", give, "l"), lambda: ctx.step.run("right", give, "r"))
    )
    event = await ctx.step.wait_for_event("never", event="py/never", timeout=timedelta(seconds=1))
    return [len(sent), answer, list(sides), event]


@client.create_function(
    fn_id="shown-batch",
    batch_events=inngest.Batch(max_size=2, timeout=timedelta(seconds=10)),
    trigger=on("batch"),
)
async def batch(ctx: inngest.Context) -> int:
    return len(ctx.events)


FUNCTIONS: list[inngest.Function[Any]] = [
    values,
    repeated,
    sync,
    caught,
    flaky,
    refusing,
    failing,
    silent,
    child,
    mixed,
    batch,
]
