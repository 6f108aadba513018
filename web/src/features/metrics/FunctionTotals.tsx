import { Link } from '@tanstack/react-router';
import { cn } from '~/lib/cn';
import { Card } from '~/ui/Card';
import type { MetricsSearch } from './metrics-search';
import { failureRate, formatRate } from './numbers';

interface FunctionTotalsProps {
  title: string;
  empty: string;
  totals: readonly {
    ended: number;
    failed: number;
    function: { id: string; slug: string; name: string };
  }[];
  search: MetricsSearch;
  /** Whether the links lead to failed runs only. */
  isOfFailed?: boolean;
}

const ROWS_MAX = 6;
const HEAD = 'px-3 py-1.5 font-normal';

/** A few functions with what their runs came to. */
export function FunctionTotals({ title, empty, totals, search, isOfFailed }: FunctionTotalsProps) {
  const { last, start, end } = search;
  return (
    <Card title={title}>
      {totals.length === 0 ? (
        <p className="p-4 text-ink-soft">{empty}</p>
      ) : (
        <table className="w-full table-fixed">
          <thead className="text-ink-faint text-xs">
            <tr>
              <th scope="col" className={cn(HEAD, 'pl-4 text-left')}>
                Function
              </th>
              <th scope="col" className={cn(HEAD, 'w-20 text-right')}>
                Runs
              </th>
              <th scope="col" className={cn(HEAD, 'w-20 text-right')}>
                Failed
              </th>
              <th scope="col" className={cn(HEAD, 'w-20 pr-4 text-right')}>
                Rate
              </th>
            </tr>
          </thead>
          <tbody className="tabular-nums">
            {totals.slice(0, ROWS_MAX).map(({ ended, failed, function: fn }) => (
              <tr key={fn.id} className="relative h-9 border-line border-t hover:bg-hover">
                <td className="truncate pr-3 pl-4">
                  <Link
                    to="/functions/$slug/runs"
                    params={{ slug: fn.slug }}
                    search={{
                      last,
                      start,
                      end,
                      ...(isOfFailed ? { filterStatus: ['FAILED' as const] } : {}),
                    }}
                    title={fn.slug}
                    className="after:absolute after:inset-0"
                  >
                    {fn.name}
                  </Link>
                </td>
                <td className="px-3 text-right">{ended.toLocaleString()}</td>
                <td className={cn('px-3 text-right', failed > 0 && 'text-bad-ink')}>
                  {failed.toLocaleString()}
                </td>
                <td className="pr-4 pl-3 text-right text-ink-soft">
                  {formatRate(failureRate(ended, failed))}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}
