import { Link } from '@tanstack/react-router';
import { Time } from '~/ui/Time';
import type { Column } from '~/ui/table/columns';
import type { EventRow } from './event-source';
import { RunPills } from './RunPills';

const RECEIVED: Column<EventRow> = {
  id: 'receivedAt',
  title: 'Received',
  width: 170,
  cell: ({ receivedAt }) => <Time at={receivedAt} isShort />,
};
const NAME: Column<EventRow> = {
  id: 'name',
  title: 'Event',
  width: 200,
  isGrowing: true,
  cell: (event, tabIndex) => <EventLink event={event} tabIndex={tabIndex} />,
};
const ID: Column<EventRow> = {
  id: 'id',
  title: 'Event ID',
  width: 250,
  cell: ({ id }) => <span className="font-mono text-[0.8125rem] text-ink-soft">{id}</span>,
};
const FUNCTIONS: Column<EventRow> = {
  id: 'functions',
  title: 'Functions triggered',
  width: 240,
  isGrowing: true,
  cell: ({ runs }, tabIndex) => <RunPills runs={runs} tabIndex={tabIndex} />,
};

/** What there is room for. */
export function eventColumns(isNarrow: boolean): Column<EventRow>[] {
  return isNarrow
    ? [
        { ...NAME, width: 120 },
        { ...RECEIVED, width: 112 },
      ]
    : [RECEIVED, NAME, ID, FUNCTIONS];
}

function EventLink({ event, tabIndex }: { event: EventRow; tabIndex: 0 | -1 }) {
  return (
    <Link
      to="/events/$eventId"
      params={{ eventId: event.id }}
      preload={false}
      tabIndex={tabIndex}
      data-control="visit"
      title={event.name}
      className="font-medium hover:text-accent hover:underline"
    >
      {event.name}
    </Link>
  );
}
