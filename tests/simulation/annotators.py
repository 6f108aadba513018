"""What apps tell about runs besides results: metadata and spans; and whether none of it is lost."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import msgspec

from stepwell.core.identity import RunId
from stepwell.core.journal import decode_entry
from stepwell.core.metadata import (
    MetadataOp,
    MetadataOwner,
    MetadataScope,
    MetadataUpdate,
    metadata_of,
)
from stepwell.core.user_span import UserSpan, bind_span
from stepwell.engine.annotations import Attached, NewMetadata, SpansAttached
from stepwell.engine.engine import Engine
from stepwell.wire.otlp_span import SentSpan
from tests.simulation.world import World

__all__ = ["check_annotations", "describe", "trace_span"]

_KIND = "userland.told"
_RUN = MetadataOwner(MetadataScope.RUN)


async def describe(world: World, run_id: str, key: str, value: Any) -> None:
    """Set one value of a run's metadata, again and again until the server says it has it."""
    values = msgspec.json.encode({key: value})
    update = NewMetadata(_RUN, _KIND, MetadataOp.MERGE, values, len(values))

    async def post(engine: Engine) -> Attached:
        return await engine.add_metadata(RunId(run_id), [update])

    assert await world.insist(post) == Attached()
    world.told.setdefault(run_id, {})[key] = value


async def trace_span(world: World, run_id: str, number: int, name: str) -> None:
    """Send a span of the app, as `describe` does."""
    ((function_id,),) = world.rows("SELECT function_id FROM runs WHERE id = ?", run_id)
    sent = SentSpan(
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
        span_id=f"{number:016x}",
        parent_span_id="",
        name=name,
        kind=1,
        status=0,
        status_message="",
        started_ns=world.clock.now_ms() * 1_000_000,
        ended_ns=0,
        service="sim",
        scope="sim",
        scope_version="",
        attributes={
            "inngest.traceref": "x",
            "sdk.run.id": run_id,
            "sys.function.id": function_id,
        },
        events=(),
    )
    span = bind_span(sent)
    assert isinstance(span, UserSpan)

    async def post(engine: Engine) -> SpansAttached:
        return await engine.add_spans([span])

    assert await world.insist(post) == SpansAttached()
    world.spans[run_id, number] = name


def check_annotations(world: World) -> Iterator[str]:
    """What the server said it has, and does not."""
    updates: defaultdict[str, list[MetadataUpdate]] = defaultdict(list)
    for run_id, number, kind, op, size, at_ms, body in world.rows(
        "SELECT run_id, number, kind, op, bytes, at_ms, body FROM run_metadata"
        " ORDER BY run_id, number"
    ):
        update = MetadataUpdate(
            RunId(run_id), number, _RUN, kind, MetadataOp(op), body, size, at_ms
        )
        updates[run_id].append(update)
    for run_id, of_run in updates.items():
        if [update.number for update in of_run] != list(range(1, len(of_run) + 1)):
            yield f"run {run_id}: updates of its metadata are not numbered one by one"
    for run_id, told in world.told.items():
        entries = [
            decode_entry(body)
            for (body,) in world.rows("SELECT body FROM journal WHERE run_id = ?", run_id)
        ]
        (folded,) = metadata_of(entries, updates[run_id]).get(_RUN, [None])
        values = {} if folded is None else msgspec.json.decode(folded.values)
        if values != values | told:
            yield f"run {run_id}: its metadata is {values}, but {told} was acknowledged"
    stored = {
        (run_id, int(span_id, 16)): name
        for run_id, span_id, name in world.rows("SELECT run_id, span_id, name FROM spans")
    }
    for key, name in world.spans.items():
        if stored.get(key) != name:
            yield f"span {key} is {stored.get(key)!r}, but {name!r} was acknowledged"
