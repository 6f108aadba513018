import { RefreshCw } from 'lucide-react';
import { AppFilter } from '~/features/filters/AppFilter';
import { FunctionFilter, useFunctionNames } from '~/features/filters/FunctionFilter';
import { TimeRangePicker } from '~/features/filters/TimeRangePicker';
import { timeRangeOf, timeSearchOf } from '~/features/filters/time-range';
import { cn } from '~/lib/cn';
import { IconButton } from '~/ui/Button';
import { Switch } from '~/ui/Field';
import { ErrorNotice } from '~/ui/Notice';
import { Page } from '~/ui/Page';
import { Skeleton } from '~/ui/Skeleton';
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
  STEP_THROUGHPUT,
  STEPS_RUNNING,
} from './definitions';
import { FailedFunctions } from './FailedFunctions';
import { FunctionTotals } from './FunctionTotals';
import type { MetricsSearch } from './metrics-search';
import { NumbersChart } from './NumbersChart';
import { RunShares } from './RunShares';
import { Section } from './Section';
import { REFRESH_MS, useNumbers, useTotals, type Whose } from './useNumbers';

const VOLUME = [RUN_THROUGHPUT, STEP_THROUGHPUT, SDK_REQUESTS, BACKLOG, STEPS_RUNNING, HELD_BACK];
const LATENCY = [CALL_LATENCY, STEP_LATENCY, CALL_DELAY];
const SERIES = needsOf([RUNS_BY_STATUS, ...VOLUME, ...LATENCY]);
const GROUP = 'metrics';
/** Counts are kept by the minute. */
const SHORTEST_MS = 600_000;
const GRID = 'grid grid-cols-1 items-start gap-4 xl:grid-cols-2';

interface MetricsPageProps {
  search: MetricsSearch;
  onSearch: (search: MetricsSearch) => void;
}

/** How everything, or a part of it, has been doing. */
export function MetricsPage({ search, onSearch }: MetricsPageProps) {
  const range = timeRangeOf(search);
  const isOpenEnded = range.kind === 'last' || range.end === null;
  const everyMs = isOpenEnded && search.autoRefresh !== 'false' && REFRESH_MS;
  const { whose, isKnown } = useWhose(search);
  const asked = { ...whose, range, everyMs, isEnabled: isKnown };
  const numbers = useNumbers({ ...asked, series: SERIES });
  const totals = useTotals(asked);
  const refresh = () => {
    void numbers.refetch();
    void totals.refetch();
  };
  const error = numbers.error ?? totals.error;
  const charts = (definitions: typeof VOLUME) =>
    numbers.data &&
    definitions.map((definition) => (
      <NumbersChart
        key={definition.title}
        definition={definition}
        numbers={numbers.data}
        group={GROUP}
      />
    ));
  return (
    <Page title="Metrics" isPadded={false}>
      <div className="flex flex-wrap items-center gap-2 border-line border-b bg-surface px-4 py-2 sm:px-5">
        <TimeRangePicker
          range={range}
          minimumMs={SHORTEST_MS}
          onChange={(chosen) => onSearch({ ...search, ...timeSearchOf(chosen) })}
        />
        <AppFilter
          values={search.filterApp ?? []}
          onChange={(apps) => onSearch({ ...search, filterApp: apps.length ? apps : undefined })}
        />
        <FunctionFilter
          values={search.fns ?? []}
          onChange={(fns) => onSearch({ ...search, fns: fns.length ? fns : undefined })}
        />
        <span className="flex-1" />
        {isOpenEnded && (
          <Switch
            label="Keep current"
            isOn={search.autoRefresh !== 'false'}
            onChange={(isOn) => onSearch({ ...search, autoRefresh: isOn ? undefined : 'false' })}
          />
        )}
        <IconButton
          label="Refresh"
          icon={<RefreshCw className={cn(numbers.isFetching && 'animate-spin')} />}
          onClick={refresh}
        />
      </div>
      <div className="min-h-0 flex-1 overflow-y-auto p-4 sm:p-5">
        <div
          className={cn(
            'mx-auto flex max-w-[100rem] flex-col gap-6',
            numbers.isPlaceholderData && 'opacity-60',
          )}
        >
          {error && (
            <ErrorNotice title="The metrics could not be loaded" error={error} onRetry={refresh} />
          )}
          {!numbers.data && !error && <Skeleton lines={10} />}
          {numbers.data && (
            <>
              <Section name="overview" title="Overview">
                <div className={GRID}>
                  <RunShares numbers={numbers.data} />
                  {charts([RUNS_BY_STATUS])}
                  {totals.data && (
                    <>
                      <FailedFunctions
                        worst={totals.data.worst}
                        range={range}
                        everyMs={everyMs}
                        group={GROUP}
                      />
                      <div className="flex min-w-0 flex-col gap-4">
                        <FunctionTotals
                          title="Most failed runs"
                          empty="No run failed in this range."
                          totals={totals.data.worst}
                          search={search}
                          isOfFailed
                        />
                        <FunctionTotals
                          title="Most runs"
                          empty="No run ended in this range."
                          totals={totals.data.busiest}
                          search={search}
                        />
                      </div>
                    </>
                  )}
                </div>
              </Section>
              <Section name="volume" title="Volume">
                <div className={GRID}>{charts(VOLUME)}</div>
              </Section>
              <Section name="latency" title="Latency">
                <div className={GRID}>{charts(LATENCY)}</div>
              </Section>
            </>
          )}
        </div>
      </div>
    </Page>
  );
}

/** Whose numbers are asked for; functions are chosen by id, and asked for by slug. */
function useWhose({ filterApp, fns }: MetricsSearch): { whose: Whose; isKnown: boolean } {
  const names = useFunctionNames();
  if (!fns) return { whose: { appIds: filterApp }, isKnown: true };
  const slugs = names.functions.filter(({ id }) => fns.includes(id)).map(({ slug }) => slug);
  return { whose: { appIds: filterApp, slugs }, isKnown: names.isKnown };
}
