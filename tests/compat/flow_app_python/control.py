"""Functions that are timed out, cancelled, run again, replayed and paused, and that ask models."""

from datetime import timedelta
from typing import Any

import inngest
from inngest.experimental import ai

from tests.compat.flow_app_python.client import client, data_of, gates, mark, note, on, stand, work


@client.create_function(fn_id="marker", trigger=on("marker"))
async def marker(ctx: inngest.Context) -> str:
    """Has no option: what it proves is that the server has come this far."""
    return "here"


@client.create_function(
    fn_id="start-timeout",
    concurrency=[inngest.Concurrency(limit=1)],
    timeouts=inngest.Timeouts(start=timedelta(seconds=1)),
    trigger=on("start.timeout"),
)
async def start_timeout(ctx: inngest.Context) -> None:
    await stand(ctx, "start-timeout")


@client.create_function(
    fn_id="start-timeout-throttled",
    throttle=inngest.Throttle(limit=1, period=timedelta(minutes=1), burst=0),
    timeouts=inngest.Timeouts(start=timedelta(seconds=1)),
    trigger=on("start.timeout.throttled"),
)
async def start_timeout_throttled(ctx: inngest.Context) -> None:
    await mark(ctx, "begin", "start-timeout-throttled")


@client.create_function(
    fn_id="finish-timeout",
    timeouts=inngest.Timeouts(finish=timedelta(seconds=2)),
    trigger=on("finish.timeout"),
)
async def finish_timeout(ctx: inngest.Context) -> None:
    for step_id in ("a", "b", "c"):
        await work(ctx, "finish-timeout", 1.2, step_id)


@client.create_function(
    fn_id="finish-timeout-asleep",
    timeouts=inngest.Timeouts(finish=timedelta(seconds=1)),
    trigger=on("finish.timeout.asleep"),
)
async def finish_timeout_asleep(ctx: inngest.Context) -> None:
    await ctx.step.sleep("nap", timedelta(minutes=1))


@client.create_function(
    fn_id="cancel-within",
    cancel=[
        inngest.Cancel(
            event="flow-py/cancel.within.now",
            if_exp="event.data.order == async.data.order",
            timeout=timedelta(seconds=3),
        )
    ],
    trigger=on("cancel.within"),
)
async def cancel_within(ctx: inngest.Context) -> str:
    await ctx.step.sleep("nap", timedelta(seconds=4))
    await mark(ctx, "slept", "cancel-within")
    await ctx.step.wait_for_event(
        "go",
        event="flow-py/cancel.within.go",
        if_exp="event.data.order == async.data.order",
        timeout=timedelta(minutes=1),
    )
    return "not cancelled"


@client.create_function(fn_id="in-flight", trigger=on("in.flight"))
async def in_flight(ctx: inngest.Context) -> None:
    await stand(ctx, "in-flight")
    await mark(ctx, "after", "in-flight")


@client.create_function(fn_id="bulk", trigger=on("bulk"))
async def bulk(ctx: inngest.Context) -> None:
    await ctx.step.sleep("nap", timedelta(minutes=5))


@client.create_function(fn_id="rerun", trigger=on("rerun"))
async def rerun(ctx: inngest.Context) -> dict[str, Any]:
    async def read() -> Any:
        await note(ctx, "read", "rerun")
        return ctx.event.data.get("n")

    async def double(number: Any) -> Any:
        await note(ctx, "double", "rerun")
        return number * 2

    number = await ctx.step.run("read", read)
    return {"run_id": ctx.run_id, "doubled": await ctx.step.run("double", double, number)}


@client.create_function(fn_id="replayed", retries=0, trigger=on("replayed"))
async def replayed(ctx: inngest.Context) -> str:
    if not gates.is_open(data_of(ctx)["gate"]):
        raise RuntimeError("not repaired yet")
    return "repaired"


@client.create_function(fn_id="paused-skip", trigger=on("paused.skip"))
async def paused_skip(ctx: inngest.Context) -> object:
    return ctx.event.data.get("n")


@client.create_function(fn_id="paused-wait", trigger=on("paused.wait"))
async def paused_wait(ctx: inngest.Context) -> object:
    return ctx.event.data.get("n")


async def _two_steps_and_a_sleep(ctx: inngest.Context, of: str) -> str:
    await mark(ctx, "first", of)
    await ctx.step.sleep("nap", timedelta(seconds=2))
    await mark(ctx, "second", of)
    return "both"


@client.create_function(fn_id="paused-hold", trigger=on("paused.hold"))
async def paused_hold(ctx: inngest.Context) -> str:
    return await _two_steps_and_a_sleep(ctx, "paused-hold")


@client.create_function(fn_id="paused-twin", trigger=on("paused.twin"))
async def paused_twin(ctx: inngest.Context) -> str:
    """Does what `paused-hold` does, and is never paused."""
    return await _two_steps_and_a_sleep(ctx, "paused-twin")


@client.create_function(fn_id="paused-cancel", trigger=on("paused.cancel"))
async def paused_cancel(ctx: inngest.Context) -> None:
    await ctx.step.sleep("nap", timedelta(minutes=5))


@client.create_function(fn_id="infer", retries=1, trigger=on("infer"))
async def infer(ctx: inngest.Context) -> dict[str, Any]:
    data = data_of(ctx)
    model = ai.openai.Adapter(
        auth_key=data["key"], base_url=data["url"], headers={"x-team": "seven"}, model=data["model"]
    )
    body = {"messages": [{"role": "user", "content": "How are you?"}]}
    try:
        answer = await ctx.step.ai.infer("ask", adapter=model, body=body)
    except inngest.StepError as error:
        return {"name": error.name, "message": error.message}
    return {"answer": answer}


FUNCTIONS: list[inngest.Function[Any]] = [
    marker,
    start_timeout,
    start_timeout_throttled,
    finish_timeout,
    finish_timeout_asleep,
    cancel_within,
    in_flight,
    bulk,
    rerun,
    replayed,
    paused_skip,
    paused_wait,
    paused_hold,
    paused_twin,
    paused_cancel,
    infer,
]
