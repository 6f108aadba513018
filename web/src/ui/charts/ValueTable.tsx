import { bucketLabel } from './axes';
import type { DrawnSeries } from './Plot';

interface ValueTableProps {
  title: string;
  firstMs: number;
  bucketMs: number;
  count: number;
  series: readonly DrawnSeries[];
  format: (value: number) => string;
}

/** The numbers of a chart, newest first. */
export function ValueTable(props: ValueTableProps) {
  const { title, firstMs, bucketMs, count, series, format } = props;
  const places = Array.from({ length: count }, (_, index) => count - 1 - index);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a scrolling region, not a section of the page
    <div
      role="region"
      aria-label={`${title}: values`}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      className="max-h-44 overflow-auto border-line border-t"
    >
      <table className="w-full text-xs">
        <caption className="sr-only">{title}</caption>
        <thead className="sticky top-0 bg-surface text-ink-faint">
          <tr>
            <th scope="col" className="px-3 py-1 text-left font-normal">
              Time
            </th>
            {series.map(({ name, title: heading }) => (
              <th key={name} scope="col" className="px-3 py-1 text-right font-normal">
                {heading}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="tabular-nums">
          {places.map((index) => (
            <tr key={index} className="border-line border-t">
              <th scope="row" className="whitespace-nowrap px-3 py-1 text-left font-normal">
                {bucketLabel(firstMs + index * bucketMs, bucketMs)}
              </th>
              {series.map(({ name, values }) => {
                const value = values[index] ?? Number.NaN;
                return (
                  <td key={name} className="px-3 py-1 text-right">
                    {Number.isNaN(value) ? '–' : format(value)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
