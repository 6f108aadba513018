"""A whole server that is asked in GraphQL, and an app that answers what it is told to."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from tests.unit.api.api_server import Answer
from tests.unit.api.whole_server import EVENT, WholeServer, whole_server
from tests.unit.core.core_world import opcode, step_id

__all__ = ["EVENT", "GraphqlWorld", "graphql_world", "opcode", "step_id"]

_ENDED = ("COMPLETED", "FAILED", "CANCELLED")
_ANY = "0001-01-01T00:00:00Z"
_HEAD = "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nx-inngest-sdk: js:v4.24.0\r\n"


class ScriptedApp:
    """Answers the calls of each function, in order; the last answer is repeated."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: dict[str, list[tuple[int, Any]]] = {}

    async def serve(self) -> asyncio.Server:
        """Listen on a free port."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        port: int = server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/api/inngest"
        return server

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await _head(reader):
            target = head.split(b" ")[1].decode()
            slug = target.partition("fnId=")[2].partition("&")[0]
            answers = self.answers[slug]
            status, value = answers.pop(0) if len(answers) > 1 else answers[0]
            body = msgspec.json.encode(value)
            lines = f"content-length: {len(body)}\r\n"
            if status >= 400:
                lines += "x-inngest-no-retry: true\r\n"
            writer.write(f"{_HEAD.format(status=status)}{lines}\r\n".encode() + body)
            await writer.drain()
        writer.close()


async def _head(reader: asyncio.StreamReader) -> bytes:
    """The head of the next request, whose body is read as well; nothing at the end."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    length = next(
        int(line.partition(b":")[2])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    )
    await reader.readexactly(length)
    return head


class GraphqlWorld:
    """What tests do with the server."""

    def __init__(self, server: WholeServer, app: ScriptedApp) -> None:
        self.server = server
        self.app = app

    def post(self, query: str, variables: Any = None, **more: Any) -> Answer:
        """What is answered to a query, whatever it is."""
        sent = {"query": query, "variables": variables, **more}
        body = msgspec.json.encode(sent)
        return self.server.post("/v0/gql", body, content_type="application/json")

    def ask(self, query: str, **variables: Any) -> Any:
        """The data, of a query without errors."""
        answer = self.post(query, variables)
        assert answer.status == 200, answer.body
        assert "errors" not in answer.json, answer.body
        return answer.json["data"]

    def errors(self, query: str, **variables: Any) -> list[dict[str, Any]]:
        """The errors of fields, of a query that has some."""
        answer = self.post(query, variables)
        assert answer.status == 200, answer.body
        errors: list[dict[str, Any]] = answer.json["errors"]
        return errors

    def ran(self, name: str, *answers: tuple[int, Any], data: Any = None) -> str:
        """The id of a run of `shop-<name>` that has ended after these answers of the app."""
        self.app.answers[f"shop-{name}"] = list(answers)
        event_id = self.server.send(data)
        while True:
            runs = self.ask(
                "query ($id: ULID!) { eventV2(id: $id) { runs { id status function { slug } } } }",
                id=event_id,
            )["eventV2"]["runs"]
            (run,) = [run for run in runs if run["function"]["slug"] == f"shop-{name}"]
            if run["status"] in _ENDED:
                run_id: str = run["id"]
                return run_id

    def runs(self, **filters: Any) -> Any:
        """A page of all runs that the filters let through, newest first."""
        return self.ask(
            """
            query ($filter: RunsFilterV2!) {
              runs(orderBy: [{field: QUEUED_AT, direction: DESC}], filter: $filter) {
                totalCount totalCountIsExact isComplete edges { node { id status } }
              }
            }
            """,
            filter={"from": _ANY, **filters},
        )["runs"]


@contextmanager
def graphql_world(*functions: str) -> Iterator[GraphqlWorld]:
    """A server with functions of the app `shop` that listen to `EVENT`."""
    with whole_server() as server:
        app = ScriptedApp()
        serving = asyncio.run_coroutine_threadsafe(app.serve(), server.loop).result(20)
        try:
            for name in functions:
                app.answers[f"shop-{name}"] = [(200, "done")]
            server.register(*functions, url=app.url)
            yield GraphqlWorld(server, app)
        finally:
            server.loop.call_soon_threadsafe(serving.close)
