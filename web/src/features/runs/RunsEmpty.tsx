import { Link } from '@tanstack/react-router';
import { Activity } from 'lucide-react';
import { LookLonger, NoMatch } from '~/features/lists/NoMatch';
import { useShell } from '~/features/shell/queries';
import { buttonClass } from '~/ui/Button';
import { EmptyState } from '~/ui/Notice';
import { isFiltered, type RunsSearch } from './run-search';
import type { RunsScope } from './run-source';

interface RunsEmptyProps {
  search: RunsSearch;
  scope: RunsScope;
  onSearch: (search: RunsSearch) => void;
}

/** No run to show: because of the filters, because of the range, or because none has been yet. */
export function RunsEmpty({ search, scope, onSearch }: RunsEmptyProps) {
  const shell = useShell();
  const hasApps = shell.data === undefined || shell.data.server.appCount > 0;
  const longer = <LookLonger search={search} onSearch={onSearch} />;
  if (isFiltered(search)) {
    const { last, start, end, timeField } = search;
    return (
      <NoMatch
        what="run"
        onClear={() => onSearch({ last, start, end, timeField })}
        longer={longer}
      />
    );
  }
  if (!hasApps) {
    return (
      <EmptyState
        icon={<Activity />}
        title="No runs yet"
        actions={
          <Link to="/apps" className={buttonClass('primary')}>
            Connect an app
          </Link>
        }
      >
        <p>Runs appear here as soon as an app with functions is connected and an event arrives.</p>
      </EmptyState>
    );
  }
  return (
    <EmptyState
      icon={<Activity />}
      title="No runs in this range"
      actions={
        <>
          {longer}
          {scope === 'env' && (
            <Link to="/events" search={{ send: true }} className={buttonClass('primary')}>
              Send an event
            </Link>
          )}
        </>
      }
    >
      <p>
        {scope === 'env'
          ? 'Send an event that a function listens to, and its run appears here.'
          : 'The function has not been started within it. New runs appear here by themselves.'}
      </p>
    </EmptyState>
  );
}
