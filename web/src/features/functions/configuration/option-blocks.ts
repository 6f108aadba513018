/** The options of a function in words, those that were not set left out. */
import { formatDurationShort } from '~/lib/duration';
import type { FunctionOptions } from './queries';

/** A name and its value; code is shown as such. */
export interface OptionRow {
  name: string;
  value: string;
  isCode?: boolean;
  /** Whether nobody set it. */
  isDefault?: boolean;
}

/** One option with its parts. */
export interface OptionBlock {
  title: string;
  /** What the option does, in a sentence. */
  about: string;
  rows: OptionRow[];
}

export interface OptionGroup {
  title: string;
  blocks: OptionBlock[];
}

/** The groups that have anything in them. Retries, concurrency and limits are always there. */
export function optionGroups(fn: FunctionOptions): OptionGroup[] {
  return [
    { title: 'Execution', blocks: execution(fn) },
    { title: 'When runs start', blocks: scheduling(fn) },
    { title: 'How many at a time', blocks: concurrency(fn) },
  ].filter(({ blocks }) => blocks.length > 0);
}

function execution({ configuration, options }: FunctionOptions): OptionBlock[] {
  const { retries, cancellations } = configuration;
  const blocks: OptionBlock[] = [
    {
      title: 'Retries',
      about: 'How often a failed attempt is repeated before the error counts.',
      rows: [
        { name: 'Retries', value: count(retries.value), isDefault: retries.isDefault ?? false },
        { name: 'Attempts in all', value: count(retries.value + 1) },
      ],
    },
  ];
  cancellations.forEach((cancel, index) => {
    blocks.push({
      title: numbered('Cancel on', index, cancellations.length),
      about: 'An event that cancels runs which have not ended.',
      rows: present([
        { name: 'Event', value: cancel.event, isCode: true },
        { name: 'If', value: cancel.condition, isCode: true },
        { name: 'Only within', value: spanInWords(cancel.timeout) },
      ]),
    });
  });
  if (options.startTimeout || options.finishTimeout) {
    blocks.push({
      title: 'Timeouts',
      about: 'Runs that take longer are cancelled.',
      rows: present([
        { name: 'To start', value: spanInWords(options.startTimeout) },
        { name: 'To end', value: spanInWords(options.finishTimeout) },
      ]),
    });
  }
  if (options.idempotency) {
    blocks.push({
      title: 'Idempotency',
      about: 'Events for which this gives the same value start one run in 24 hours.',
      rows: [{ name: 'Key', value: options.idempotency, isCode: true }],
    });
  }
  blocks.push({
    title: 'Limits',
    about: 'A run that goes beyond fails.',
    rows: [
      { name: 'Steps in a run', value: count(options.stepsMax) },
      { name: 'State of a run', value: bytes(options.stateBytesMax) },
    ],
  });
  return blocks;
}

function scheduling({ configuration, options }: FunctionOptions): OptionBlock[] {
  const { rateLimit, debounce, priority, eventsBatch, singleton } = configuration;
  const blocks: OptionBlock[] = [];
  if (rateLimit) {
    blocks.push({
      title: 'Rate limit',
      about: 'Events above the limit start no run.',
      rows: present([
        { name: 'Limit', value: count(rateLimit.limit) },
        { name: 'In', value: spanInWords(rateLimit.period) },
        { name: 'Key', value: rateLimit.key, isCode: true },
      ]),
    });
  }
  if (debounce) {
    blocks.push({
      title: 'Debounce',
      about: 'A run starts once no further event has come for so long, with the last one.',
      rows: present([
        { name: 'Quiet for', value: spanInWords(debounce.period) },
        { name: 'Key', value: debounce.key, isCode: true },
        { name: 'At the latest after', value: spanInWords(options.debounceTimeout) },
      ]),
    });
  }
  if (priority) {
    blocks.push({
      title: 'Priority',
      about: 'Seconds by which a run goes before others of its function.',
      rows: [{ name: 'Expression', value: priority, isCode: true }],
    });
  }
  if (eventsBatch) {
    blocks.push({
      title: 'Batching',
      about: 'One run takes several events.',
      rows: present([
        { name: 'Events at most', value: count(eventsBatch.maxSize) },
        { name: 'Waits for', value: spanInWords(eventsBatch.timeout) },
        { name: 'Key', value: eventsBatch.key, isCode: true },
        { name: 'If', value: options.batchCondition, isCode: true },
      ]),
    });
  }
  if (singleton) {
    blocks.push({
      title: 'Singleton',
      about: 'Only one run at a time.',
      rows: present([
        {
          name: 'Another run',
          value: singleton.mode === 'CANCEL' ? 'cancels the one before' : 'is skipped',
        },
        { name: 'Key', value: singleton.key, isCode: true },
      ]),
    });
  }
  return blocks;
}

const SCOPES = {
  FUNCTION: 'Steps of this function',
  ENVIRONMENT: 'Steps of the environment',
  ACCOUNT: 'Steps of all environments',
} as const;

function concurrency({ configuration, options }: FunctionOptions): OptionBlock[] {
  const limits = configuration.concurrency;
  const blocks = limits.map(
    ({ scope, limit, key }, index): OptionBlock => ({
      title: numbered('Concurrency', index, limits.length),
      about: 'Steps that run at the same time; others wait.',
      rows:
        limit.isPlanLimit || limit.value < 1
          ? [{ name: 'Limit', value: 'None of its own', isDefault: true }]
          : present([
              { name: 'Limit', value: count(limit.value) },
              { name: 'Counts', value: SCOPES[scope] },
              { name: 'Key', value: key, isCode: true },
            ]),
    }),
  );
  if (options.runConcurrency) {
    blocks.push({
      title: 'Runs at the same time',
      about: 'Runs that have started and not ended; others wait.',
      rows: present([
        { name: 'Limit', value: count(options.runConcurrency.limit) },
        { name: 'Key', value: options.runConcurrency.key, isCode: true },
      ]),
    });
  }
  const { throttle } = configuration;
  if (throttle) {
    blocks.push({
      title: 'Throttle',
      about: 'Runs that start within a time; others wait.',
      rows: present([
        { name: 'Limit', value: count(throttle.limit) },
        { name: 'In', value: spanInWords(throttle.period) },
        { name: 'Burst', value: count(throttle.burst) },
        { name: 'Key', value: throttle.key, isCode: true },
      ]),
    });
  }
  return blocks;
}

const UNIT_MS: Record<string, number> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** "30s" as "30 s", "24h0m0s" as "1 d"; what is no length of time stays as it is. */
export function spanInWords(text: string | null | undefined): string | null {
  if (!text) return null;
  if (!/^(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+$/.test(text)) return text;
  let ms = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdw])/g)) {
    ms += Number(number) * (UNIT_MS[unit ?? ''] ?? 0);
  }
  return formatDurationShort(ms);
}

function present(rows: (Omit<OptionRow, 'value'> & { value: string | null })[]): OptionRow[] {
  return rows.flatMap((row) => (row.value ? [{ ...row, value: row.value }] : []));
}

function numbered(title: string, index: number, all: number): string {
  return all > 1 ? `${title} ${index + 1}` : title;
}

const count = (value: number): string => value.toLocaleString();

function bytes(value: number): string {
  const mebibytes = value / 1024 / 1024;
  return mebibytes >= 1 ? `${Math.round(mebibytes * 10) / 10} MiB` : `${count(value)} bytes`;
}
