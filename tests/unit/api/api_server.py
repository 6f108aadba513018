"""The API without a server around it: requests go straight in, and what is behind it is pretended."""

import asyncio
from collections.abc import Iterable
from typing import Any

import msgspec
from starlette.types import Message

from stepwell.api import ApiServices, ApiSettings, create_api
from stepwell.api.operators import GivenToken, HeldToken
from stepwell.api.services import RouteTable
from stepwell.core.access_token import TokenHash
from stepwell.core.function import Function, FunctionIndex
from stepwell.core.identity import (
    DEFAULT_ENVIRONMENT_ID,
    AppId,
    EnvironmentId,
    EventId,
    FunctionId,
    RunId,
    StepId,
)
from stepwell.core.queue import QueueItem
from stepwell.core.status import RunStatus
from stepwell.core.transition import StoredEvent
from stepwell.store.views import EventsPage, RunView
from stepwell.wire.config import EventTrigger, FunctionConfig
from stepwell.wire.events import AcceptedEvent
from stepwell.wire.signing import SigningKey
from stepwell.wire.ulid import ulid_from

NOW_MS = 1_795_252_035_250
NOW = "2026-11-21T09:07:15.250Z"
SIGNING_KEY = "signkey-test-abc123def456"
OPERATOR_TOKEN = "stepwell_op_" + "0123456789abcdef" * 3
METRICS_TOKEN = "metrics-" + "0123456789abcdef" * 2
DEV = ApiSettings(server_kind="dev", version="1.2.3")
CLOUD = ApiSettings(
    server_kind="cloud",
    version="1.2.3",
    signing_key=SigningKey.parse(SIGNING_KEY),
    event_keys=frozenset({"first-key", "second-key"}),
    metrics_token=TokenHash.of(METRICS_TOKEN),
)


class Clock:
    """A clock that stands still."""

    def now_ms(self) -> int:
        return NOW_MS


class Ulids:
    """Ids that count."""

    def __init__(self) -> None:
        self._count = 0

    def ulid(self, at_ms: int) -> str:
        self._count += 1
        return ulid_from(at_ms, self._count.to_bytes(10, "big"))


def ulid(number: int) -> str:
    """The id that `Ulids` gives as the `number`th."""
    return ulid_from(NOW_MS, number.to_bytes(10, "big"))


class Backend:
    """What is behind the API: remembers what it was given, answers what it was told to."""

    def __init__(self) -> None:
        self.accepted: list[AcceptedEvent] = []
        self.seeded: list[bool] = []
        self.failure: Exception | None = None
        self.live: dict[RunId, tuple[list[bytes], dict[StepId, bytes]]] = {}
        self.cancelled: list[RunId] = []
        self.stored: dict[str, StoredEvent] = {}
        self.runs: list[RunView] = []
        self.items: list[QueueItem] = []
        self.pages: list[EventsPage] = []
        self.functions = FunctionIndex()

    async def accept(
        self, environment_id: EnvironmentId, events: list[AcceptedEvent], *, seeded: bool
    ) -> None:
        self._fail()
        assert environment_id == DEFAULT_ENVIRONMENT_ID
        self.accepted += events
        self.seeded.append(seeded)

    async def cancel_run(self, run_id: RunId) -> bool:
        self._fail()
        if run_id not in self.live:
            return False
        self.cancelled.append(run_id)
        return True

    async def inputs_of(self, run_id: RunId) -> tuple[list[bytes], dict[StepId, bytes]] | None:
        self._fail()
        return self.live.get(run_id)

    async def events(self, page: EventsPage) -> list[StoredEvent]:
        self._fail()
        self.pages.append(page)
        return list(self.stored.values())[: page.limit]

    async def event(self, environment_id: EnvironmentId, event_id: EventId) -> StoredEvent | None:
        self._fail()
        assert environment_id == DEFAULT_ENVIRONMENT_ID
        return self.stored.get(event_id)

    async def runs_of_event(self, event_id: EventId) -> list[RunView]:
        self._fail()
        return [run for run in self.runs if run.event_id == event_id]

    async def run(self, run_id: RunId) -> RunView | None:
        self._fail()
        return next((run for run in self.runs if run.id == run_id), None)

    async def jobs(self, run_id: RunId, *, limit: int) -> list[QueueItem]:
        self._fail()
        return [item for item in self.items if item.run_id == run_id][:limit]

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure


