import { SendHorizontal, Tags } from 'lucide-react';
import { lazy, Suspense, useState } from 'react';
import { graphql } from '~/lib/graphql';
import { useLiveQuery } from '~/lib/queries';
import { Button } from '~/ui/Button';
import { EmptyState, ErrorNotice } from '~/ui/Notice';
import { Page } from '~/ui/Page';
import { Skeleton } from '~/ui/Skeleton';
import { EventTypesTable } from './EventTypesTable';
import { NameSearch } from './NameSearch';

const SendEventDialog = lazy(() => import('~/features/events/SendEventDialog'));

const EventTypesQuery = graphql(`
  query EventTypes($first: Int!, $search: String) {
    eventTypes(first: $first, search: $search) {
      name
      lastReceivedAt
      lastEventID
      volume
      functions { id name slug }
    }
  }
`);

const PAGE_SIZE = 100;
/** The server names no more. */
const TYPES_MAX = 500;
/** Numbers and times grow stale; names seldom come. */
const EVERY_MS = 10_000;

interface EventTypesPageProps {
  /** Part of the name; undefined for all. */
  search: string | undefined;
  onSearch: (search: string | undefined) => void;
}

/** Names of the events that came, how often, and who listens to them. */
export function EventTypesPage({ search, onSearch }: EventTypesPageProps) {
  const [first, setFirst] = useState(PAGE_SIZE);
  const [isSending, setSending] = useState(false);
  const { data, error, refetch, isPlaceholderData } = useLiveQuery(
    EventTypesQuery,
    { first, search: search ?? null },
    { everyMs: EVERY_MS, keepsPrevious: true },
  );
  const types = data?.eventTypes;
  return (
    <Page
      title="Event types"
      isPadded={false}
      actions={
        <Button icon={<SendHorizontal />} onClick={() => setSending(true)}>
          Send event
        </Button>
      }
    >
      <div className="flex shrink-0 flex-wrap items-center gap-x-4 gap-y-2 border-line border-b bg-surface px-4 py-2 sm:px-5">
        <NameSearch value={search} onChange={onSearch} />
        <span role="status" className="text-ink-soft text-xs tabular-nums">
          {types && !isPlaceholderData && countOf(types.length, first)}
        </span>
      </div>
      {error && (
        <div className="p-4">
          <ErrorNotice
            title="The event types could not be loaded"
            error={error}
            onRetry={() => void refetch()}
          />
        </div>
      )}
      {!types && !error && <Skeleton lines={10} />}
      {types?.length === 0 && !error && <NoTypes search={search} onSearch={onSearch} />}
      {types && types.length > 0 && (
        <EventTypesTable
          types={types}
          isOutdated={isPlaceholderData}
          footer={
            types.length === first && (
              <div className="flex justify-center p-3 text-ink-soft">
                {first < TYPES_MAX ? (
                  <Button onClick={() => setFirst(first + PAGE_SIZE)}>Show more</Button>
                ) : (
                  <p>Only the {TYPES_MAX} that came last are listed. Search for the others.</p>
                )}
              </div>
            )
          }
        />
      )}
      {isSending && (
        <Suspense>
          <SendEventDialog onClose={() => setSending(false)} />
        </Suspense>
      )}
    </Page>
  );
}

function countOf(count: number, first: number): string {
  const number = `${count.toLocaleString()}${count === first ? '+' : ''}`;
  return count === 1 ? '1 type' : `${number} types`;
}

function NoTypes({ search, onSearch }: EventTypesPageProps) {
  if (search) {
    return (
      <EmptyState
        icon={<Tags />}
        title="No event of such a name came"
        actions={<Button onClick={() => onSearch(undefined)}>Show all types</Button>}
      >
        The search looks for “{search}” anywhere in the name, in any case.
      </EmptyState>
    );
  }
  return (
    <EmptyState icon={<Tags />} title="No event has come yet">
      Once an app sends events, each of their names has a line here: how many came, when, and which
      functions they start.
    </EmptyState>
  );
}
