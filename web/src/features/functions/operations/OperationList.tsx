import { LoaderCircle, Trash2 } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { IconButton } from '~/ui/Button';
import { Confirm } from '~/ui/Dialog';
import { Badge } from '~/ui/Status';
import { Duration, RelativeTime } from '~/ui/Time';

export interface OperationRow {
  id: string;
  name: string;
  isUnderWay: boolean;
  createdAt: string;
  endedAt: string | null;
  /** Which runs are meant. */
  about: ReactNode;
  /** How far it is. */
  progress: string;
}

interface OperationListProps {
  /** What the list is of, for screen readers. */
  label: string;
  rows: readonly OperationRow[];
  /** What the question and the button say. */
  deletion: { title: string; remark: (row: OperationRow) => string };
  onDelete: (id: string) => Promise<void>;
}

/** Replays or cancellations, newest first, with how far they are. */
export function OperationList({ label, rows, deletion, onDelete }: OperationListProps) {
  const [deleted, setDeleted] = useState<OperationRow | null>(null);
  return (
    <>
      <ul aria-label={label} className="rounded-lg border border-line bg-surface">
        {rows.map((row) => (
          <li
            key={row.id}
            className="flex items-start gap-4 border-line px-4 py-3 not-first:border-t"
          >
            <div className="min-w-0 flex-1">
              <p className="flex min-w-0 flex-wrap items-center gap-2">
                <span className="min-w-0 truncate font-medium" title={row.name}>
                  {row.name}
                </span>
                <Badge tone={row.isUnderWay ? 'busy' : 'good'}>
                  {row.isUnderWay && <LoaderCircle className="size-3 animate-spin" aria-hidden />}
                  {row.isUnderWay ? 'Under way' : 'Finished'}
                </Badge>
              </p>
              <div className="mt-1 text-ink-soft">{row.about}</div>
              <p className="mt-1 tabular-nums">{row.progress}</p>
            </div>
            <div className="hidden shrink-0 text-right text-ink-soft text-xs sm:block">
              <p>
                <RelativeTime at={row.createdAt} />
              </p>
              <p>
                {row.isUnderWay ? 'for ' : 'took '}
                <Duration from={row.createdAt} to={row.endedAt} isShort />
              </p>
            </div>
            <IconButton
              label={`Delete ${row.name}`}
              icon={<Trash2 />}
              onClick={() => setDeleted(row)}
            />
          </li>
        ))}
      </ul>
      <Confirm
        title={deletion.title}
        isOpen={deleted !== null}
        onClose={() => setDeleted(null)}
        confirm="Delete"
        isDangerous
        onConfirm={async () => {
          if (deleted) await onDelete(deleted.id);
        }}
      >
        <p>{deleted && deletion.remark(deleted)}</p>
      </Confirm>
    </>
  );
}
