"""Bonus points for orders: awarded when the refund window has passed, unless the order is refunded.

The function below may take an hour or a month. It survives restarts of this app and of the server:
every finished step is remembered by the server, and only unfinished ones run again.
"""

import os
from datetime import UTC, datetime, timedelta

import fastapi
import inngest
import inngest.fast_api

# In a real shop this would be 14 days; a minute is easier to watch.
REFUND_WINDOW = timedelta(seconds=int(os.getenv("REFUND_WINDOW_SECONDS", "60")))

# Stands for your database.
balances: dict[str, int] = {}
awarded_orders: set[str] = set()

client = inngest.Inngest(app_id="shop")


@client.create_function(
    fn_id="award-points",
    name="Award points",
    trigger=inngest.TriggerEvent(event="shop/order.placed"),
    # A refund of the same order ends the run, whatever it is waiting for.
    # `event` is the order that started the run, `async` the refund that came in later.
    cancel=[
        inngest.Cancel(
            event="shop/order.refunded",
            if_exp="event.data.orderId == async.data.orderId",
        )
    ],
)
async def award_points(ctx: inngest.Context) -> dict[str, object]:
    order_id = str(ctx.event.data["orderId"])
    customer = str(ctx.event.data["customer"])

    # Code outside of steps runs again each time the function is called, so all work goes into steps.
    async def calculate() -> int:
        points = int(float(str(ctx.event.data["total"])) / 10)
        print(f"order {order_id} is worth {points} points")
        return points

    async def award(points: int) -> int:
        # A step's result counts once, but its body may run again when the app dies before it could
        # answer. So the body itself makes sure that an order is not rewarded twice.
        if order_id not in awarded_orders:
            awarded_orders.add(order_id)
            balances[customer] = balances.get(customer, 0) + points
        print(f"{customer} now has {balances[customer]} points")
        return balances[customer]

    points = await ctx.step.run("calculate points", calculate)

    # Counted from the event, not from "now": every call of the function computes the same time.
    placed_at = datetime.fromtimestamp(ctx.event.ts / 1000, UTC)
    await ctx.step.sleep_until("refund window", placed_at + REFUND_WINDOW)

    balance = await ctx.step.run("award points", award, points)
    return {"customer": customer, "points": points, "balance": balance}


app = fastapi.FastAPI()

# GET, PUT and POST /api/inngest: through them the server finds, registers and calls the function.
inngest.fast_api.serve(app, client, [award_points])


@app.post("/orders")
async def place_order(order: dict[str, object]) -> dict[str, str]:
    """What a shop does when an order comes in: it tells the world, and is done."""
    (event_id,) = await client.send(inngest.Event(name="shop/order.placed", data=order))
    return {"eventId": event_id}


@app.post("/orders/{order_id}/refund")
async def refund_order(order_id: str) -> dict[str, str]:
    (event_id,) = await client.send(
        inngest.Event(name="shop/order.refunded", data={"orderId": order_id})
    )
    return {"eventId": event_id}
