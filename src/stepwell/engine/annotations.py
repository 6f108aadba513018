"""Metadata and spans that are attached to runs from outside, live or ended.

They change nothing about a run, so no run is held for them. What has to hold is what a run may
have in all, whoever attaches things at the same time: while anything is being attached to a run,
how much it has is known here, and taken from the store only by the first who asks.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final, Protocol

import msgspec

from stepwell.core.identity import RunId
from stepwell.core.metadata import (
    METADATA_BYTES_MAX,
    UPDATES_MAX,
    MetadataOp,
    MetadataOwner,
    MetadataUpdate,
)
from stepwell.core.moment import Moment
from stepwell.core.transition import Transition
from stepwell.core.user_span import SPANS_BYTES_MAX, SPANS_MAX, UserSpan
from stepwell.engine.store import AnnotatedRun, Store

__all__ = ["Annotations", "Attached", "NewMetadata", "SpansAttached", "Writing"]

# Bounds what one transaction writes for one request.
_SPANS_AT_ONCE: Final = 500
_SPANS_AT_ONCE_BYTES: Final = 1024 * 1024


class Writing(Protocol):
    """Who has transitions written; raises `StoreUnavailable` or `OwnershipLost`."""

    def check(self) -> None:
        """Raise why nothing is written any more, if that is so."""
        ...

    def moment(self) -> Moment:
        """The clock."""
        ...

    async def commit_all(
        self, transitions: Sequence[Transition], *, settled: Callable[[], None] | None = None
    ) -> None:
        """Write transitions that concern no existing run; `settled` is called in any case."""
        ...


class NewMetadata(msgspec.Struct, frozen=True):
    """An update on its way in; `values` is a JSON object and `size` its bytes."""

    owner: MetadataOwner
    kind: str
    op: MetadataOp
    values: bytes
    size: int


class Attached(msgspec.Struct, frozen=True):
    """What became of updates of metadata: all of them are written, or none."""

    is_known_run: bool = True
    has_room: bool = True


class SpansAttached(msgspec.Struct, frozen=True):
    """How many spans were not kept, and why the first of them was not."""

    rejected: int = 0
    reason: str = ""


class _Desk:
    """One run, while somebody attaches something to it.

    Attributes:
        people: How many do.
        run: What the run has, with what is being written; None before that is known.
    """

    __slots__ = ("is_known", "people", "run")

    def __init__(self) -> None:
        self.people = 0
        self.is_known = False
        self.run: AnnotatedRun | None = None


class Annotations:
    """Attaches metadata and spans to runs, for one ownership of a partition.

    Both methods return when what they took is durable and can be read, and raise
    `StoreUnavailable` or `OwnershipLost` when that is not certain.
    """

    def __init__(self, store: Store, requests: Writing) -> None:
        self._store = store
        self._requests = requests
        self._desks: defaultdict[RunId, _Desk] = defaultdict(_Desk)

    async def add_metadata(self, run_id: RunId, updates: Sequence[NewMetadata]) -> Attached:
        """Append the updates to the run's, if it has room for all of them."""
        desks = await self._open([run_id])
        is_handed_over = False
        try:
            run = desks[run_id].run
            if run is None:
                return Attached(is_known_run=False)
            size = run.updates_bytes + sum(update.size for update in updates)
            if size > METADATA_BYTES_MAX or run.updates + len(updates) > UPDATES_MAX:
                return Attached(has_room=False)
            now_ms = self._requests.moment().now_ms
            rows = [
                MetadataUpdate(
                    run_id,
                    run.updates + number,
                    update.owner,
                    update.kind,
                    update.op,
                    update.values,
                    update.size,
                    now_ms,
                )
                for number, update in enumerate(updates, 1)
            ]
            desks[run_id].run = msgspec.structs.replace(
                run, updates=run.updates + len(updates), updates_bytes=size
            )
            is_handed_over = True
            await self._requests.commit_all(
                [Transition(metadata=rows)], settled=partial(self._leave, [run_id])
            )
        finally:
            if not is_handed_over:
                self._leave([run_id])
        return Attached()

    async def add_spans(self, spans: Iterable[UserSpan]) -> SpansAttached:
        """Keep those spans whose runs exist and have room; of one that comes again, the latest."""
        spans = list(spans)
        run_ids = list({span.run_id: None for span in spans})
        desks = await self._open(run_ids)
        is_handed_over = False
        try:
            kept: list[UserSpan] = []
            reason = ""
            for span in spans:
                refusal = _take(desks[span.run_id], span)
                if not refusal:
                    kept.append(span)
                reason = reason or refusal
            if kept:
                is_handed_over = True
                await self._requests.commit_all(
                    list(_bites(kept)), settled=partial(self._leave, run_ids)
                )
        finally:
            if not is_handed_over:
                self._leave(run_ids)
        return SpansAttached(len(spans) - len(kept), reason)

    async def _open(self, run_ids: Sequence[RunId]) -> dict[RunId, _Desk]:
        """The desks of the runs, which are kept until `_leave`.

        That is when what was attached is durable or has failed, even if nobody waits for it then:
        until the store can tell of it, the desk has to.
        """
        self._requests.check()
        desks = {run_id: self._desks[run_id] for run_id in run_ids}
        for desk in desks.values():
            desk.people += 1
        unknown = [run_id for run_id, desk in desks.items() if not desk.is_known]
        if unknown:
            try:
                found = await self._store.annotated_runs(unknown)
            except BaseException:
                self._leave(run_ids)
                raise
            for run_id in unknown:
                # Whoever asked first was first to go on, and may have added to it since.
                if not desks[run_id].is_known:
                    desks[run_id].is_known = True
                    desks[run_id].run = found.get(run_id)
        return desks

    def _leave(self, run_ids: Iterable[RunId]) -> None:
        for run_id in run_ids:
            desk = self._desks[run_id]
            desk.people -= 1
            if not desk.people:
                del self._desks[run_id]


def _take(desk: _Desk, span: UserSpan) -> str:
    """Count the span, or say why it is not kept."""
    run = desk.run
    if run is None or run.function_id != span.function_id:
        return "a span belongs to a run that does not exist"
    if run.spans >= SPANS_MAX:
        return f"a run has more than {SPANS_MAX} spans"
    if run.spans_bytes + span.size > SPANS_BYTES_MAX:
        return f"the spans of a run have more than {SPANS_BYTES_MAX} bytes"
    desk.run = msgspec.structs.replace(
        run, spans=run.spans + 1, spans_bytes=run.spans_bytes + span.size
    )
    return ""


def _bites(spans: Sequence[UserSpan]) -> Iterable[Transition]:
    bite: list[UserSpan] = []
    size = 0
    for span in spans:
        if bite and (len(bite) >= _SPANS_AT_ONCE or size + span.size > _SPANS_AT_ONCE_BYTES):
            yield Transition(spans=bite)
            bite, size = [], 0
        bite.append(span)
        size += span.size
    yield Transition(spans=bite)
