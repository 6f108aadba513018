"""Serve the app on a port: `python -m tests.compat.flow_app_python <port>`."""

import sys
from typing import Any

import fastapi
import inngest.fast_api
import uvicorn

from tests.compat.flow_app_python import arrivals, control, limits
from tests.compat.flow_app_python.client import client, gates, record

app = fastapi.FastAPI()
inngest.fast_api.serve(app, client, [*limits.FUNCTIONS, *arrivals.FUNCTIONS, *control.FUNCTIONS])


@app.get("/record")
async def recorded(since: int = 0) -> list[dict[str, Any]]:
    """What was recorded after the first `since` calls."""
    return record.to_json()[since:]


@app.post("/gates/{name}")
async def open_gate(name: str) -> str:
    gates.open(name)
    return name


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
