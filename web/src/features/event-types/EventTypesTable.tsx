import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { cn } from '~/lib/cn';
import { MiniBars } from '~/ui/charts/MiniBars';
import { RelativeTime } from '~/ui/Time';
import { FunctionPills } from './FunctionPills';
import { volumeOf } from './volume';

interface EventTypeRow {
  name: string;
  lastReceivedAt: string;
  volume: readonly number[] | null;
  functions: readonly { id: string; name: string; slug: string }[];
}

const HEAD =
  'sticky top-0 z-10 h-[34px] truncate border-line border-b bg-canvas px-2 text-left font-medium text-ink-soft text-xs first:pl-4 sm:first:pl-5';
const CELL = 'h-10 border-line border-b px-2 py-0 first:pl-4 sm:first:pl-5';

export function EventTypesTable(props: {
  types: readonly EventTypeRow[];
  isOutdated: boolean;
  footer: ReactNode;
}) {
  return (
    <section
      aria-label="Event types"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
      tabIndex={0}
      className="min-h-0 flex-1 overflow-auto bg-surface"
    >
      <table
        aria-label="Event types"
        aria-busy={props.isOutdated || undefined}
        className={cn(
          'w-full min-w-[56rem] table-fixed border-separate border-spacing-0 transition-opacity',
          props.isOutdated && 'opacity-60',
        )}
      >
        <thead>
          <tr>
            <th scope="col" className={HEAD}>
              Name
            </th>
            <th scope="col" className={cn(HEAD, 'w-40')}>
              Last received
            </th>
            <th scope="col" className={cn(HEAD, 'w-80')}>
              Functions
            </th>
            <th scope="col" className={cn(HEAD, 'w-56')}>
              Last 24 hours
            </th>
          </tr>
        </thead>
        <tbody>
          {props.types.map((type) => (
            <tr key={type.name} className="hover:bg-hover">
              <td className={cn(CELL, 'truncate')}>
                <Link
                  to="/event-types/$name"
                  params={{ name: type.name }}
                  title={type.name}
                  className="font-medium hover:underline"
                >
                  {type.name}
                </Link>
              </td>
              <td className={cn(CELL, 'truncate text-ink-soft')}>
                <RelativeTime at={type.lastReceivedAt} />
              </td>
              <td className={CELL}>
                <FunctionPills functions={type.functions} />
              </td>
              <td className={CELL}>
                <VolumeCell name={type.name} hours={type.volume} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {props.footer}
    </section>
  );
}

/** How many came, with a link to them. */
function VolumeCell({ name, hours }: { name: string; hours: readonly number[] | null }) {
  const volume = hours && volumeOf(hours);
  const count = volume ? volume.total.toLocaleString() : 'Many';
  return (
    <span className="flex items-center gap-3">
      <Link
        to="/events"
        search={{ filterEvent: [name] }}
        aria-label={`${count} events named ${name}`}
        className="min-w-14 text-right text-accent tabular-nums hover:underline"
      >
        {count}
      </Link>
      {volume && <MiniBars label={volume.label} stacks={volume.stacks} />}
    </span>
  );
}
