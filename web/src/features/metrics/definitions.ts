/** The charts there are: what each is called, what it needs and which lines it draws. */
import { formatDurationShort } from '~/lib/duration';
import type { ChartSeries } from '~/ui/charts/TimeChart';
import { percentiles } from './latency';
import { latenciesOf, type Numbers, sumOf, valuesOf } from './numbers';

export interface ChartDefinition {
  title: string;
  about: string;
  kind: 'bars' | 'lines' | 'areas';
  /** Names of what has to be asked for. */
  needs: readonly string[];
  series: (numbers: Numbers) => ChartSeries[];
  shaded?: (numbers: Numbers) => { title: string; isShaded: boolean[] };
  format?: (value: number) => string;
}

/** A line that shows a series of the server as it is. */
function plain(numbers: Numbers, name: string, title: string, color?: string): ChartSeries {
  return { name, title, values: valuesOf(numbers, name), ...(color ? { color } : {}) };
}

/** Leaves out series that are often empty and say little then; the first `kept` always stay. */
function withoutEmpty(series: ChartSeries[], kept: number): ChartSeries[] {
  return series.filter(({ values }, index) => index < kept || values.some((value) => value > 0));
}

const ENDED_RUNS = ['runs_completed', 'runs_failed', 'runs_cancelled'] as const;

export const RUNS_BY_STATUS: ChartDefinition = {
  title: 'Runs by status',
  about: 'Runs, when they ended, by how they ended.',
  kind: 'bars',
  needs: [...ENDED_RUNS, 'runs_skipped'],
  series: (numbers) =>
    withoutEmpty(
      [
        plain(numbers, 'runs_completed', 'Completed', 'var(--good-solid)'),
        plain(numbers, 'runs_failed', 'Failed', 'var(--bad-solid)'),
        plain(numbers, 'runs_cancelled', 'Cancelled', 'var(--calm-solid)'),
        plain(numbers, 'runs_skipped', 'Skipped', 'var(--waiting-solid)'),
      ],
      3,
    ),
};

export const RUN_THROUGHPUT: ChartDefinition = {
  title: 'Run throughput',
  about: 'Runs that were queued, that made their first call, and that ended.',
  kind: 'lines',
  needs: ['runs_scheduled', 'runs_started', ...ENDED_RUNS],
  series: (numbers) => [
    plain(numbers, 'runs_scheduled', 'Queued', 'var(--queued-solid)'),
    plain(numbers, 'runs_started', 'Started', 'var(--busy-solid)'),
    {
      name: 'runs_ended',
      title: 'Ended',
      values: sumOf(numbers, ...ENDED_RUNS),
      color: 'var(--chart-1)',
    },
  ],
};

export const STEP_THROUGHPUT: ChartDefinition = {
  title: 'Step throughput',
  about: 'Steps of any kind, when they got their result, and attempts that failed.',
  kind: 'bars',
  needs: ['steps_completed', 'steps_errored', 'steps_failed'],
  series: (numbers) => [
    plain(numbers, 'steps_completed', 'Completed', 'var(--good-solid)'),
    plain(numbers, 'steps_errored', 'Failed, tried again', 'var(--waiting-solid)'),
    plain(numbers, 'steps_failed', 'Failed', 'var(--bad-solid)'),
  ],
};

export const STEPS_RUNNING: ChartDefinition = {
  title: 'Steps running',
  about:
    'Calls to the app under way at the end of each slot. Where the background is coloured, calls had to wait for a limit on concurrency.',
  kind: 'areas',
  needs: ['running', 'calls_limited'],
  series: (numbers) => [plain(numbers, 'running', 'Running', 'var(--busy-solid)')],
  shaded: (numbers) => ({
    title: 'Concurrency limit reached',
    isShaded: valuesOf(numbers, 'calls_limited').map((count) => count > 0),
  }),
};

export const BACKLOG: ChartDefinition = {
  title: 'Backlog',
  about:
    'What had not gone on by the end of each slot: queued calls, sleeping steps, and steps that wait.',
  kind: 'lines',
  needs: ['backlog', 'sleeping', 'waiting', 'invoking'],
  series: (numbers) =>
    withoutEmpty(
      [
        plain(numbers, 'backlog', 'Queued', 'var(--queued-solid)'),
        plain(numbers, 'sleeping', 'Sleeping', 'var(--waiting-solid)'),
        plain(numbers, 'waiting', 'Waiting for an event', 'var(--chart-1)'),
        plain(numbers, 'invoking', 'Waiting for a function', 'var(--chart-5)'),
      ],
      2,
    ),
};

export const SDK_REQUESTS: ChartDefinition = {
  title: 'SDK requests',
  about: 'Calls to the app, when they were answered, by how they ended.',
  kind: 'bars',
  needs: ['calls_succeeded', 'calls_errored', 'calls_failed'],
  series: (numbers) => [
    plain(numbers, 'calls_succeeded', 'Answered', 'var(--good-solid)'),
    plain(numbers, 'calls_errored', 'Failed, may be repeated', 'var(--waiting-solid)'),
    plain(numbers, 'calls_failed', 'Failed for good', 'var(--bad-solid)'),
  ],
};

export const HELD_BACK: ChartDefinition = {
  title: 'Rate limited and held back',
  about:
    'Events that started no run because of a rate limit, a debounce or a repeated id, and runs that waited for a throttle.',
  kind: 'bars',
  needs: ['events_rate_limited', 'events_debounced', 'events_duplicate', 'runs_throttled'],
  series: (numbers) =>
    withoutEmpty(
      [
        plain(numbers, 'events_rate_limited', 'Rate limited', 'var(--waiting-solid)'),
        plain(numbers, 'runs_throttled', 'Throttled', 'var(--queued-solid)'),
        plain(numbers, 'events_debounced', 'Debounced', 'var(--busy-solid)'),
        plain(numbers, 'events_duplicate', 'Repeated', 'var(--calm-solid)'),
      ],
      1,
    ),
};

export const STEP_LATENCY = latency(
  'Step duration',
  'How long attempts of steps took, as far as the SDK measures them.',
  'step_duration',
);
export const CALL_LATENCY = latency(
  'SDK request duration',
  'From sending a call to the app to its answer.',
  'call_duration',
);
export const CALL_DELAY = latency(
  'Delay in the queue',
  'From the moment a call could have been sent to that in which it was.',
  'call_delay',
);

function latency(title: string, about: string, name: string): ChartDefinition {
  return {
    title,
    about: `${about} Half took no longer than the median; 95 and 99 of 100 no longer than the others.`,
    kind: 'lines',
    needs: [name],
    series: (numbers) => {
      const latencies = latenciesOf(numbers, name);
      return [
        {
          name: 'p50',
          title: 'Median',
          values: percentiles(latencies, 0.5),
          color: 'var(--chart-1)',
        },
        {
          name: 'p95',
          title: '95%',
          values: percentiles(latencies, 0.95),
          color: 'var(--chart-4)',
        },
        {
          name: 'p99',
          title: '99%',
          values: percentiles(latencies, 0.99),
          color: 'var(--chart-5)',
        },
      ];
    },
    format: formatDurationShort,
  };
}

/** Everything that some charts need, each once. */
export function needsOf(definitions: readonly ChartDefinition[]): string[] {
  return [...new Set(definitions.flatMap(({ needs }) => needs))];
}
