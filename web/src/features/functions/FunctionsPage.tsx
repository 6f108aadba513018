import { Link } from '@tanstack/react-router';
import { Search, SquareFunction } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { AppFilter } from '~/features/filters/AppFilter';
import { graphql } from '~/lib/graphql';
import { useLiveQuery } from '~/lib/queries';
import { Button, buttonClass } from '~/ui/Button';
import { Input, Switch } from '~/ui/Field';
import { EmptyState, ErrorNotice } from '~/ui/Notice';
import { Page } from '~/ui/Page';
import { Skeleton } from '~/ui/Skeleton';
import { FunctionTable } from './FunctionTable';
import { FunctionStateFragment } from './function-state';
import type { FunctionsSearch } from './functions-search';
import { shownFunctions } from './shown-functions';

/** As many as the server answers with; what is beyond is found by searching. */
const FUNCTIONS_MAX = 1_000;
/** Counts of the last 24 hours move by themselves. */
const REFRESH_MS = 30_000;
const TYPING_MS = 250;

const FunctionTableQuery = graphql(
  `
    query FunctionTable($first: Int!, $search: String, $appID: UUID, $includeArchived: Boolean!) {
      functionList(
        first: $first
        search: $search
        appID: $appID
        includeArchived: $includeArchived
      ) {
        totalCount
        nodes {
          ...FunctionState
          recent { ended failed endedTotal failedTotal }
        }
      }
    }
  `,
  [FunctionStateFragment],
);

interface FunctionsPageProps {
  search: FunctionsSearch;
  onSearch: (search: FunctionsSearch) => void;
}

/** All functions, with what they came to in the last day. */
export function FunctionsPage({ search, onSearch }: FunctionsPageProps) {
  const { query = '', filterApp = [], archived = false } = search;
  const { data, error, isPlaceholderData, refetch } = useLiveQuery(
    FunctionTableQuery,
    {
      first: FUNCTIONS_MAX,
      search: query || null,
      appID: filterApp.length === 1 ? filterApp[0] : null,
      includeArchived: archived,
    },
    { changedBy: (change) => change.apps, keepsPrevious: true, everyMs: REFRESH_MS },
  );
  const found = data?.functionList;
  const functions = found && shownFunctions(found.nodes, { apps: filterApp, archived });
  const isFiltered = query !== '' || filterApp.length > 0;
  return (
    <Page title="Functions" isPadded={false}>
      <div className="flex flex-wrap items-center gap-2 border-line border-b bg-surface px-4 py-2 sm:px-5">
        <SearchField
          text={query}
          onChange={(text) => onSearch({ ...search, query: text || undefined })}
        />
        <AppFilter
          values={filterApp}
          onChange={(apps) =>
            onSearch({ ...search, filterApp: apps.length > 0 ? apps : undefined })
          }
        />
        <Switch
          label="Archived too"
          isOn={archived}
          onChange={(isOn) => onSearch({ ...search, archived: isOn || undefined })}
        />
        <span className="flex-1" />
        {functions && (
          <span role="status" className="text-ink-soft tabular-nums">
            {functions.length === 1 ? '1 function' : `${functions.length} functions`}
          </span>
        )}
      </div>
      {error && (
        <div className="p-4">
          <ErrorNotice
            title="The functions could not be loaded"
            error={error}
            onRetry={() => void refetch()}
          />
        </div>
      )}
      {!error && !functions && <Skeleton lines={8} />}
      {functions && functions.length > 0 && (
        <>
          {found.totalCount > FUNCTIONS_MAX && (
            <p className="px-5 py-2 text-ink-soft">
              These are the first {FUNCTIONS_MAX.toLocaleString()} of{' '}
              {found.totalCount.toLocaleString()} functions. Search to find others.
            </p>
          )}
          <FunctionTable functions={functions} isOutdated={isPlaceholderData} />
        </>
      )}
      {functions?.length === 0 &&
        (isFiltered ? (
          <NoMatch onClear={() => onSearch({ archived: archived || undefined })} />
        ) : (
          <NoFunctions />
        ))}
    </Page>
  );
}

/** A text that is searched for once typing pauses. */
function SearchField({ text, onChange }: { text: string; onChange: (text: string) => void }) {
  const [typed, setTyped] = useState(text);
  const sent = useRef(text);
  useEffect(() => {
    // The address may change by other means: Back, or a link.
    if (text !== sent.current) {
      sent.current = text;
      setTyped(text);
    }
  }, [text]);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const type = (next: string) => {
    setTyped(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      sent.current = next.trim();
      onChange(next.trim());
    }, TYPING_MS);
  };
  return (
    <div className="relative w-full sm:w-64">
      <Search
        className="pointer-events-none absolute top-2 left-2.5 size-4 text-ink-faint"
        aria-hidden
      />
      <Input
        type="search"
        aria-label="Search functions by name"
        placeholder="Name of a function"
        data-list-search
        value={typed}
        onChange={(event) => type(event.target.value)}
        className="pl-8"
      />
    </div>
  );
}

function NoMatch({ onClear }: { onClear: () => void }) {
  return (
    <EmptyState
      icon={<Search />}
      title="No function is like that"
      actions={<Button onClick={onClear}>Clear the filters</Button>}
    >
      <p>The search looks at names and slugs. Archived functions are shown if you ask for them.</p>
    </EmptyState>
  );
}

function NoFunctions() {
  return (
    <EmptyState
      icon={<SquareFunction />}
      title="No functions yet"
      actions={
        <Link to="/apps" className={buttonClass('primary')}>
          Go to the apps
        </Link>
      }
    >
      <p>
        Functions come with the app that serves them. Sync an app, and everything it offers is
        listed here.
      </p>
    </EmptyState>
  );
}
