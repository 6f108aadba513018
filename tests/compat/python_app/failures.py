"""Functions that fail: in steps and outside, once or always, caught or not."""

from datetime import timedelta
from typing import Any

import inngest

from tests.compat.python_app.client import client, record


@client.create_function(
    fn_id="step-retried", retries=2, trigger=inngest.TriggerEvent(event="py/step.retried")
)
async def step_retried(ctx: inngest.Context) -> list[str]:
    """The first step works at once, the second at its second attempt."""

    async def steady() -> str:
        record.note(ctx.run_id, "steady", ctx.attempt)
        return "steady"

    async def flaky() -> str:
        record.note(ctx.run_id, "flaky", ctx.attempt)
        if ctx.attempt == 0:
            raise RuntimeError("not yet")
        return f"worked at attempt {ctx.attempt}"

    return [await ctx.step.run("steady", steady), await ctx.step.run("flaky", flaky)]


@client.create_function(
    fn_id="step-error-caught",
    retries=1,
    trigger=inngest.TriggerEvent(event="py/step.error.caught"),
)
async def step_error_caught(ctx: inngest.Context) -> dict[str, Any]:
    async def broken() -> str:
        record.note(ctx.run_id, "broken", ctx.attempt)
        raise ValueError("out of stock")

    async def fallback() -> str:
        record.note(ctx.run_id, "fallback", ctx.attempt)
        return "sold something else"

    try:
        await ctx.step.run("broken", broken)
    except inngest.StepError as error:
        return {
            "name": error.name,
            "message": error.message,
            "has_stack": bool(error.stack),
            "fallback": await ctx.step.run("fallback", fallback),
        }
    return {}


@client.create_function(
    fn_id="step-error-caught-sync",
    retries=0,
    trigger=inngest.TriggerEvent(event="py/step.error.caught.sync"),
)
def step_error_caught_sync(ctx: inngest.ContextSync) -> str:
    def broken() -> str:
        record.note(ctx.run_id, "broken", ctx.attempt)
        raise ValueError("out of stock")

    try:
        return ctx.step.run("broken", broken)
    except inngest.StepError as error:
        return f"{error.name}: {error.message}"


async def _tell_of_failure(ctx: inngest.Context) -> str:
    async def tell() -> str:
        error: Any = ctx.event.data.get("error")
        original: Any = ctx.event.data.get("event")
        record.note(
            ctx.run_id,
            "on failure",
            ctx.attempt,
            {
                "failed_run_id": ctx.event.data.get("run_id"),
                "function_id": ctx.event.data.get("function_id"),
                "event": ctx.event.name,
                "original": original["data"],
                "name": error["name"],
                "message": error["message"],
            },
        )
        return "told"

    return await ctx.step.run("tell", tell)


@client.create_function(
    fn_id="step-error-uncaught",
    retries=1,
    on_failure=_tell_of_failure,
    trigger=inngest.TriggerEvent(event="py/step.error.uncaught"),
)
async def step_error_uncaught(ctx: inngest.Context) -> str:
    async def broken() -> str:
        record.note(ctx.run_id, "broken", ctx.attempt)
        raise ValueError("no such customer")

    return await ctx.step.run("broken", broken)


@client.create_function(
    fn_id="parallel-error", retries=0, trigger=inngest.TriggerEvent(event="py/parallel.error")
)
async def parallel_error(ctx: inngest.Context) -> dict[str, Any]:
    """One of two parallel steps fails for good; the other's result is kept."""

    async def works() -> str:
        record.note(ctx.run_id, "works", ctx.attempt)
        return "works"

    async def broken() -> str:
        record.note(ctx.run_id, "broken", ctx.attempt)
        raise ValueError("broken branch")

    async def broken_branch() -> str:
        try:
            return await ctx.step.run("broken", broken)
        except inngest.StepError as error:
            return f"caught {error.message}"

    results = await ctx.group.parallel((lambda: ctx.step.run("works", works), broken_branch))
    return {"group": list(results)}


@client.create_function(
    fn_id="handler-retried", retries=2, trigger=inngest.TriggerEvent(event="py/handler.retried")
)
async def handler_retried(ctx: inngest.Context) -> dict[str, Any]:
    """Fails outside any step; the memoised step before it must not run again."""

    async def before() -> str:
        record.note(ctx.run_id, "before", ctx.attempt)
        return "before"

    before_result = await ctx.step.run("before", before)
    record.note(ctx.run_id, "after", ctx.attempt)
    if record.count(ctx.run_id, "after") < 3:
        raise RuntimeError("handler not ready")
    return {"before": before_result, "attempt": ctx.attempt}


@client.create_function(
    fn_id="handler-failed", retries=1, trigger=inngest.TriggerEvent(event="py/handler.failed")
)
async def handler_failed(ctx: inngest.Context) -> None:
    record.note(ctx.run_id, "handler", ctx.attempt)
    raise RuntimeError("never ready")


@client.create_function(
    fn_id="non-retriable",
    retries=3,
    on_failure=_tell_of_failure,
    trigger=inngest.TriggerEvent(event="py/non.retriable"),
)
async def non_retriable(ctx: inngest.Context) -> None:
    record.note(ctx.run_id, "handler", ctx.attempt)
    raise inngest.NonRetriableError("card expired")


@client.create_function(
    fn_id="non-retriable-step",
    retries=3,
    trigger=inngest.TriggerEvent(event="py/non.retriable.step"),
)
async def non_retriable_step(ctx: inngest.Context) -> str:
    async def body() -> str:
        record.note(ctx.run_id, "body", ctx.attempt)
        raise inngest.NonRetriableError("card stolen")

    return await ctx.step.run("body", body)


@client.create_function(
    fn_id="retry-after", retries=1, trigger=inngest.TriggerEvent(event="py/retry.after")
)
async def retry_after(ctx: inngest.Context) -> int:
    """Asks for a delay that differs from the server's `--retry-interval`."""
    record.note(ctx.run_id, "handler", ctx.attempt)
    if ctx.attempt == 0:
        raise inngest.RetryAfterError("busy", timedelta(seconds=3))
    return ctx.attempt


@client.create_function(
    fn_id="retry-after-step", retries=1, trigger=inngest.TriggerEvent(event="py/retry.after.step")
)
async def retry_after_step(ctx: inngest.Context) -> int:
    async def body() -> int:
        record.note(ctx.run_id, "body", ctx.attempt)
        if ctx.attempt == 0:
            raise inngest.RetryAfterError("busy", timedelta(seconds=3))
        return ctx.attempt

    return await ctx.step.run("body", body)


FUNCTIONS: list[inngest.Function[Any]] = [
    step_retried,
    step_error_caught,
    step_error_caught_sync,
    step_error_uncaught,
    parallel_error,
    handler_retried,
    handler_failed,
    non_retriable,
    non_retriable_step,
    retry_after,
    retry_after_step,
]
