"""Versions of the app's set of functions, for the tests of syncing."""

from typing import Any

import inngest

from tests.compat.python_app.client import client


@client.create_function(fn_id="stays", trigger=inngest.TriggerEvent(event="py/stays"))
async def stays(ctx: inngest.Context) -> str:
    return f"{ctx.event.name} v1"


@client.create_function(fn_id="stays", retries=7, trigger=inngest.TriggerEvent(event="py/stays.v2"))
async def stays_changed(ctx: inngest.Context) -> str:
    return f"{ctx.event.name} v2"


@client.create_function(fn_id="goes", trigger=inngest.TriggerEvent(event="py/goes"))
async def goes(ctx: inngest.Context) -> str:
    return ctx.event.name


@client.create_function(fn_id="comes", trigger=inngest.TriggerEvent(event="py/comes"))
async def comes(ctx: inngest.Context) -> str:
    return ctx.event.name


@client.create_function(
    fn_id="invalid", trigger=inngest.TriggerEvent(event="py/invalid", expression="event.data.")
)
async def invalid(ctx: inngest.Context) -> str:
    return ctx.event.name


BEFORE: list[inngest.Function[Any]] = [stays, goes]
AFTER: list[inngest.Function[Any]] = [stays_changed, comes]
INVALID: list[inngest.Function[Any]] = [stays, invalid]
