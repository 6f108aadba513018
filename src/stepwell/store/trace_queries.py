"""Rows of many runs or events in one question, and what traces are made of."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, func, or_, select, union_all

from stepwell.core.identity import EnvironmentId, EventId, RunId, StepId
from stepwell.core.journal import Entry, StepInvoking, decode_entry
from stepwell.core.queue import QueueItem
from stepwell.core.transition import StoredEvent
from stepwell.store.annotation_queries import metadata_of_runs, spans_of_runs
from stepwell.store.row_views import RUN_VIEW, queue_item, run_view
from stepwell.store.schema import batch_events, events, journal, queue, runs
from stepwell.store.views import EventTypeView, RunView, TraceRows

__all__ = ["ROWS_MAX", "TraceQueries"]

#: Runs or events that one question may be about.
ROWS_MAX: Final = 400
#: Distinct names of events that are looked at.
EVENT_NAMES_MAX: Final = 5_000
#: Options of steps that use a model begin so; their opcodes are named AIGateway.
_AI_MARKS: Final = (b"step.ai.", b"AIGateway")


class TraceQueries:
    """The questions, asked on one connection. None is about more than `ROWS_MAX` rows."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def events_by_id(
        self, environment_id: EnvironmentId, event_ids: Sequence[EventId]
    ) -> dict[EventId, StoredEvent]:
        """The first event stored under each id; unknown ids are left out."""
        assert len(event_ids) <= ROWS_MAX
        asked = select(events).where(
            events.c.id.in_(event_ids), events.c.environment_id == environment_id
        )
        found: dict[EventId, StoredEvent] = {}
        for row in self._connection.execute(asked.order_by(events.c.id, events.c.number)):
            found.setdefault(row.id, StoredEvent(*row))
        return found

    def runs_by_id(self, run_ids: Sequence[RunId]) -> dict[RunId, RunView]:
        """The runs, live or ended; unknown ids are left out."""
        assert len(run_ids) <= ROWS_MAX
        found = self._connection.execute(RUN_VIEW.where(runs.c.id.in_(run_ids)))
        return {row.id: run_view(row) for row in found}

    def runs_of_events(self, event_ids: Sequence[EventId]) -> dict[EventId, list[RunView]]:
        """The runs that the events started, alone or in a batch, oldest first."""
        assert len(event_ids) <= ROWS_MAX
        started = select(runs.c.event_id, runs.c.id).where(runs.c.event_id.in_(event_ids))
        batched = select(batch_events.c.event_id, batch_events.c.run_id).where(
            batch_events.c.event_id.in_(event_ids)
        )
        pairs = self._connection.execute(union_all(started, batched)).all()
        views: dict[RunId, RunView] = {}
        ids = sorted({run_id for _, run_id in pairs})
        for start in range(0, len(ids), ROWS_MAX):
            views |= self.runs_by_id(ids[start : start + ROWS_MAX])
        found: defaultdict[EventId, list[RunView]] = defaultdict(list)
        for event_id, run_id in sorted(pairs, key=lambda pair: pair[1]):
            found[event_id].append(views[run_id])
        return found

    def trace_rows(self, run_ids: Sequence[RunId]) -> dict[RunId, TraceRows]:
        """Everything that is stored about the runs, as of one moment."""
        views = self.runs_by_id(run_ids)
        entries = self._journals(run_ids)
        items = self._items(run_ids)
        metadata = metadata_of_runs(self._connection, run_ids)
        spans = spans_of_runs(self._connection, run_ids)
        children = self._held_back_children(entries)
        return {
            run_id: TraceRows(
                view,
                entries.get(run_id, []),
                items.get(run_id, []),
                metadata.get(run_id, []),
                spans.get(run_id, []),
                children.get(run_id, {}),
            )
            for run_id, view in views.items()
        }

    def runs_with_ai(self, run_ids: Sequence[RunId]) -> dict[RunId, bool]:
        """Which of the runs have used a model in a step; others are left out."""
        assert len(run_ids) <= ROWS_MAX
        asked = select(journal.c.run_id).where(journal.c.run_id.in_(run_ids))
        is_marked = or_(*(self._position(journal.c.body, mark) > 0 for mark in _AI_MARKS))
        return {row.run_id: True for row in self._connection.execute(asked.where(is_marked))}

    def event_types(
        self, environment_id: EnvironmentId, *, search: str, limit: int
    ) -> list[EventTypeView]:
        """Names of events, by when one was received last.

        Reads the index on names once per name and not once per event.
        """
        found: list[EventTypeView] = []
        name = ""
        while True:
            # The next name in order; the index holds the ids of each name in order, too.
            asked = select(func.min(events.c.name)).where(events.c.name > name)
            following = self._connection.execute(asked).scalar_one()
            if following is None or len(found) >= EVENT_NAMES_MAX:
                break
            name = following
            if search.lower() not in name.lower():
                continue
            newest = (
                select(events.c.id, events.c.received_ms)
                .where(events.c.name == name, events.c.environment_id == environment_id)
                .order_by(events.c.id.desc())
                .limit(1)
            )
            row = self._connection.execute(newest).one_or_none()
            if row is not None:
                found.append(EventTypeView(name, row.id, row.received_ms))
        found.sort(key=lambda seen: seen.last_event_id, reverse=True)
        return found[:limit]

    def _position(self, body: ColumnElement[bytes], mark: bytes) -> ColumnElement[int]:
        """Where the mark is in the body, from 1; 0 if it is not there. Named differently."""
        if self._connection.dialect.name == "postgresql":
            return func.pg_catalog.position(body, mark)
        return func.instr(body, mark)

    def _held_back_children(
        self, journals: Mapping[RunId, Sequence[Entry]]
    ) -> dict[RunId, dict[StepId, RunId]]:
        """The runs that invocations started after a batch or debounce held them back."""
        invoking = {
            entry.event_id: (run_id, entry.step)
            for run_id, entries in journals.items()
            for entry in entries
            if isinstance(entry, StepInvoking) and not entry.run_id
        }
        found: defaultdict[RunId, dict[StepId, RunId]] = defaultdict(dict)
        event_ids = list(invoking)
        for start in range(0, len(event_ids), ROWS_MAX):
            started = self.runs_of_events(event_ids[start : start + ROWS_MAX])
            for event_id, children in started.items():
                run_id, step = invoking[event_id]
                found[run_id][step] = children[0].id
        return found

    def _journals(self, run_ids: Sequence[RunId]) -> dict[RunId, list[Entry]]:
        asked = select(journal.c.run_id, journal.c.body).where(journal.c.run_id.in_(run_ids))
        found: defaultdict[RunId, list[Entry]] = defaultdict(list)
        for run_id, body in self._connection.execute(
            asked.order_by(journal.c.run_id, journal.c.seq)
        ):
            found[run_id].append(decode_entry(body))
        return found

    def _items(self, run_ids: Sequence[RunId]) -> dict[RunId, list[QueueItem]]:
        asked = select(queue).where(queue.c.run_id.in_(run_ids)).order_by(queue.c.item_id)
        found: defaultdict[RunId, list[QueueItem]] = defaultdict(list)
        for row in self._connection.execute(asked):
            found[row.run_id].append(queue_item(row))
        return found
