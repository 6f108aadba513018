"""Something of everything that the pages can show, made by real apps on a real server."""

from dataclasses import dataclass

from tests.compat.harness import wait_until
from tests.web.stage import Stage

__all__ = ["Scene", "set_scene"]

PAUSED = "shop-send-newsletter"

_PAUSE = "mutation ($slug: String!) { pauseFunction(functionSlug: $slug) { function { slug } } }"
_APPS = "{ apps { id name } }"
_WAITING = "query ($id: String!) { runWaiting(runID: $id) { constraint } }"


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Ids: of the app, of runs by what they show, and of the event behind the first one.

    All stand where they are to be shown, but for `thousand_steps`: whoever looks at it waits for
    its end.
    """

    shop: str
    order_event: str
    fulfilled: str
    refused: str
    retried: str
    sleeping: str
    waiting: str
    withdrawn: str
    running: str
    holding: str
    queued: str
    batch: str
    skipped: str
    large: str
    picked: str
    undeliverable: str
    thousand_steps: str
    modelled: str
    announced: str


def set_scene(stage: Stage) -> Scene:
    """Send the events, and wait until each run stands where a page is to show it."""
    stage.graphql.data(_PAUSE, {"slug": PAUSED})
    # The long ones first, so that they run while the others come.
    thousand_steps = stage.started("warehouse/inventory.due")
    large = stage.started("shop/export.wanted")
    refused = stage.started("shop/refund.asked", {"order": "1002", "cents": 0})
    retried = stage.started("shop/rates.wanted")
    order_event = stage.send("shop/order.placed", {"order": "1001", "customer": "Ada Lovelace"})
    (fulfilled,) = stage.server.ended_runs(order_event)

    sleeping = stage.started("shop/cart.left", {"customer": "Grace Hopper", "items": 3})
    waiting = stage.started("shop/invoice.sent", {"order": "1003"})
    withdrawn = stage.started("shop/invoice.sent", {"order": "1004"})
    stage.wait_for_step(withdrawn, "payment", "WAITING")
    stage.send("shop/order.withdrawn", {"order": "1004"})
    running = stage.started("shop/catalogue", {"gate": "never"})
    holding, queued = _hold_customer(stage)

    scene = Scene(
        shop=_id_of_app(stage, "shop"),
        order_event=order_event,
        fulfilled=fulfilled.id,
        refused=refused,
        retried=retried,
        sleeping=sleeping,
        waiting=waiting,
        withdrawn=withdrawn,
        running=running,
        holding=holding,
        queued=queued,
        batch=_save_products(stage),
        skipped=stage.started("shop/newsletter"),
        large=large,
        picked=stage.started("warehouse/picking.started"),
        undeliverable=stage.started("warehouse/delivery.wanted", {"order": "1005"}),
        thousand_steps=thousand_steps,
        modelled=stage.started("warehouse/review.received", {"stars": 5}),
        announced=stage.started("warehouse/truck.announced", {"truck": "G 123 AB"}),
    )
    _wait_until_set(stage, scene)
    return scene


def _id_of_app(stage: Stage, name: str) -> str:
    (app_id,) = (app["id"] for app in stage.graphql.data(_APPS)["apps"] if app["name"] == name)
    found: str = app_id
    return found


def _hold_customer(stage: Stage) -> tuple[str, str]:
    """A run that uses up the limit of its key, and one that waits for it."""
    data = {"customer": "ada", "gate": "never"}
    holding = stage.started("shop/customer.changed", data)
    stage.wait_for_status(holding, "RUNNING")
    queued = stage.started("shop/customer.changed", data)

    def is_held() -> bool:
        items = stage.graphql.data(_WAITING, {"id": queued})["runWaiting"]
        return any("concurrency" in item["constraint"] for item in items)

    wait_until(is_held, what=f"{queued} held by its key")
    return holding, queued


def _save_products(stage: Stage) -> str:
    """Three events, which make one batch."""
    events = [
        {"name": "shop/product.saved", "data": {"product": f"P-{number}"}} for number in range(3)
    ]
    last = stage.server.send_all(events)[-1]
    runs = wait_until(lambda: stage.server.runs_of(last), what="the run of the batch")
    return runs[0].id


def _wait_until_set(stage: Stage, scene: Scene) -> None:
    for run_id in (scene.retried, scene.batch, scene.large, scene.picked, scene.modelled):
        assert stage.wait_for_end(run_id) == "COMPLETED", run_id
    for run_id in (scene.refused, scene.undeliverable):
        assert stage.wait_for_end(run_id) == "FAILED", run_id
    assert stage.wait_for_end(scene.withdrawn) == "CANCELLED"
    assert stage.wait_for_end(scene.skipped) == "SKIPPED"
    stage.wait_for_step(scene.sleeping, "give them a week", "RUNNING", "WAITING")
    stage.wait_for_step(scene.waiting, "payment", "WAITING")
    stage.wait_for_step(scene.announced, "gate pass", "WAITING")
