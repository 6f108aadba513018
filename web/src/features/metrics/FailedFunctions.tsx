import { useQueries } from '@tanstack/react-query';
import type { TimeRange } from '~/features/filters/time-range';
import { type ChartSeries, TimeChart } from '~/ui/charts/TimeChart';
import { Skeleton } from '~/ui/Skeleton';
import { type Numbers, valuesOf } from './numbers';
import { numbersQuery } from './useNumbers';

/** As many lines as can be told apart. */
const LINES_MAX = 5;
const FAILED = ['runs_failed'];

interface FailedFunctionsProps {
  /** Functions with failed runs, the worst first. */
  worst: readonly { function: { slug: string; name: string } }[];
  range: TimeRange;
  everyMs: number | false;
  group: string;
}

/** Failed runs over time of the functions that have the most. */
export function FailedFunctions({ worst, range, everyMs, group }: FailedFunctionsProps) {
  const functions = worst.slice(0, LINES_MAX).map((total) => total.function);
  // What is combined stays the same object while it says the same: the chart is not drawn anew.
  const drawn = useQueries({
    queries: functions.map(({ slug }) =>
      numbersQuery({ slugs: [slug], range, everyMs, series: FAILED }),
    ),
    combine: (answers) =>
      drawnOf(
        functions,
        answers.map(({ data }) => data?.charts),
      ),
  });
  if (functions.length === 0) return <Nothing />;
  if (!drawn) return <Skeleton lines={4} />;
  return (
    <TimeChart
      title="Failed runs by function"
      about={`The ${LINES_MAX} functions with the most failed runs in the range.`}
      kind="bars"
      buckets={drawn.buckets}
      bucketMs={drawn.bucketMs}
      series={drawn.series}
      group={group}
    />
  );
}

function Nothing() {
  return (
    <div className="flex min-h-56 items-center justify-center rounded-lg border border-line bg-surface text-ink-soft">
      No run failed in this range.
    </div>
  );
}

interface Drawn {
  buckets: readonly string[];
  bucketMs: number;
  series: ChartSeries[];
}

/** A line for each function whose answer is there and has the same buckets as the others. */
function drawnOf(
  functions: readonly { slug: string; name: string }[],
  answers: readonly (Numbers | undefined)[],
): Drawn | null {
  const first = answers.find((answer) => answer !== undefined);
  if (!first) return null;
  const series = functions.flatMap(({ slug, name }, index) => {
    const answer = answers[index];
    if (!answer || answer.buckets[0] !== first.buckets[0]) return [];
    return [{ name: slug, title: name, values: valuesOf(answer, 'runs_failed') }];
  });
  return { buckets: first.buckets, bucketMs: first.bucketMs, series };
}
