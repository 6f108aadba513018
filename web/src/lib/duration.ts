/** Lengths of time, read and written. */

const UNIT_MS: Record<string, number> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
  M: 30 * 86_400_000,
  y: 365 * 86_400_000,
};

/** Milliseconds of a text such as "90s" or "1d"; a month has 30 days, a year 365. */
export function durationMs(text: string): number {
  const [, count, unit] = /^(\d+)([smhdwMy])$/.exec(text) ?? [];
  return Number(count ?? 0) * (UNIT_MS[unit ?? ''] ?? 0);
}

/** Precise, for details: "0 ms", "45 ms", "1.234 s", "2 m 3 s", "1 h 5 m", "3 d 2 h". */
export function formatDuration(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  if (whole < 1_000) return `${whole} ms`;
  if (whole < 60_000) return `${(whole / 1_000).toFixed(3)} s`;
  return twoUnits(whole);
}

/** Short, for tables and charts: "45 ms", "1.2 s", "2 m 3 s", "3 d 2 h". */
export function formatDurationShort(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  if (whole < 1_000) return `${whole} ms`;
  if (whole < 60_000) return `${Math.floor(whole / 100) / 10} s`;
  return twoUnits(whole);
}

function twoUnits(ms: number): string {
  const s = Math.floor(ms / 1_000);
  const [m, h, d] = [Math.floor(s / 60), Math.floor(s / 3_600), Math.floor(s / 86_400)];
  if (d > 0) return join(d, 'd', h % 24, 'h');
  if (h > 0) return join(h, 'h', m % 60, 'm');
  return join(m, 'm', s % 60, 's');
}

function join(large: number, unit: string, small: number, smallUnit: string): string {
  return small > 0 ? `${large} ${unit} ${small} ${smallUnit}` : `${large} ${unit}`;
}

/** In words, for presets: "30 seconds", "1 day". */
export function durationInWords(text: string): string {
  const words: Record<string, string> = {
    s: 'second',
    m: 'minute',
    h: 'hour',
    d: 'day',
    w: 'week',
    M: 'month',
    y: 'year',
  };
  const [, count, unit] = /^(\d+)([smhdwMy])$/.exec(text) ?? [];
  const word = words[unit ?? ''];
  if (!count || !word) return text;
  return `${count} ${word}${count === '1' ? '' : 's'}`;
}
