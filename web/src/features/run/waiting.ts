import type { Waiting } from './queries';

/** What nothing holds up: its turn has come, or its time has not. */
const UNHINDERED = new Set(['none', 'not_due']);

/** What is held up by a limit, by a pause or for lack of workers. */
export function heldUp(items: readonly Waiting[]): Waiting[] {
  return items.filter((item) => !item.underWay && !UNHINDERED.has(item.constraint));
}

/** What to say of a run that has not started: what holds it up, else the first that waits. */
export function whyNotStarted(items: readonly Waiting[]): Waiting | undefined {
  return heldUp(items)[0] ?? items[0];
}
