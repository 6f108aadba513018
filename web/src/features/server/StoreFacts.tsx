import { formatBytes } from '~/lib/bytes';
import { Card, Fact, Facts } from '~/ui/Card';
import { Id } from '~/ui/Copy';
import { Notice } from '~/ui/Notice';

interface StoreFactsProps {
  server: {
    store: string;
    databasePath: string | null;
    databaseBytes: number | null;
    walBytes: number | null;
    commits: {
      count: number;
      p50Ms: number | null;
      p99Ms: number | null;
      transitionsPerCommit: number | null;
    };
  };
}

const STORES: Readonly<Record<string, string>> = {
  sqlite: 'SQLite',
  memory: 'SQLite, in memory',
  postgres: 'PostgreSQL',
};

/** Where the data is, how large, and how fast it is written. */
export function StoreFacts({ server }: StoreFactsProps) {
  const { commits } = server;
  return (
    <Card title="Store">
      <div className="flex flex-col gap-3 px-4 py-3">
        {server.store === 'memory' && (
          <Notice severity="warning" title="Everything is in memory">
            <p>When the server stops, all events and runs are gone.</p>
          </Notice>
        )}
        <Facts>
          <Fact name="Kind">{STORES[server.store] ?? server.store}</Fact>
          {server.databaseBytes !== null && (
            <Fact name="Database">{formatBytes(server.databaseBytes)}</Fact>
          )}
          {server.walBytes !== null && (
            <Fact name="Write-ahead log">
              <span title="What has not been written back to the database file yet">
                {formatBytes(server.walBytes)}
              </span>
            </Fact>
          )}
          <Fact name="Commits since the start">{commits.count.toLocaleString()}</Fact>
          <Fact name="Commit, half within">{milliseconds(commits.p50Ms)}</Fact>
          <Fact name="Commit, 99% within">{milliseconds(commits.p99Ms)}</Fact>
          <Fact name="Transitions per commit">{commits.transitionsPerCommit ?? '–'}</Fact>
        </Facts>
        {server.databasePath !== null && (
          <div>
            <p className="text-ink-faint text-xs">
              {server.store === 'postgres' ? 'Database' : 'Database file'}
            </p>
            <Id id={server.databasePath} className="max-w-full" />
          </div>
        )}
      </div>
    </Card>
  );
}

function milliseconds(ms: number | null): string {
  if (ms === null) return '–';
  if (ms < 0.1) return 'under 0.1 ms';
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}
