"""Functions that decide what an arriving event becomes: later, together, before others, or not."""

from datetime import timedelta
from typing import Any

import inngest

from tests.compat.flow_app_python.client import client, data_of, mark, note, on, stand


async def _last_event(ctx: inngest.Context, of: str) -> dict[str, Any]:
    await note(ctx, "begin", of)
    return data_of(ctx)


def _debounce(seconds: int = 1, **options: Any) -> inngest.Debounce:
    return inngest.Debounce(period=timedelta(seconds=seconds), **options)


@client.create_function(fn_id="debounced", debounce=_debounce(), trigger=on("debounced"))
async def debounced(ctx: inngest.Context) -> dict[str, Any]:
    return await _last_event(ctx, "debounced")


@client.create_function(
    fn_id="debounced-keyed",
    debounce=_debounce(key="event.data.key"),
    trigger=on("debounced.keyed"),
)
async def debounced_keyed(ctx: inngest.Context) -> dict[str, Any]:
    return await _last_event(ctx, "debounced-keyed")


@client.create_function(
    fn_id="debounced-ordered", debounce=_debounce(), trigger=on("debounced.ordered")
)
async def debounced_ordered(ctx: inngest.Context) -> dict[str, Any]:
    return await _last_event(ctx, "debounced-ordered")


@client.create_function(
    fn_id="debounced-timeout",
    debounce=_debounce(2, timeout=timedelta(seconds=3)),
    trigger=on("debounced.timeout"),
)
async def debounced_timeout(ctx: inngest.Context) -> dict[str, Any]:
    return await _last_event(ctx, "debounced-timeout")


def _batch(size: int, seconds: int, **options: Any) -> inngest.Batch:
    return inngest.Batch(max_size=size, timeout=timedelta(seconds=seconds), **options)


async def _batch_numbers(ctx: inngest.Context, of: str) -> list[Any]:
    numbers = [event.data.get("n") for event in ctx.events]
    await note(ctx, "begin", of, numbers=numbers)
    return numbers


@client.create_function(fn_id="batched", batch_events=_batch(5, 2), trigger=on("batched"))
async def batched(ctx: inngest.Context) -> list[Any]:
    return await _batch_numbers(ctx, "batched")


@client.create_function(
    fn_id="batched-keyed",
    batch_events=_batch(2, 2, key="event.data.key"),
    trigger=on("batched.keyed"),
)
async def batched_keyed(ctx: inngest.Context) -> list[Any]:
    return await _batch_numbers(ctx, "batched-keyed")


@client.create_function(
    fn_id="batched-if",
    batch_events=_batch(5, 20, if_exp="event.data.together == true"),
    trigger=on("batched.if"),
)
async def batched_if(ctx: inngest.Context) -> list[Any]:
    return await _batch_numbers(ctx, "batched-if")


@client.create_function(
    fn_id="batched-trigger",
    batch_events=_batch(2, 20),
    trigger=on("batched.trigger", "event.data.wanted == true"),
)
async def batched_trigger(ctx: inngest.Context) -> list[Any]:
    return await _batch_numbers(ctx, "batched-trigger")


@client.create_function(
    fn_id="batched-child", batch_events=_batch(3, 1), trigger=on("never.batched")
)
async def batched_child(ctx: inngest.Context) -> int:
    return len(ctx.events)


@client.create_function(fn_id="batch-caller", trigger=on("batch.caller"))
async def batch_caller(ctx: inngest.Context) -> int:
    return await ctx.step.invoke("child", function=batched_child)


@client.create_function(
    fn_id="batched-large", batch_events=_batch(8, 20), trigger=on("batched.large")
)
async def batched_large(ctx: inngest.Context) -> list[Any]:
    return [[event.data.get("n"), len(str(event.data.get("text")))] for event in ctx.events]


@client.create_function(
    fn_id="prioritised",
    concurrency=[inngest.Concurrency(limit=1)],
    priority=inngest.Priority(run="event.data.high == true ? 60 : 0"),
    trigger=on("prioritised"),
)
async def prioritised(ctx: inngest.Context) -> None:
    await stand(ctx, "prioritised")


@client.create_function(
    fn_id="singleton-skip",
    singleton=inngest.Singleton(mode="skip", key="event.data.user"),
    trigger=on("singleton.skip"),
)
async def singleton_skip(ctx: inngest.Context) -> None:
    await stand(ctx, "singleton-skip")


@client.create_function(
    fn_id="singleton-cancel",
    singleton=inngest.Singleton(mode="cancel", key="event.data.user"),
    trigger=on("singleton.cancel"),
)
async def singleton_cancel(ctx: inngest.Context) -> object:
    await mark(ctx, "begin", "singleton-cancel")
    await ctx.step.sleep("nap", timedelta(seconds=1))
    return ctx.event.data.get("n")


FUNCTIONS: list[inngest.Function[Any]] = [
    debounced,
    debounced_keyed,
    debounced_ordered,
    debounced_timeout,
    batched,
    batched_keyed,
    batched_if,
    batched_trigger,
    batched_child,
    batch_caller,
    batched_large,
    prioritised,
    singleton_skip,
    singleton_cancel,
]
