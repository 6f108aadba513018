import { Pencil } from 'lucide-react';
import { useState } from 'react';
import { graphql } from '~/lib/graphql';
import { useLiveQuery } from '~/lib/queries';
import { Button } from '~/ui/Button';
import { Card } from '~/ui/Card';
import { ErrorNotice } from '~/ui/Notice';
import { Skeleton } from '~/ui/Skeleton';
import { RelativeTime } from '~/ui/Time';
import { KEPT_LABELS, KEPT_NAMES, keptInWords } from './kept';
import { RetentionDialog } from './RetentionDialog';

const RetentionQuery = graphql(`
  query Retention {
    retention {
      kept { events runs journals rollups operations }
      own { events runs journals rollups operations }
      server { events runs journals rollups operations }
      lastPass { beganAt deleted { table rows } }
    }
  }
`);

/** A pass begins by itself, at the latest every hour. */
const POLL_MS = 60_000;

/** How long what is kept, and what was deleted because of its age. */
export function RetentionCard() {
  const { data, error, refetch } = useLiveQuery(RetentionQuery, {}, { everyMs: POLL_MS });
  const [isEditing, setEditing] = useState(false);
  return (
    <Card
      title="Retention"
      actions={
        data && (
          <Button size="small" icon={<Pencil />} onClick={() => setEditing(true)}>
            Change
          </Button>
        )
      }
    >
      {error && !data && (
        <div className="p-3">
          <ErrorNotice
            title="Retention could not be loaded"
            error={error}
            onRetry={() => void refetch()}
          />
        </div>
      )}
      {!data && !error && <Skeleton lines={4} />}
      {data && (
        <>
          <dl className="grid grid-cols-1 gap-x-6 gap-y-3 px-4 py-3 sm:grid-cols-2 xl:grid-cols-3">
            {KEPT_NAMES.map((name) => (
              <div key={name} className="min-w-0">
                <dt className="text-ink-faint text-xs">{KEPT_LABELS[name].title}</dt>
                <dd className="mt-0.5">
                  {keptInWords(data.retention.kept[name])}
                  <span className="block text-ink-soft text-xs">
                    {KEPT_LABELS[name].about}
                    {data.retention.own[name] !== null &&
                      ` The server says ${keptInWords(data.retention.server[name])}.`}
                  </span>
                </dd>
              </div>
            ))}
          </dl>
          <LastPass pass={data.retention.lastPass} />
          {isEditing && (
            <RetentionDialog
              retention={data.retention}
              onClose={() => setEditing(false)}
              onSaved={() => void refetch()}
            />
          )}
        </>
      )}
    </Card>
  );
}

interface Pass {
  beganAt: string;
  deleted: readonly { table: string; rows: number }[];
}

function LastPass({ pass }: { pass: Pass | null }) {
  if (!pass) {
    return (
      <p className="border-line border-t px-4 py-2 text-ink-soft">
        Nothing was deleted because of its age yet.
      </p>
    );
  }
  const filled = pass.deleted.filter(({ rows }) => rows > 0);
  return (
    <p className="border-line border-t px-4 py-2 text-ink-soft">
      Last deleted <RelativeTime at={pass.beganAt} />:{' '}
      {filled.map(({ table, rows }) => `${rows.toLocaleString()} ${table}`).join(', ') || 'nothing'}
      .
    </p>
  );
}