class Answer(msgspec.Struct, frozen=True):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        assert self.headers["content-type"].startswith("application/json")
        return msgspec.json.decode(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


class Api:
    """The API, with everything behind it pretended."""

    def __init__(
        self,
        settings: ApiSettings = DEV,
        *,
        registration: RouteTable | None = None,
        operator: HeldToken | None = None,
    ) -> None:
        self.backend = Backend()
        if settings.signing_key is not None and operator is None:
            operator = GivenToken(TokenHash.of(OPERATOR_TOKEN))
        clock = Clock()
        self.app = create_api(
            ApiServices(
                intake=self.backend,
                runs=self.backend,
                catalogue=self.backend,
                readers=self.backend,
                ids=Ulids(),
                clock=clock,
                routes=[registration or {}],
                operator=operator,
            ),
            settings,
        )

    def request(
        self,
        method: str,
        target: str,
        body: bytes | Iterable[bytes] = b"",
        **headers: str,
    ) -> Answer:
        """Send a request; underscores in names of headers stand for hyphens.

        Args:
            method: In upper case.
            target: The path, already decoded, and the query.
            body: Whole, or pieces after which the client closes the connection.
            headers: Of the request.
        """
        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [
                (name.replace("_", "-").encode(), value.encode("latin-1"))
                for name, value in headers.items()
            ],
        }
        pieces = [body] if isinstance(body, bytes) else list(body)
        coming: list[Message] = [
            {"type": "http.request", "body": piece, "more_body": True} for piece in pieces
        ]
        if isinstance(body, bytes):
            coming[-1]["more_body"] = False
        coming.append({"type": "http.disconnect"})
        sent: list[Message] = []

        async def receive() -> Message:
            return coming.pop(0)

        async def send(message: Message) -> None:
            sent.append(message)

        asyncio.run(self.app(scope, receive, send))  # type: ignore[arg-type]
        return _answer(sent)

    def get(self, target: str, **headers: str) -> Answer:
        return self.request("GET", target, b"", **headers)

    def post(self, target: str, body: bytes | Iterable[bytes] = b"", **headers: str) -> Answer:
        return self.request("POST", target, body, **headers)

    def delete(self, target: str, **headers: str) -> Answer:
        return self.request("DELETE", target, b"", **headers)


def _answer(sent: list[Message]) -> Answer:
    if not sent:
        return Answer(0, {}, b"")
    start, *bodies = sent
    names = [name for name, _ in start["headers"]]
    assert len(names) == len(set(names)), "no header is sent twice"
    body = b"".join(message.get("body", b"") for message in bodies)
    headers = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
    assert int(headers["content-length"]) == len(body)
    return Answer(start["status"], headers, body)


def run_view(number: int = 1, *, status: RunStatus = RunStatus.RUNNING, **changes: Any) -> RunView:
    """A run of event 100."""
    run = RunView(
        id=RunId(ulid(number)),
        environment_id=DEFAULT_ENVIRONMENT_ID,
        app_id=AppId("app-id"),
        function_id=FunctionId("function-id"),
        function_version=3,
        status=status,
        queued_ms=NOW_MS,
        scheduled_ms=NOW_MS,
        started_ms=NOW_MS + 20 if status is not RunStatus.SCHEDULED else 0,
        ended_ms=NOW_MS + 1000 if status.is_ended else 0,
        event_id=EventId(ulid(100)),
        event_name="shop/order.placed",
        event_ids=(),
        cron="",
        parent_run_id=RunId(""),
        parent_function_id=FunctionId(""),
        parent_step="",
        origin_run_id=RunId(""),
        output=b"",
        error=b"",
    )
    return msgspec.structs.replace(run, **changes)


def function(name: str, **changes: Any) -> Function:
    """A function of the app `shop`."""
    slug = f"shop-{name}"
    made = Function(
        id=FunctionId(f"id-of-{name}"),
        app_id=AppId("id-of-shop"),
        app_name="shop",
        environment_id=DEFAULT_ENVIRONMENT_ID,
        slug=slug,
        name=name.title(),
        version=2,
        config=FunctionConfig(
            slug=slug,
            name=name.title(),
            url=f"http://localhost:3000/api/inngest?fnId={slug}&stepId=step",
            triggers=(EventTrigger(event="shop/order.placed"),),
            retries=2,
        ),
        updated_ms=NOW_MS,
    )
    return msgspec.structs.replace(made, **changes)
