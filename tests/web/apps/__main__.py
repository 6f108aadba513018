"""Serve the shop on a port: `python -m tests.web.apps <port>`."""

import sys

import fastapi
import inngest.fast_api
import uvicorn

from tests.web.apps.shop import FUNCTIONS, client, gates

__all__ = ["application"]


def application() -> fastapi.FastAPI:
    """The SDK's endpoint; `/record` says that it serves, `/gates/{name}` opens a gate."""
    app = fastapi.FastAPI()
    inngest.fast_api.serve(app, client, FUNCTIONS)

    @app.get("/record")
    async def record() -> list[str]:
        return []

    @app.get("/gates/{name}")
    async def open_gate(name: str) -> None:
        gates.open(name)

    return app


if __name__ == "__main__":
    uvicorn.run(application(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
