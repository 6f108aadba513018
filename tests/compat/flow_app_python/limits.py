"""Functions of which only so many may run, or start, at the same time or in a period."""

from datetime import timedelta
from typing import Any

import inngest

from tests.compat.flow_app_python.client import client, data_of, note, on, work


def _limits(
    limit: int, key: str | None = None, scope: Any | None = None
) -> list[inngest.Concurrency]:
    return [inngest.Concurrency(limit=limit, key=key, scope=scope)]


@client.create_function(fn_id="limit-one", concurrency=_limits(1), trigger=on("limit.one"))
async def limit_one(ctx: inngest.Context) -> None:
    await work(ctx, "limit-one", 0.4)


@client.create_function(fn_id="fan-left", concurrency=_limits(1), trigger=on("fan"))
async def fan_left(ctx: inngest.Context) -> None:
    await work(ctx, "fan-left", 0.5)


@client.create_function(fn_id="fan-right", concurrency=_limits(1), trigger=on("fan"))
async def fan_right(ctx: inngest.Context) -> None:
    await work(ctx, "fan-right", 0.5)


@client.create_function(
    fn_id="limit-keyed",
    concurrency=_limits(1, "event.data.number"),
    trigger=on("limit.keyed"),
)
async def limit_keyed(ctx: inngest.Context) -> None:
    await work(ctx, "limit-keyed", 1.5)


@client.create_function(
    fn_id="limit-both",
    concurrency=[
        inngest.Concurrency(limit=2),
        inngest.Concurrency(limit=1, key="event.data.number"),
    ],
    retries=0,
    trigger=on("limit.both"),
)
async def limit_both(ctx: inngest.Context) -> None:
    await work(ctx, "limit-both", 1)


@client.create_function(
    fn_id="shared-account-a",
    concurrency=_limits(1, "'flow-py-account'", "account"),
    trigger=on("shared.account"),
)
async def shared_account_a(ctx: inngest.Context) -> None:
    await work(ctx, "shared-account", 0.2)


@client.create_function(
    fn_id="shared-account-b",
    concurrency=_limits(1, "'flow-py-account'", "account"),
    trigger=on("shared.account"),
)
async def shared_account_b(ctx: inngest.Context) -> None:
    await work(ctx, "shared-account", 0.2)


@client.create_function(
    fn_id="shared-env-a",
    concurrency=_limits(1, "'flow-py-env'", "env"),
    trigger=on("shared.env"),
)
async def shared_env_a(ctx: inngest.Context) -> None:
    await work(ctx, "shared-env", 0.2)


@client.create_function(
    fn_id="shared-env-b",
    concurrency=_limits(1, "'flow-py-env'", "env"),
    trigger=on("shared.env"),
)
async def shared_env_b(ctx: inngest.Context) -> None:
    await work(ctx, "shared-env", 0.2)


# This SDK sends a burst of 1 unless told otherwise.
@client.create_function(
    fn_id="throttled",
    throttle=inngest.Throttle(limit=1, period=timedelta(seconds=1)),
    trigger=on("throttled"),
)
async def throttled(ctx: inngest.Context) -> None:
    await work(ctx, "throttled", 0)


@client.create_function(
    fn_id="throttled-burst",
    throttle=inngest.Throttle(limit=2, period=timedelta(seconds=2), burst=1),
    trigger=on("throttled.burst"),
)
async def throttled_burst(ctx: inngest.Context) -> None:
    await work(ctx, "throttled-burst", 0)


@client.create_function(
    fn_id="throttled-keyed",
    throttle=inngest.Throttle(
        limit=1, period=timedelta(minutes=1), burst=0, key="event.data.customer"
    ),
    trigger=on("throttled.keyed"),
)
async def throttled_keyed(ctx: inngest.Context) -> None:
    for step_id in ("one", "two", "three"):
        await work(ctx, "throttled-keyed", 0, step_id)


def _once_a_day() -> inngest.RateLimit:
    return inngest.RateLimit(limit=1, period=timedelta(hours=24), key="event.data.customer")


@client.create_function(fn_id="rate-limited", rate_limit=_once_a_day(), trigger=on("rate.limited"))
async def rate_limited(ctx: inngest.Context) -> object:
    return ctx.event.data.get("customer")


async def _tell_of_failure(ctx: inngest.Context) -> None:
    original: Any = ctx.event.data.get("event")
    await note(ctx, "on failure", "rate-limited-failing", customer=original["data"]["customer"])


@client.create_function(
    fn_id="rate-limited-failing",
    rate_limit=_once_a_day(),
    retries=0,
    on_failure=_tell_of_failure,
    trigger=on("rate.limited.failing"),
)
async def rate_limited_failing(ctx: inngest.Context) -> None:
    raise ValueError("always broken")


@client.create_function(
    fn_id="rate-limited-child", rate_limit=_once_a_day(), trigger=on("never.child")
)
async def rate_limited_child(ctx: inngest.Context) -> object:
    return ctx.event.data.get("customer")


@client.create_function(fn_id="invoke-limited", trigger=on("invoke.limited"))
async def invoke_limited(ctx: inngest.Context) -> dict[str, Any]:
    data = {"customer": data_of(ctx)["customer"]}
    first = await ctx.step.invoke("first", function=rate_limited_child, data=data)
    try:
        await ctx.step.invoke("second", function=rate_limited_child, data=data)
    except inngest.StepError as error:
        return {"first": first, "error": error.message}
    return {"first": first, "error": None}


@client.create_function(
    fn_id="idempotent", idempotency="event.data.order", trigger=on("idempotent")
)
async def idempotent(ctx: inngest.Context) -> object:
    return ctx.event.data.get("order")


FUNCTIONS: list[inngest.Function[Any]] = [
    limit_one,
    fan_left,
    fan_right,
    limit_keyed,
    limit_both,
    shared_account_a,
    shared_account_b,
    shared_env_a,
    shared_env_b,
    throttled,
    throttled_burst,
    throttled_keyed,
    rate_limited,
    rate_limited_failing,
    rate_limited_child,
    invoke_limited,
    idempotent,
]
