"""Functions that wait: for a time, for an event, for another function, or to be cancelled."""

from datetime import UTC, datetime, timedelta
from typing import Any

import inngest

from tests.compat.python_app.client import client, record


@client.create_function(fn_id="sleep", trigger=inngest.TriggerEvent(event="py/sleep"))
async def sleep(ctx: inngest.Context) -> float:
    """How long the run slept, measured by the app, in seconds."""

    async def now() -> float:
        return datetime.now(UTC).timestamp()

    before = await ctx.step.run("before", now)
    await ctx.step.sleep("nap", timedelta(seconds=1))
    return await ctx.step.run("after", now) - before


@client.create_function(fn_id="sleep-until", trigger=inngest.TriggerEvent(event="py/sleep.until"))
async def sleep_until(ctx: inngest.Context) -> dict[str, float]:
    async def choose() -> float:
        return datetime.now(UTC).timestamp() + 2

    async def now() -> float:
        return datetime.now(UTC).timestamp()

    until = await ctx.step.run("choose", choose)
    await ctx.step.sleep_until("past", datetime(2001, 9, 9, tzinfo=UTC))
    await ctx.step.sleep_until("nap", datetime.fromtimestamp(until, UTC))
    return {"until": until, "woke": await ctx.step.run("now", now)}


@client.create_function(fn_id="wait-match", trigger=inngest.TriggerEvent(event="py/wait.match"))
async def wait_match(ctx: inngest.Context) -> dict[str, Any]:
    async def reached() -> None:
        record.note(ctx.run_id, "reached", ctx.attempt)

    await ctx.step.run("reached", reached)
    paid = await ctx.step.wait_for_event(
        "paid",
        event="py/paid",
        if_exp="event.data.order == async.data.order && async.data.total >= 10.0",
        timeout=timedelta(minutes=5),
    )
    if paid is None:
        return {"timed_out": True}
    return {"name": paid.name, "id": paid.id, "data": dict(paid.data), "has_ts": paid.ts > 0}


@client.create_function(fn_id="wait-timeout", trigger=inngest.TriggerEvent(event="py/wait.timeout"))
async def wait_timeout(ctx: inngest.Context) -> bool:
    event = await ctx.step.wait_for_event("never", event="py/never", timeout=timedelta(seconds=1))
    return event is None


@client.create_function(fn_id="wait-invalid", trigger=inngest.TriggerEvent(event="py/wait.invalid"))
async def wait_invalid(ctx: inngest.Context) -> None:
    record.note(ctx.run_id, "handler", ctx.attempt)
    await ctx.step.wait_for_event(
        "broken", event="py/never", if_exp="async.data.", timeout=timedelta(minutes=1)
    )


@client.create_function(fn_id="invoked-echo", trigger=inngest.TriggerEvent(event="py/never.echo"))
async def invoked_echo(ctx: inngest.Context) -> dict[str, Any]:
    data = {key: value for key, value in ctx.event.data.items() if key != "_inngest"}
    return {"event": ctx.event.name, "data": data}


@client.create_function(
    fn_id="invoked-failing", retries=0, trigger=inngest.TriggerEvent(event="py/never.failing")
)
async def invoked_failing(ctx: inngest.Context) -> None:
    record.note(ctx.run_id, "handler", ctx.attempt)
    raise ValueError("child is broken")


@client.create_function(fn_id="invoked-slow", trigger=inngest.TriggerEvent(event="py/never.slow"))
async def invoked_slow(ctx: inngest.Context) -> str:
    await ctx.step.sleep("nap", timedelta(seconds=4))
    return "too late"


@client.create_function(fn_id="invoke", trigger=inngest.TriggerEvent(event="py/invoke"))
async def invoke(ctx: inngest.Context) -> dict[str, Any]:
    return await ctx.step.invoke(
        "child", function=invoked_echo, data={"question": ctx.event.data.get("question")}
    )


@client.create_function(fn_id="invoke-sync", trigger=inngest.TriggerEvent(event="py/invoke.sync"))
def invoke_sync(ctx: inngest.ContextSync) -> Any:
    return ctx.step.invoke("child", function=invoked_echo, data={"from": "sync"})


async def _message_of_failed_invoke(
    ctx: inngest.Context, function_id: str, timeout: timedelta | None = None
) -> dict[str, str]:
    try:
        await ctx.step.invoke_by_id("child", function_id=function_id, timeout=timeout)
    except inngest.StepError as error:
        return {"name": error.name, "message": error.message}
    return {}


@client.create_function(
    fn_id="invoke-failing", trigger=inngest.TriggerEvent(event="py/invoke.failing")
)
async def invoke_failing(ctx: inngest.Context) -> dict[str, str]:
    return await _message_of_failed_invoke(ctx, "invoked-failing")


@client.create_function(
    fn_id="invoke-unknown", trigger=inngest.TriggerEvent(event="py/invoke.unknown")
)
async def invoke_unknown(ctx: inngest.Context) -> dict[str, str]:
    return await _message_of_failed_invoke(ctx, "does-not-exist")


@client.create_function(
    fn_id="invoke-timeout", trigger=inngest.TriggerEvent(event="py/invoke.timeout")
)
async def invoke_timeout(ctx: inngest.Context) -> dict[str, str]:
    return await _message_of_failed_invoke(ctx, "invoked-slow", timedelta(seconds=1))


@client.create_function(
    fn_id="invoke-other-app", trigger=inngest.TriggerEvent(event="py/invoke.other.app")
)
async def invoke_other_app(ctx: inngest.Context) -> object:
    return await ctx.step.invoke_by_id(
        "child",
        app_id=str(ctx.event.data.get("app")),
        function_id="invoked-echo",
        data={"from": "python"},
    )


@client.create_function(
    fn_id="cancelled",
    trigger=inngest.TriggerEvent(event="py/cancelled"),
    cancel=[
        inngest.Cancel(event="py/cancel", if_exp="event.data.order == async.data.order"),
    ],
)
async def cancelled(ctx: inngest.Context) -> str:
    async def reached() -> None:
        record.note(ctx.run_id, "reached", ctx.attempt)

    async def after() -> None:
        record.note(ctx.run_id, "after", ctx.attempt)

    await ctx.step.run("reached", reached)
    await ctx.step.sleep("nap", timedelta(seconds=int(str(ctx.event.data.get("sleep_s", 60)))))
    await ctx.step.run("after", after)
    return "slept"


FUNCTIONS: list[inngest.Function[Any]] = [
    sleep,
    sleep_until,
    wait_match,
    wait_timeout,
    wait_invalid,
    invoked_echo,
    invoked_failing,
    invoked_slow,
    invoke,
    invoke_sync,
    invoke_failing,
    invoke_unknown,
    invoke_timeout,
    invoke_other_app,
    cancelled,
]
