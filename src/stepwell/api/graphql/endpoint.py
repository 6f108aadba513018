"""`/v0/gql`: GraphQL over HTTP, and `/v0/`: a page to try it. Source: GraphQL, 1.1 and 1.2."""

import asyncio
from collections.abc import Callable
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

import msgspec
from starlette.types import Receive, Scope, Send

from stepwell.api.body import header, headers_of, read_body
from stepwell.api.graphql.query import Answer, Answered, Query
from stepwell.api.graphql.request import Request
from stepwell.api.openapi import (
    Body,
    Declaration,
    DeclarationTable,
    Parameter,
    Tag,
    Unlisted,
    json,
    refused,
)
from stepwell.api.responses import EMPTY, HTML, Header, send_answer, send_json
from stepwell.api.services import RouteTable

if TYPE_CHECKING:
    from stepwell.api.graphql.execution import Execution

__all__ = ["BODY_BYTES_MAX", "DECLARATIONS", "GraphqlEndpoint"]

#: Room for the largest event or step input that a mutation may carry.
BODY_BYTES_MAX: Final = 16 * 1024 * 1024

_REFUSED: Final = Unlisted("says that queries are not sent in this way")

DECLARATIONS: Final[DeclarationTable] = {
    "/v0/gql": {
        "POST": Declaration(
            "query",
            "Ask in GraphQL",
            Tag.SERVER,
            text="What can be asked stands in the schema, which can be asked for, too. Errors of "
            "fields come with the status 200.",
            body=Body(Query),
            answers=(
                json(Answered),
                refused(400, "transport not supported", kind=Answered),
                refused(422, "The query cannot be understood, or asks too much", kind=Answered),
            ),
        ),
        "GET": Declaration(
            "queryByUrl",
            "Ask in GraphQL with a link",
            Tag.SERVER,
            text="Mutations are refused.",
            parameters=(
                Parameter("query", str, "The query"),
                Parameter("operationName", str, "Which of its operations"),
                Parameter("variables", str, "A JSON object"),
                Parameter("extensions", str, "A JSON object"),
            ),
            answers=(
                json(Answered),
                refused(400, "variables could not be decoded", kind=Answered),
                refused(406, "GET requests only allow query operations", kind=Answered),
                refused(422, "The query cannot be understood, or asks too much", kind=Answered),
            ),
        ),
        "OPTIONS": Unlisted("tells what may be sent"),
        "PUT": _REFUSED,
        "DELETE": _REFUSED,
        "PATCH": _REFUSED,
    },
    "/v0/": {"GET": Unlisted("a page to write queries, for people")},
}

_ALLOW: Final[Header] = (b"allow", b"OPTIONS, GET, POST")
_QUERY: Final = msgspec.json.Decoder(Query)
#: So much of a body that cannot be read is repeated.
_SHOWN_CHARS: Final = 200
#: The page needs its own script and style, and asks nobody but this server.
_PAGE_POLICY: Final[Header] = (
    b"content-security-policy",
    (
        b"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline';"
        b" connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
)


class GraphqlEndpoint:
    """Answers queries; see `schema.graphql` and `operators.graphql` for what there is.

    The library and the schema are loaded with the first query: that takes longer than a whole
    start, and a server that nobody asks has no use for them.

    Args:
        new_request: What the resolvers of one query work on.
    """

    def __init__(self, new_request: Callable[[], Request]) -> None:
        self._new_request = new_request
        self._execution: Execution | None = None
        self._loading = asyncio.Lock()
        self._page = (files(__package__) / "explorer.html").read_bytes()

    def routes(self) -> RouteTable:
        """Where it is mounted."""
        return {
            "/v0/gql": {
                "GET": self.get,
                "POST": self.post,
                "OPTIONS": self.options,
                "PUT": self.refuse,
                "DELETE": self.refuse,
                "PATCH": self.refuse,
            },
            "/v0/": {"GET": self.page},
        }

    async def post(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A query as JSON."""
        headers = headers_of(scope)
        media_type = (header(headers, b"content-type") or "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            await self.refuse(scope, receive, send)
            return
        body = await read_body(headers, receive, bytes_max=BODY_BYTES_MAX)
        try:
            query = _QUERY.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            shown = body[:_SHOWN_CHARS].decode("utf-8", "replace")
            message = f"json request body could not be decoded: {error} body:{shown}"
            await _send(send, _bad(400, message))
            return
        await _send(send, await self._answered(query))

    async def get(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """A query in the URL; mutations are refused, because links must not change anything."""
        if scope["method"] == "HEAD":
            await send_answer(send, 405, EMPTY, headers=(_ALLOW,))
            return
        query = _from_url(scope["query_string"])
        if isinstance(query, Answer):
            await _send(send, query)
            return
        await _send(send, await self._answered(query, reads_only=True))

    async def _answered(self, query: Query, *, reads_only: bool = False) -> Answer:
        async with self._loading:
            if self._execution is None:
                self._execution = await asyncio.to_thread(_load)
        return await self._execution.answer(query, self._new_request(), reads_only=reads_only)

    async def options(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """What may be sent; the questions of browsers are answered elsewhere."""
        await send_answer(send, 200, EMPTY, headers=(_ALLOW,))

    async def refuse(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Say that queries are not sent in this way."""
        await _send(send, _bad(400, "transport not supported"))

    async def page(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """A page to write queries and to read the schema."""
        await send_answer(send, 200, self._page, headers=(HTML, _PAGE_POLICY))


def _load() -> "Execution":
    from stepwell.api.graphql.execution import Execution  # noqa: PLC0415
    from stepwell.api.graphql.schema import create_schema  # noqa: PLC0415

    return Execution(create_schema())


async def _send(send: Send, answer: Answer) -> None:
    await send_json(send, answer.status, answer.body)


def _bad(status: int, message: str) -> Answer:
    return Answer(status, {"errors": [{"message": message}], "data": None})


def _from_url(query_string: bytes) -> Query | Answer:
    try:
        found = parse_qs(query_string.decode("latin-1"), max_num_fields=20)
    except ValueError:
        return _bad(400, "transport not supported")
    given = {name: values[-1] for name, values in found.items()}
    members: dict[str, Any] = {}
    for name in ("variables", "extensions"):
        try:
            members[name] = _object(given.get(name))
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return _bad(400, f"{name} could not be decoded")
    return Query(given.get("query", ""), given.get("operationName") or None, **members)


def _object(text: str | None) -> dict[str, Any] | None:
    return None if not text else msgspec.json.decode(text, type=dict[str, Any] | None)
