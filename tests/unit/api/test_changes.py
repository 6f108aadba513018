"""The stream of what changes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from starlette.types import Message

from stepwell.api.changes import ChangesEndpoint
from stepwell.core.identity import AppId, RunId
from stepwell.core.journal import RunStarted
from stepwell.core.metadata import MetadataOp, MetadataOwner, MetadataScope, MetadataUpdate
from stepwell.core.transition import JournalRow, Transition
from stepwell.engine.changes import CHANGES_MAX, SUBSCRIBERS_MAX, ChangeFeed
from stepwell.wire.config import EventTrigger
from tests.unit.api.api_server import ulid
from tests.unit.core.core_world import CoreWorld, function

pytestmark = pytest.mark.anyio

RUN = RunId(ulid(1))
OTHER = RunId(ulid(2))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def step_of(run_id: RunId) -> Transition:
    return Transition(journal=[JournalRow(run_id, 0, RunStarted(1))])


class Client:
    """A browser that reads the stream."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.is_ended = False
        self._parts: asyncio.Queue[bytes] = asyncio.Queue()
        self._leaves = asyncio.Event()

    async def receive(self) -> Message:
        await self._leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
            return
        self.is_ended = not message.get("more_body", False)
        if message["body"]:
            self._parts.put_nowait(message["body"])

    def leave(self) -> None:
        self._leaves.set()

    async def part(self) -> bytes:
        return await self._parts.get()

    async def changes(self) -> Any:
        """What the next message says."""
        part = await self.part()
        head, _, data = part.partition(b"\ndata: ")
        assert head == b"event: changes"
        assert data.endswith(b"\n\n")
        return msgspec.json.decode(data)


@asynccontextmanager
async def streaming(feed: ChangeFeed, query: str = "") -> AsyncIterator[Client]:
    client = Client()
    scope = {"type": "http", "method": "GET", "query_string": query.encode()}
    serving = asyncio.create_task(ChangesEndpoint(feed)(scope, client.receive, client.send))
    assert b"event: hello" in await client.part()
    try:
        yield client
    finally:
        client.leave()
        await serving


async def test_a_client_is_told_what_changed() -> None:
    world, feed = CoreWorld(function("app-f", EventTrigger(event="a/b"))), ChangeFeed()
    (run,) = world.send("a/b")
    (event,) = world.events
    async with streaming(feed) as client:
        assert client.status == 200
        assert client.headers[b"content-type"] == b"text/event-stream; charset=utf-8"
        feed.observe(None, Transition(runs=[run.new], events=[event]))
        assert await client.changes() == {
            "runs": {run.new.id: run.new.function_id},
            "events": [event.id],
            "apps": False,
            "cut": False,
        }
        feed.observe(run, Transition())
        feed.observe(None, Transition(apps_removed=[AppId("app")]))
        told = await client.changes()
        assert (told["runs"], told["apps"]) == ({run.new.id: run.new.function_id}, True)
    assert len(feed) == 0, "who has gone is forgotten"


async def test_only_the_runs_that_are_asked_for_are_told() -> None:
    feed = ChangeFeed()
    async with streaming(feed, f"run={RUN.lower()}") as client:
        feed.observe(None, step_of(OTHER))
        await asyncio.sleep(0)
        feed.observe(None, step_of(RUN))
        assert (await client.changes())["runs"] == {RUN: ""}


async def test_what_is_attached_to_a_run_is_a_change_of_it() -> None:
    """Metadata and spans are part of its trace."""
    owner = MetadataOwner(MetadataScope.RUN)
    update = MetadataUpdate(RUN, 1, owner, "userland.a", MetadataOp.SET, b"{}", 2, 1)
    feed = ChangeFeed()
    with feed.subscribe() as subscription:
        feed.observe(None, Transition(metadata=[update]))
        assert list(subscription.take().runs) == [RUN]


async def test_of_very_many_changes_it_is_told_that_there_were() -> None:
    """A subscriber that reads slowly costs a bounded set of ids."""
    feed = ChangeFeed()
    with feed.subscribe() as subscription:
        for number in range(CHANGES_MAX):
            feed.observe(None, step_of(RunId(ulid(number))))
        feed.observe(None, step_of(RunId(ulid(0))))
        changes = subscription.take()
        assert (len(changes.runs), changes.is_cut) == (CHANGES_MAX, False)
        for number in range(CHANGES_MAX + 1):
            feed.observe(None, step_of(RunId(ulid(number))))
        changes = subscription.take()
        assert (len(changes.runs), changes.is_cut) == (CHANGES_MAX, True)


async def test_the_stream_ends_when_the_server_stops() -> None:
    feed = ChangeFeed()
    async with streaming(feed) as client:
        feed.close()
        while not client.is_ended:
            await asyncio.sleep(0)
    assert not feed.has_room


@pytest.mark.parametrize("query", ["run=x", f"run={RUN}&run=y", "&".join(["run=" + RUN] * 101)])
async def test_a_bad_request_is_refused(query: str) -> None:
    client = Client()
    scope = {"type": "http", "method": "GET", "query_string": query.encode()}
    await ChangesEndpoint(ChangeFeed())(scope, client.receive, client.send)
    assert (client.status, client.is_ended) == (400, True)


async def test_there_may_be_so_many_streams() -> None:
    feed = ChangeFeed()
    streams = [feed.subscribe() for _ in range(SUBSCRIBERS_MAX)]
    for stream in streams:
        stream.__enter__()
    client = Client()
    scope = {"type": "http", "method": "GET", "query_string": b""}
    await ChangesEndpoint(feed)(scope, client.receive, client.send)
    assert client.status == 503
    streams[0].__exit__(None, None, None)
    assert feed.has_room
