import { formatDurationShort } from '~/lib/duration';
import { Card } from '~/ui/Card';
import { Time } from '~/ui/Time';
import { type Column, PlainTable } from './PlainTable';

interface SlowWork {
  kind: string;
  what: string;
  at: string;
  durationMs: number;
}

const KINDS: Readonly<Record<string, string>> = {
  commit: 'Commit',
  retention: 'Deleting what is old',
  question: 'Question of the API',
};

const COLUMNS: readonly Column<SlowWork>[] = [
  { title: 'Work', cell: ({ kind }) => KINDS[kind] ?? kind },
  { title: 'What', cell: ({ what }) => <code className="font-mono text-[0.8125rem]">{what}</code> },
  { title: 'Took', cell: ({ durationMs }) => formatDurationShort(durationMs) },
  { title: 'Began', cell: ({ at }) => <Time at={at} isShort /> },
];

/** What the server itself took long for since it started. */
export function SlowWorkCard({ work }: { work: readonly SlowWork[] }) {
  return (
    <Card title="Slow work">
      {work.length === 0 ? (
        <p className="px-4 py-3 text-ink-soft">
          Nothing: no commit took more than 100 ms and no question more than 250 ms since the server
          started.
        </p>
      ) : (
        <PlainTable
          label="Slow work"
          columns={COLUMNS}
          rows={work}
          rowKey={(each) => `${each.kind} ${each.what} ${each.at} ${each.durationMs}`}
        />
      )}
    </Card>
  );
}
