"""The apps in `examples/` do what their READMEs say."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.compat.harness import (
    PLAIN,
    ROOT,
    Process,
    Server,
    answers,
    free_port,
    install_packages,
    node,
    wait_until,
)

# The first run may have to install the packages of the TypeScript example.
pytestmark = pytest.mark.timeout(420)

EXAMPLES = ROOT / "examples"
REFUND_WINDOW_S = 3


@pytest.fixture(params=["python", "typescript"])
def shop(request: pytest.FixtureRequest, server: Server, logs: Path) -> Iterator[httpx.Client]:
    """One example, registered with the server; a client of its own HTTP routes."""
    port = free_port()
    folder = EXAMPLES / request.param
    command = [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port)]
    if request.param == "typescript":
        install_packages(folder)
        command = [node(), "--import", "tsx", "src/server.ts"]
    process = Process(
        command,
        log=logs / f"example-{request.param}.log",
        environ={
            "INNGEST_DEV": server.url,
            "PORT": str(port),
            "REFUND_WINDOW_SECONDS": str(REFUND_WINDOW_S),
        },
        cwd=folder,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=url, timeout=30, trust_env=False, verify=PLAIN) as client:
            wait_until(lambda: answers(f"{url}/api/inngest"), what=f"the {request.param} example")
            assert client.put("/api/inngest").status_code == 200
            yield client
            server.http.delete("/fn/remove", params={"url": f"{url}/api/inngest"})
    finally:
        process.stop()


def place_order(shop: httpx.Client, order_id: str) -> str:
    order = {"orderId": order_id, "customer": "ada", "total": 120}
    event_id: str = shop.post("/orders", json=order).raise_for_status().json()["eventId"]
    return event_id


def test_points_are_awarded_after_the_refund_window(shop: httpx.Client, server: Server) -> None:
    (run,) = server.ended_runs(place_order(shop, "1001"))

    assert run.status == "Completed"
    assert run.output == {"customer": "ada", "points": 12, "balance": 12}


def test_a_refund_cancels_the_run_of_its_order_only(shop: httpx.Client, server: Server) -> None:
    refunded = place_order(shop, "1002")
    kept = place_order(shop, "1003")
    server.wait_until_parked(refunded, "sleep")

    shop.post("/orders/1002/refund").raise_for_status()

    (cancelled,) = server.ended_runs(refunded)
    (completed,) = server.ended_runs(kept)
    assert cancelled.status == "Cancelled"
    assert completed.output == {"customer": "ada", "points": 12, "balance": 12}


@pytest.mark.parametrize("language", ["python", "typescript"])
def test_the_readme_names_only_routes_that_exist(language: str) -> None:
    """Every curl command points at the app's port or at the server's."""
    folder = EXAMPLES / language
    app_port = {"python": "8000", "typescript": "3000"}[language]
    paths = re.findall(r"http://127\.0\.0\.1:(\d+)(/\S+)", (folder / "README.md").read_text())

    assert {path for port, path in paths if port == app_port} == {"/orders", "/orders/1002/refund"}
    assert {path for port, path in paths if port == "8288"} == {
        "/e/test",
        "/v1/events/<eventId>/runs",
    }
