/** Instants as texts. The server speaks UTC; people are shown their own time. */
import { useSyncExternalStore } from 'react';

const DATE_TIME = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const TIME = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
const SHORT_DATE = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });
const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
];

/** "Nov 21, 2026, 9:07:15 AM", in the reader's zone. */
export function formatTime(instant: string | number | Date): string {
  return DATE_TIME.format(new Date(instant));
}

/** Without the date if it is today's; without the year otherwise. */
export function formatTimeShort(instant: string | number | Date, now: number = Date.now()): string {
  const date = new Date(instant);
  const isToday = date.toDateString() === new Date(now).toDateString();
  return isToday ? TIME.format(date) : `${SHORT_DATE.format(date)}, ${TIME.format(date)}`;
}

/** With milliseconds, in UTC: "2026-11-21 09:07:15.250 UTC". */
export function formatUtc(instant: string | number | Date): string {
  return `${new Date(instant).toISOString().replace('T', ' ').replace('Z', '')} UTC`;
}

/** "in 5 minutes", "yesterday", "3 seconds ago". */
export function formatRelative(instant: string | number | Date, now: number): string {
  const [count, unit] = distance(instant, now);
  return RELATIVE.format(count, unit);
}

/** The same where there is little room: "5 m ago", "in 1 d". */
export function formatAge(instant: string | number | Date, now: number): string {
  const [count, unit] = distance(instant, now);
  return count > 0 ? `in ${count} ${unit[0]}` : `${-count} ${unit[0]} ago`;
}

function distance(
  instant: string | number | Date,
  now: number,
): [number, Intl.RelativeTimeFormatUnit] {
  const difference = new Date(instant).getTime() - now;
  for (const [unit, ms] of STEPS) {
    if (Math.abs(difference) >= ms) return [Math.round(difference / ms), unit];
  }
  return [0, 'second'];
}

/** The clock, for what must grow while it is looked at. All who ask share one timer. */
class Ticker {
  private readonly watchers = new Set<() => void>();
  private timer: ReturnType<typeof setInterval> | null = null;
  private at = Date.now();

  constructor(private readonly everyMs: number) {}

  watch = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    if (this.timer === null) {
      this.at = Date.now();
      this.timer = setInterval(() => this.tick(), this.everyMs);
    }
    return () => {
      this.watchers.delete(watcher);
      if (this.watchers.size > 0 || this.timer === null) return;
      clearInterval(this.timer);
      this.timer = null;
    };
  };

  now = (): number => this.at;

  private tick(): void {
    if (document.hidden) return;
    this.at = Date.now();
    for (const watcher of this.watchers) watcher();
  }
}

const TICKERS = { 250: new Ticker(250), 1000: new Ticker(1_000), 10000: new Ticker(10_000) };
const still = () => () => {};

/** The time in milliseconds, anew every `everyMs`; null stands still. */
export function useNow(everyMs: keyof typeof TICKERS | null = 1000): number {
  const ticker = TICKERS[everyMs ?? 1000];
  return useSyncExternalStore(everyMs === null ? still : ticker.watch, ticker.now);
}
