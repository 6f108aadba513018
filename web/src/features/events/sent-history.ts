/** What was sent from this browser, the newest first. */

export interface SentEntry {
  /** When, in milliseconds; no two entries have the same. */
  at: number;
  /** As it was written. */
  text: string;
  /** Name of the first event. */
  name: string;
  /** How many events it was. */
  count: number;
}

const ENTRIES_MAX = 20;
/** Longer texts are not kept: browsers give a page a few megabytes in all. */
export const KEPT_CHARS_MAX = 64_000;

/** The history with one more entry. The same text is there once, at the top; a long one is not kept. */
export function withSent(history: readonly SentEntry[], entry: SentEntry): SentEntry[] {
  if (entry.text.length > KEPT_CHARS_MAX) return [...history];
  const at = Math.max(entry.at, (history[0]?.at ?? 0) + 1);
  const others = history.filter(({ text }) => text !== entry.text);
  return [{ ...entry, at }, ...others].slice(0, ENTRIES_MAX);
}

export function withoutSent(history: readonly SentEntry[], at: number): SentEntry[] {
  return history.filter((entry) => entry.at !== at);
}

export function isSentHistory(value: unknown): value is SentEntry[] {
  return Array.isArray(value) && value.length <= ENTRIES_MAX && value.every(isSentEntry);
}

function isSentEntry(value: unknown): value is SentEntry {
  if (typeof value !== 'object' || value === null) return false;
  const entry = value as Record<string, unknown>;
  return (
    typeof entry.at === 'number' &&
    typeof entry.count === 'number' &&
    typeof entry.text === 'string' &&
    typeof entry.name === 'string'
  );
}
