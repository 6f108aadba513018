import { Fragment } from 'react';
import { RelativeTime } from '~/ui/Time';
import { formatCost, isAi } from '../ai';
import type { SpanMetadata } from '../queries';
import { entriesOf, labelOf, shownMetadata } from './metadata';

/** What the app and the server noted about a step, kind by kind. */
export function MetadataView({ metadata }: { metadata: readonly SpanMetadata[] }) {
  return (
    <div className="flex flex-col gap-4">
      {shownMetadata(metadata).map((entry) => (
        <section key={`${entry.scope} ${entry.kind}`} className="min-w-0">
          <div className="mb-1.5 flex flex-wrap items-baseline justify-between gap-x-3">
            <h3 className="font-medium">{labelOf(entry.kind)}</h3>
            <span className="text-ink-faint text-xs">
              <RelativeTime at={entry.updatedAt} />
            </span>
          </div>
          <Values
            entries={entriesOf(entry)}
            formats={isAi(entry) ? { estimated_cost: costText } : {}}
          />
        </section>
      ))}
    </div>
  );
}

/** Names and values in two columns. */
export function Values(props: {
  entries: readonly [string, unknown][];
  formats?: Record<string, (value: unknown) => string>;
}) {
  const { entries, formats = {} } = props;
  return (
    <dl className="grid grid-cols-[fit-content(40%)_minmax(0,1fr)] gap-x-4 gap-y-1 rounded-md border border-line px-3 py-2">
      {entries.map(([name, value]) => (
        <Fragment key={name}>
          <dt className="min-w-0 break-words font-mono text-ink-soft text-xs leading-5">{name}</dt>
          <dd className="max-h-40 min-w-0 overflow-y-auto whitespace-pre-wrap break-words font-mono text-xs leading-5">
            {(formats[name] ?? valueText)(value)}
          </dd>
        </Fragment>
      ))}
    </dl>
  );
}

function costText(value: unknown): string {
  return typeof value === 'number' ? `${formatCost(value)} (estimated)` : valueText(value);
}

function valueText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number')
    return value.toLocaleString(undefined, { maximumFractionDigits: 6 });
  return JSON.stringify(value, null, 2) ?? '';
}
