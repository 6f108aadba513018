import { TimeRangePicker } from '~/features/filters/TimeRangePicker';
import { type TimeSearch, timeRangeOf, timeSearchOf } from '~/features/filters/time-range';
import {
  BACKLOG,
  CALL_DELAY,
  CALL_LATENCY,
  HELD_BACK,
  needsOf,
  RUN_THROUGHPUT,
  RUNS_BY_STATUS,
  SDK_REQUESTS,
  STEP_LATENCY,
  STEPS_RUNNING,
} from '~/features/metrics/definitions';
import { NumbersChart } from '~/features/metrics/NumbersChart';
import { REFRESH_MS, useNumbers } from '~/features/metrics/useNumbers';
import { cn } from '~/lib/cn';
import { ErrorNotice } from '~/ui/Notice';
import { Skeleton } from '~/ui/Skeleton';
import { TabBody } from '../FunctionPage';
import { useFunction } from '../queries';
import { FailedRuns } from './FailedRuns';
import { Headline } from './Headline';
import { QueueNow } from './QueueNow';

const CHARTS = [
  RUNS_BY_STATUS,
  RUN_THROUGHPUT,
  STEPS_RUNNING,
  BACKLOG,
  STEP_LATENCY,
  CALL_LATENCY,
  SDK_REQUESTS,
  CALL_DELAY,
  HELD_BACK,
];
const SERIES = needsOf(CHARTS);
/** Counts are kept by the minute. */
const SHORTEST_MS = 600_000;

interface DashboardTabProps {
  slug: string;
  search: TimeSearch;
  onSearch: (search: TimeSearch) => void;
}

/** How a function has been doing, what is queued for it, and what failed last. */
export function DashboardTab({ slug, search, onSearch }: DashboardTabProps) {
  const { fn } = useFunction(slug);
  const range = timeRangeOf(search);
  const isOpenEnded = range.kind === 'last' || range.end === null;
  const { data, error, isPlaceholderData, refetch } = useNumbers({
    range,
    slugs: [slug],
    series: SERIES,
    everyMs: isOpenEnded && REFRESH_MS,
  });
  return (
    <TabBody>
      <div className="mx-auto flex max-w-[100rem] flex-col gap-4">
        <div className="flex flex-wrap items-center gap-x-8 gap-y-3">
          <TimeRangePicker
            range={range}
            minimumMs={SHORTEST_MS}
            onChange={(chosen) => onSearch(timeSearchOf(chosen))}
          />
          {data && <Headline numbers={data} />}
        </div>
        {error && (
          <ErrorNotice
            title="The charts could not be loaded"
            error={error}
            onRetry={() => void refetch()}
          />
        )}
        {fn && (
          <div className="grid grid-cols-1 items-start gap-4 xl:grid-cols-2">
            <QueueNow slug={slug} functionId={fn.id} />
            <FailedRuns slug={slug} functionId={fn.id} search={search} />
          </div>
        )}
        {!data && !error && <Skeleton lines={6} />}
        {data && (
          <div
            className={cn(
              'grid grid-cols-1 gap-4 xl:grid-cols-2',
              isPlaceholderData && 'opacity-60',
            )}
          >
            {CHARTS.map((definition) => (
              <NumbersChart
                key={definition.title}
                definition={definition}
                numbers={data}
                group={`function ${slug}`}
              />
            ))}
          </div>
        )}
      </div>
    </TabBody>
  );
}
