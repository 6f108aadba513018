"""A shop written with the Python SDK: each function shows something else on the pages."""

import json
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import inngest

from tests.web.apps.gates import Gates

__all__ = ["FUNCTIONS", "LARGE_OUTPUT_BYTES", "client", "gates"]

#: Just below what a step may return.
LARGE_OUTPUT_BYTES = 4 * 1024 * 1024 - 64 * 1024

client = inngest.Inngest(app_id="shop")
gates = Gates()

Body = Callable[[], Coroutine[Any, Any, Any]]


def on(name: str) -> inngest.TriggerEvent:
    return inngest.TriggerEvent(event=f"shop/{name}")


def giving(value: Any) -> Body:
    """A step body that returns a value."""

    async def body() -> Any:
        return value

    return body


@client.create_function(fn_id="print-label", name="Print label", trigger=on("label.requested"))
async def print_label(ctx: inngest.Context) -> dict[str, Any]:
    await ctx.step.run("render", giving({"format": "A6"}))
    return {"label": f"https://labels.test/{ctx.event.data['parcel']}.pdf"}


@client.create_function(fn_id="fulfil-order", name="Fulfil order", trigger=on("order.placed"))
async def fulfil_order(ctx: inngest.Context) -> dict[str, Any]:
    """Steps one after the other, a group side by side, and a function that is invoked."""
    order = ctx.event.data["order"]
    await ctx.step.run("reserve stock", giving({"order": order, "warehouse": "Graz"}))
    charge = await ctx.step.run("charge card", giving({"id": f"ch_{order}", "cents": 12_900}))
    label = await ctx.step.invoke("print label", function=print_label, data={"parcel": order})
    await ctx.group.parallel(
        (
            lambda: ctx.step.run("send receipt", giving({"sent": True})),
            lambda: ctx.step.run("award points", giving(129)),
            lambda: ctx.step.run("tell warehouse", giving("queued")),
        )
    )
    await ctx.step.send_event("announce", inngest.Event(name="shop/order.fulfilled"))
    return {"charge": charge, "label": label}


@client.create_function(
    fn_id="refund-order", name="Refund order", retries=1, trigger=on("refund.asked")
)
async def refund_order(ctx: inngest.Context) -> str:
    """Fails for good unless the amount is one that the bank likes."""
    amount = await ctx.step.run("look up amount", giving(ctx.event.data.get("cents", 0)))

    async def pay_back() -> str:
        try:
            return f"re_{100 // amount}"
        except ZeroDivisionError as error:
            raise inngest.NonRetriableError("the bank refused the refund") from error

    return await ctx.step.run("pay back", pay_back)


@client.create_function(
    fn_id="fetch-rates", name="Fetch rates", retries=2, trigger=on("rates.wanted")
)
async def fetch_rates(ctx: inngest.Context) -> Any:
    """Works at the second attempt."""

    async def fetch() -> dict[str, float]:
        if ctx.attempt == 0:
            raise inngest.RetryAfterError("the rates are not there yet", timedelta(seconds=1))
        return {"EUR": 1.0, "CHF": 0.94}

    return await ctx.step.run("fetch", fetch)


@client.create_function(fn_id="remind-customer", name="Remind customer", trigger=on("cart.left"))
async def remind_customer(ctx: inngest.Context) -> str:
    await ctx.step.run("note cart", giving(ctx.event.data))
    await ctx.step.sleep("give them a week", timedelta(days=7))
    return "reminded"


@client.create_function(
    fn_id="await-payment",
    name="Await payment",
    cancel=[
        inngest.Cancel(event="shop/order.withdrawn", if_exp="event.data.order == async.data.order")
    ],
    trigger=on("invoice.sent"),
)
async def await_payment(ctx: inngest.Context) -> Any:
    payment = await ctx.step.wait_for_event(
        "payment",
        event="shop/payment.received",
        if_exp="event.data.order == async.data.order",
        timeout=timedelta(days=14),
    )
    return None if payment is None else payment.data


@client.create_function(fn_id="import-catalogue", name="Import catalogue", trigger=on("catalogue"))
async def import_catalogue(ctx: inngest.Context) -> str:
    """Runs until a test opens the gate that the event names."""
    await ctx.step.run("download", giving({"rows": 18_204}))

    async def read() -> str:
        await gates.passed(str(ctx.event.data["gate"]))
        return "18,204 rows"

    return await ctx.step.run("read rows", read)


@client.create_function(
    fn_id="sync-customer",
    name="Sync customer",
    concurrency=[inngest.Concurrency(limit=1, key="event.data.customer")],
    trigger=on("customer.changed"),
)
async def sync_customer(ctx: inngest.Context) -> str:
    """One at a time for a customer, and as long as a test wants."""

    async def push() -> str:
        await gates.passed(str(ctx.event.data["gate"]))
        return "pushed"

    return await ctx.step.run("push", push)


@client.create_function(
    fn_id="index-products",
    name="Index products",
    batch_events=inngest.Batch(max_size=3, timeout=timedelta(seconds=30)),
    trigger=on("product.saved"),
)
async def index_products(ctx: inngest.Context) -> int:
    return len(ctx.events)


@client.create_function(
    fn_id="nightly-report",
    name="Nightly report",
    trigger=inngest.TriggerCron(cron="TZ=Europe/Vienna 30 2 * * *"),
)
async def nightly_report(ctx: inngest.Context) -> str:
    return await ctx.step.run("write", giving("report"))


@client.create_function(fn_id="send-newsletter", name="Send newsletter", trigger=on("newsletter"))
async def send_newsletter(ctx: inngest.Context) -> str:
    return await ctx.step.run("send", giving("sent"))


@client.create_function(fn_id="export-orders", name="Export orders", trigger=on("export.wanted"))
async def export_orders(ctx: inngest.Context) -> list[Any]:
    """A step whose output is as large as outputs may be."""
    row = {"order": "1001", "customer": "Ada Lovelace", "cents": 12_900, "tags": ["new", "gift"]}
    rows = [row] * (LARGE_OUTPUT_BYTES // len(f"{json.dumps(row)}, "))
    return await ctx.step.run("export", giving(rows))


@client.create_function(
    fn_id="a-function-whose-name-is-as-long-as-somebody-who-describes-everything-would-make-it",
    name="Reconcile the payments of the last quarter with what the bank says was booked, and tell "
    "accounting about every single difference",
    retries=0,
    rate_limit=inngest.RateLimit(limit=100, period=timedelta(hours=1)),
    throttle=inngest.Throttle(limit=50, period=timedelta(minutes=1), burst=5),
    priority=inngest.Priority(run="event.data.urgent ? 120 : 0"),
    timeouts=inngest.Timeouts(start=timedelta(minutes=30), finish=timedelta(hours=2)),
    idempotency="event.data.quarter",
    trigger=[
        on("quarter.closed"),
        inngest.TriggerEvent(event="shop/audit.*", expression="event.data.amount > 1000"),
    ],
)
async def reconcile(ctx: inngest.Context) -> str:
    name = "compare every booked payment with every order that mentions it, however far apart"
    return await ctx.step.run(name, giving("no difference"))


FUNCTIONS: list[inngest.Function[Any]] = [
    fulfil_order,
    print_label,
    refund_order,
    fetch_rates,
    remind_customer,
    await_payment,
    import_catalogue,
    sync_customer,
    index_products,
    nightly_report,
    send_newsletter,
    export_orders,
    reconcile,
]
