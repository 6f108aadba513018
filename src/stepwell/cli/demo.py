"""The app behind `stepwell dev --demo`: something to watch before there is an app of one's own.

It is an ordinary app written with the official Inngest Python SDK. Only its address is unusual: the
server serves it from its own process under `/demo`, so that one command shows a whole system. A run
sleeps long enough for a person to kill the server meanwhile, start it again and watch the run go
on after its sleep, without a second `calculate`.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

import click

from stepwell.wire.errors import OperationalError

if TYPE_CHECKING:
    import inngest
    from starlette.types import ASGIApp

__all__ = ["DEMO_APP_ID", "DEMO_EVENT", "DEMO_PATH", "DemoUnavailable", "create_demo_app"]

DEMO_APP_ID: Final = "demo"

DEMO_PATH: Final = "/demo"
"""Where the server mounts the app; its SDK endpoint is `/demo/api/inngest`."""

DEMO_EVENT: Final[dict[str, Any]] = {
    "name": "demo/order.placed",
    "data": {"orderId": "1001", "customer": "Ada", "total": 120},
}
"""The order that the command line places once, when no demo run exists yet."""

_SERVE_PATH: Final = "/api/inngest"

# Long enough to kill and restart the server by hand, short enough to wait for.
_REFUND_WINDOW: Final = timedelta(seconds=20)

_EURO_PER_POINT: Final = 10


class DemoUnavailable(OperationalError):
    """The demo was asked for, but the packages it is written with are not installed."""

    code: ClassVar[str] = "SW2030"

    def __init__(self) -> None:
        super().__init__(
            "The demo uses the official Inngest Python SDK: pip install 'stepwell[examples]'"
        )


def create_demo_app(server_url: str) -> "ASGIApp":
    """The demo as an ASGI app, to be put into a Starlette `Mount` at `DEMO_PATH`.

    It registers only when the server pings it: creating the app opens no connection.

    Args:
        server_url: Origin at which this machine reaches the server, such as
            "http://127.0.0.1:8288". The app sends its events there and registers with
            `<server_url>/demo/api/inngest`.

    Raises:
        DemoUnavailable: FastAPI or the Inngest SDK is not installed.
    """
    try:
        import fastapi  # noqa: PLC0415 -- optional: the server runs without the demo's packages
        import inngest  # noqa: PLC0415
        import inngest.fast_api  # noqa: PLC0415
    except ImportError as missing:
        raise DemoUnavailable from missing

    client = inngest.Inngest(
        app_id=DEMO_APP_ID,
        is_production=False,
        api_base_url=server_url,
        event_api_base_url=server_url,
    )
    app = fastapi.FastAPI(openapi_url=None)
    inngest.fast_api.serve(
        app,
        client,
        [_award_points(client), _thank_customer(client)],
        serve_origin=server_url,
        serve_path=_SERVE_PATH,
        public_path=DEMO_PATH + _SERVE_PATH,
    )
    return app


def _award_points(client: "inngest.Inngest") -> "inngest.Function[Any]":
    """Points for an order, awarded once it can no longer be refunded."""
    import inngest  # noqa: PLC0415

    @client.create_function(
        fn_id="award-points",
        name="Award points",
        trigger=inngest.TriggerEvent(event="demo/order.placed"),
        cancel=[
            inngest.Cancel(
                event="demo/order.refunded",
                if_exp="event.data.orderId == async.data.orderId",
            )
        ],
    )
    async def award_points(ctx: inngest.Context) -> dict[str, object]:
        order_id, customer = ctx.event.data.get("orderId"), ctx.event.data.get("customer")

        async def calculate() -> int:
            points = _points_for(ctx.event.data.get("total"))
            seconds = int(_REFUND_WINDOW.total_seconds())
            _tell(f"order {order_id}: worth {points} points, now sleeping {seconds} s")
            _tell("kill the server while it sleeps (kill -9) and start it again: nothing is lost")
            return points

        async def award() -> str:
            _tell(f"order {order_id}: {points} points awarded to {customer}")
            return f"{points} points for {customer}"

        points = await ctx.step.run("calculate", calculate)
        await ctx.step.sleep("refund window", _REFUND_WINDOW)
        await ctx.step.run("award", award)
        await ctx.step.send_event(
            "announce",
            inngest.Event(
                name="demo/points.awarded",
                data={"orderId": str(order_id), "customer": str(customer), "points": points},
            ),
        )
        return {"orderId": order_id, "points": points}

    return award_points


def _thank_customer(client: "inngest.Inngest") -> "inngest.Function[Any]":
    """What another team does with the event that the first function sends."""
    import inngest  # noqa: PLC0415

    @client.create_function(
        fn_id="thank-customer",
        name="Thank the customer",
        trigger=inngest.TriggerEvent(event="demo/points.awarded"),
    )
    async def thank_customer(ctx: inngest.Context) -> str:
        async def write_message() -> str:
            message = f"Dear {ctx.event.data.get('customer')}, enjoy your points!"
            _tell(f"order {ctx.event.data.get('orderId')}: {message}")
            return message

        return await ctx.step.run("write message", write_message)

    return thank_customer


def _points_for(total: object) -> int:
    """Whole points for an amount in euro; anything that is not a positive number earns none."""
    if isinstance(total, (int, float)) and total > 0:
        return int(total / _EURO_PER_POINT)
    return 0


def _tell(line: str) -> None:
    """One line for the person watching the terminal, beside the server's own log."""
    click.echo(f"demo   {line}", err=True)
