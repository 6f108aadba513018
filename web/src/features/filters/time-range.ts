/** The stretch of time a page shows: the last so-and-so long, or from one instant to another. */
import { durationInWords, durationMs } from '~/lib/duration';
import * as parameter from '~/lib/search-params';
import { formatTimeShort } from '~/lib/time';

export type TimeRange =
  | { kind: 'last'; duration: string }
  | {
      kind: 'between';
      /** RFC 3339. */
      start: string;
      /** RFC 3339; null goes on until now. */
      end: string | null;
    };

/** A time range in the address. `last` goes before `start` and `end`. */
export interface TimeSearch {
  last?: string | undefined;
  start?: string | undefined;
  end?: string | undefined;
}

export const DEFAULT_LAST = '1d';

/** What is offered, shortest first. */
export const PRESETS = ['30s', '1m', '10m', '30m', '1h', '12h', '1d', '3d', '7d', '30d'] as const;

/** The parameters of a time range, for `validateSearch`; what makes no sense is left out. */
export function validTimeSearch(raw: Record<string, unknown>): TimeSearch {
  const last = parameter.duration(raw.last);
  if (last) return { last };
  const start = parameter.instant(raw.start);
  const end = parameter.instant(raw.end);
  if (!start) return {};
  return end && end > start ? { start, end } : { start };
}

/** The range that the parameters mean. */
export function timeRangeOf(search: TimeSearch, defaultLast: string = DEFAULT_LAST): TimeRange {
  if (search.last) return { kind: 'last', duration: search.last };
  if (search.start) return { kind: 'between', start: search.start, end: search.end ?? null };
  return { kind: 'last', duration: defaultLast };
}

/** The parameters that mean the range; all three are there, so that they replace those before. */
export function timeSearchOf(
  range: TimeRange,
  defaultLast: string = DEFAULT_LAST,
): { [Name in keyof Required<TimeSearch>]: string | undefined } {
  if (range.kind === 'between') {
    return { last: undefined, start: range.start, end: range.end ?? undefined };
  }
  const isDefault = range.duration === defaultLast;
  return { last: isDefault ? undefined : range.duration, start: undefined, end: undefined };
}

/** Where the range begins and ends, RFC 3339. `until` is null for a range that goes on until now. */
export function boundsOf(
  range: TimeRange,
  now: number = Date.now(),
): { from: string; until: string | null } {
  if (range.kind === 'between') return { from: range.start, until: range.end };
  // Nothing is older than the epoch, however long the range.
  const from = Math.max(0, now - durationMs(range.duration));
  return { from: new Date(from).toISOString(), until: null };
}

/** How long the range is, in milliseconds. */
export function lengthOf(range: TimeRange, now: number = Date.now()): number {
  const { from, until } = boundsOf(range, now);
  return (until === null ? now : new Date(until).getTime()) - new Date(from).getTime();
}

/** The range in words: "Last 1 day", "Nov 20, 9:00:00 AM – now". */
export function rangeInWords(range: TimeRange, now: number = Date.now()): string {
  if (range.kind === 'last') return `Last ${durationInWords(range.duration)}`;
  const end = range.end === null ? 'now' : formatTimeShort(range.end, now);
  return `${formatTimeShort(range.start, now)} – ${end}`;
}

/** A length of time as people type it ("90s", "2 h", "1 day"): "90s", "2h", "1d"; null if it is none. */
export function typedDuration(text: string): string | null {
  const [, count, word] = /^\s*(\d+)\s*([a-zA-Z]+)\s*$/.exec(text) ?? [];
  const unit = word && (UNITS[word] ?? UNITS[word.toLowerCase()]);
  return unit ? (parameter.duration(`${Number(count)}${unit}`) ?? null) : null;
}

const UNITS: Record<string, string> = {
  s: 's',
  sec: 's',
  second: 's',
  seconds: 's',
  m: 'm',
  min: 'm',
  minute: 'm',
  minutes: 'm',
  h: 'h',
  hour: 'h',
  hours: 'h',
  d: 'd',
  day: 'd',
  days: 'd',
  w: 'w',
  week: 'w',
  weeks: 'w',
  // A capital M is a month, as in the address.
  M: 'M',
  month: 'M',
  months: 'M',
  y: 'y',
  year: 'y',
  years: 'y',
};

/** What is wrong with the ends of a range that were typed as local times; null for nothing. */
export interface RangeProblems {
  start: string | null;
  end: string | null;
}

export function problemsOf(start: string, end: string, now: number = Date.now()): RangeProblems {
  const from = instantOfLocal(start);
  const until = instantOfLocal(end);
  if (!from) return { start: 'Say when it begins.', end: null };
  if (Date.parse(from) > now) return { start: 'It begins in the future.', end: null };
  if (end !== '' && !until) return { start: null, end: 'This is no date and time.' };
  if (until && Date.parse(until) > now) return { start: null, end: 'It ends in the future.' };
  if (until && until <= from) return { start: null, end: 'It ends before it begins.' };
  return { start: null, end: null };
}

/** The value of a `datetime-local` input for an instant: "2026-11-21T09:07:15.250". */
export function localOf(instant: string | null): string {
  if (!instant) return '';
  const date = new Date(instant);
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 23);
}

/** The instant that a `datetime-local` input holds; null if it holds none. */
export function instantOfLocal(text: string): string | null {
  const date = new Date(text);
  return text === '' || Number.isNaN(date.getTime()) ? null : date.toISOString();
}
