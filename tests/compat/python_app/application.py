"""The ASGI app: the SDK's endpoint, the record, and a switch between sets of functions."""

from typing import Any

import fastapi
import inngest
import inngest.fast_api
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.compat.python_app import changing, failures, shown, steps, triggers, waiting
from tests.compat.python_app.client import client, record

VERSIONS: dict[str, list[inngest.Function[Any]]] = {
    "all": [
        *steps.FUNCTIONS,
        *failures.FUNCTIONS,
        *waiting.FUNCTIONS,
        *triggers.FUNCTIONS,
        *shown.FUNCTIONS,
    ],
    "before": changing.BEFORE,
    "after": changing.AFTER,
    "invalid": changing.INVALID,
}


def _served(functions: list[inngest.Function[Any]]) -> ASGIApp:
    app = fastapi.FastAPI()
    inngest.fast_api.serve(app, client, functions)
    return app


class Application:
    """`/record` and `/toggle` for the tests; everything else goes to the version in use."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._served = {name: _served(functions) for name, functions in VERSIONS.items()}
        self._control = fastapi.FastAPI()
        self._control.get("/record")(record.to_json)
        self._control.post("/toggle")(self.toggle)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_control = scope["type"] != "http" or scope["path"] in {"/record", "/toggle"}
        app = self._control if is_control else self._served[self._version]
        await app(scope, receive, send)

    def toggle(self, version: str) -> str:
        """Serve another set of functions from now on."""
        assert version in VERSIONS
        self._version = version
        return version
