/** How long something is kept: texts such as "30d", "1d12h" or "forever". */

const UNITS_MS: Readonly<Record<string, number>> = {
  w: 7 * 86_400_000,
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
};
const KEPT_MS_MIN = 60_000;
const KEPT_MS_MAX = 36_525 * 86_400_000;

/** What may be kept for a time of its own. */
export const KEPT_NAMES = ['events', 'runs', 'journals', 'rollups', 'operations'] as const;
export type KeptName = (typeof KEPT_NAMES)[number];
export type Kept = Record<KeptName, string>;
/** Times of the environment; null is as the server says. */
export type OwnKept = Record<KeptName, string | null>;

export const KEPT_LABELS: Readonly<Record<KeptName, { title: string; about: string }>> = {
  events: { title: 'Events', about: 'From their receipt.' },
  runs: { title: 'Runs', about: 'From their end, with all that belongs to them.' },
  journals: {
    title: 'Steps of runs',
    about: 'From the end of the run, whose outcome stays; no longer than the run itself.',
  },
  rollups: { title: 'Counts by the hour', about: 'What charts and metrics are drawn from.' },
  operations: { title: 'Replays and bulk cancellations', about: 'From their end.' },
};

/** Milliseconds of a time; Infinity for "forever", null if it cannot be one. */
export function keptMs(text: string): number | null {
  const typed = text.trim().toLowerCase();
  if (typed === 'forever') return Number.POSITIVE_INFINITY;
  if (!/^(\d+[wdhms])+$/.test(typed)) return null;
  let ms = 0;
  for (const [, count, unit] of typed.matchAll(/(\d+)([wdhms])/g)) {
    ms += Number(count) * (UNITS_MS[unit ?? ''] ?? 0);
  }
  return ms >= KEPT_MS_MIN && ms <= KEPT_MS_MAX ? ms : null;
}

/** What is wrong with a time as it was typed; null if nothing. Empty is as the server says. */
export function keptFault(typed: string): string | null {
  if (typed.trim() === '' || keptMs(typed) !== null) return null;
  return 'Write a time from 1m to 36525d, such as 30d or 12h, or forever.';
}

/** What a form asks to change, by what is to be sent; only what differs. */
export function changesOf(typed: Kept, own: OwnKept): Partial<OwnKept> {
  const changes: Partial<OwnKept> = {};
  for (const name of KEPT_NAMES) {
    const value = typed[name].trim().toLowerCase() || null;
    if (value !== own[name]) changes[name] = value;
  }
  return changes;
}

/** Names of what will be kept for a shorter time than now, so that some of it is deleted. */
export function shortened(changes: Partial<OwnKept>, kept: Kept, server: Kept): KeptName[] {
  return KEPT_NAMES.filter((name) => {
    const value = changes[name];
    if (value === undefined) return false;
    const before = keptMs(kept[name]);
    const after = keptMs(value ?? server[name]);
    return before !== null && after !== null && after < before;
  });
}

/** "30 days", "12 hours", "for ever"; mixed times as they are written. */
export function keptInWords(text: string): string {
  if (text === 'forever') return 'for ever';
  const [, count, unit] = /^(\d+)([wdhms])$/.exec(text) ?? [];
  const word = { w: 'week', d: 'day', h: 'hour', m: 'minute', s: 'second' }[unit ?? ''];
  if (!count || !word) return text;
  return `${count} ${word}${count === '1' ? '' : 's'}`;
}
