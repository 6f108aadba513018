"""Functions about steps that run code: sequences, parallel groups, repeated ids, sizes, events."""

from typing import Any

import inngest

from tests.compat.python_app.client import client, record

LARGE_TEXT_BYTES = 1024 * 1024


@client.create_function(fn_id="chain", trigger=inngest.TriggerEvent(event="py/chain"))
async def chain(ctx: inngest.Context) -> dict[str, Any]:
    record.note(ctx.run_id, "handler", ctx.attempt)

    async def first() -> int:
        record.note(ctx.run_id, "first", ctx.attempt)
        return 1

    async def second(previous: int) -> int:
        record.note(ctx.run_id, "second", ctx.attempt)
        return previous + 10

    async def third(previous: int) -> dict[str, Any]:
        record.note(ctx.run_id, "third", ctx.attempt)
        return {"total": previous, "text": "zwölf ☃", "nothing": None}

    one = await ctx.step.run("first", first)
    two = await ctx.step.run("second", second, one)
    three = await ctx.step.run("third", third, two)
    return {"steps": [one, two, three], "event": dict(ctx.event.data)}


@client.create_function(fn_id="chain-sync", trigger=inngest.TriggerEvent(event="py/chain.sync"))
def chain_sync(ctx: inngest.ContextSync) -> list[int]:
    def body(index: int) -> int:
        record.note(ctx.run_id, f"body {index}", ctx.attempt)
        return index

    one = ctx.step.run("one", body, 1)
    ctx.step.sleep("nap", 1000)
    two = ctx.step.run("two", body, 2)
    return [one, two]


@client.create_function(fn_id="many-steps", trigger=inngest.TriggerEvent(event="py/many.steps"))
async def many_steps(ctx: inngest.Context) -> int:
    async def body(index: int) -> int:
        record.note(ctx.run_id, "body", ctx.attempt)
        return index

    total = 0
    for index in range(50):
        total += await ctx.step.run(f"body {index}", body, index)
    return total


@client.create_function(fn_id="repeated-ids", trigger=inngest.TriggerEvent(event="py/repeated.ids"))
async def repeated_ids(ctx: inngest.Context) -> list[int]:
    async def body(index: int) -> int:
        record.note(ctx.run_id, f"body {index}", ctx.attempt)
        return index

    return [await ctx.step.run("same", body, index) for index in range(3)]


@client.create_function(fn_id="parallel", trigger=inngest.TriggerEvent(event="py/parallel"))
async def parallel(ctx: inngest.Context) -> dict[str, Any]:
    record.note(ctx.run_id, "handler", ctx.attempt)

    async def square(number: int) -> int:
        record.note(ctx.run_id, f"square {number}", ctx.attempt)
        return number * number

    async def total(squares: list[int]) -> int:
        record.note(ctx.run_id, "total", ctx.attempt)
        return sum(squares)

    squares = await ctx.group.parallel(
        (
            lambda: ctx.step.run("square 1", square, 1),
            lambda: ctx.step.run("square 2", square, 2),
            lambda: ctx.step.run("square 3", square, 3),
        )
    )
    return {"squares": list(squares), "total": await ctx.step.run("total", total, list(squares))}


@client.create_function(
    fn_id="parallel-sync", trigger=inngest.TriggerEvent(event="py/parallel.sync")
)
def parallel_sync(ctx: inngest.ContextSync) -> list[str]:
    def body(name: str) -> str:
        record.note(ctx.run_id, name, ctx.attempt)
        return name

    pair = ctx.group.parallel(
        (
            lambda: ctx.step.run("left", body, "left"),
            lambda: ctx.step.run("right", body, "right"),
        )
    )
    return [*pair, ctx.step.run("after", body, "after")]


@client.create_function(
    fn_id="parallel-race", trigger=inngest.TriggerEvent(event="py/parallel.race")
)
async def parallel_race(ctx: inngest.Context) -> list[str]:
    """Branches of two steps each: race mode lets a branch go on before its siblings are done."""

    async def body(name: str) -> str:
        record.note(ctx.run_id, name, ctx.attempt)
        return name

    async def branch(name: str) -> str:
        first = await ctx.step.run(f"{name} 1", body, f"{name} 1")
        second = await ctx.step.run(f"{name} 2", body, f"{name} 2")
        return f"{first}, {second}"

    branches = await ctx.group.parallel(
        (lambda: branch("left"), lambda: branch("right")),
        parallel_mode=inngest.ParallelMode.RACE,
    )
    return list(branches)


@client.create_function(
    fn_id="parallel-mixed", trigger=inngest.TriggerEvent(event="py/parallel.mixed")
)
async def parallel_mixed(ctx: inngest.Context) -> dict[str, Any]:
    record.note(ctx.run_id, "handler", ctx.attempt)

    async def body(name: str) -> str:
        record.note(ctx.run_id, name, ctx.attempt)
        return name

    results: tuple[Any, ...] = await ctx.group.parallel(
        (
            lambda: ctx.step.run("body", body, "body"),
            lambda: ctx.step.sleep("nap", 1000),
            lambda: ctx.step.wait_for_event("wait", event="py/never", timeout=1000),
            lambda: ctx.step.invoke_by_id("invoke", function_id="invoked-echo", data={"n": 1}),
        )
    )
    return {"group": list(results), "after": await ctx.step.run("after", body, "after")}


@client.create_function(fn_id="large-output", trigger=inngest.TriggerEvent(event="py/large.output"))
async def large_output(ctx: inngest.Context) -> dict[str, int]:
    async def body() -> str:
        record.note(ctx.run_id, "body", ctx.attempt)
        return "x" * LARGE_TEXT_BYTES

    text = await ctx.step.run("body", body)
    return {"length": len(text)}


@client.create_function(fn_id="large-state", trigger=inngest.TriggerEvent(event="py/large.state"))
async def large_state(ctx: inngest.Context) -> dict[str, Any]:
    """Six outputs of 1 MiB: more than a request may carry, so the SDK has to fetch them."""

    async def body(index: int) -> str:
        record.note(ctx.run_id, f"body {index}", ctx.attempt)
        return str(index) * LARGE_TEXT_BYTES

    texts = [await ctx.step.run(f"body {index}", body, index) for index in range(6)]
    return {
        "lengths": [len(text) for text in texts],
        "starts": "".join(text[0] for text in texts),
        "events": [event.name for event in ctx.events],
    }


@client.create_function(fn_id="send-events", trigger=inngest.TriggerEvent(event="py/send.events"))
async def send_events(ctx: inngest.Context) -> list[str]:
    record.note(ctx.run_id, "handler", ctx.attempt)
    return await ctx.step.send_event(
        "send",
        [inngest.Event(name="py/sent", data={"index": index}) for index in range(2)],
    )


@client.create_function(fn_id="receive-event", trigger=inngest.TriggerEvent(event="py/sent"))
async def receive_event(ctx: inngest.Context) -> object:
    return ctx.event.data.get("index")


FUNCTIONS: list[inngest.Function[Any]] = [
    chain,
    chain_sync,
    many_steps,
    repeated_ids,
    parallel,
    parallel_sync,
    parallel_race,
    parallel_mixed,
    large_output,
    large_state,
    send_events,
    receive_event,
]
