/** How far a replay or a bulk cancellation is. */

export interface Operation {
  status: string;
  runsSeen: number;
  runsFailed: number;
  endedAt: string | null;
}

/** Whether it still works; a list with such a one is asked for again. */
export function isUnderWay({ endedAt }: Operation): boolean {
  return endedAt === null;
}

/** "12 replayed of 40 runs looked at, 1 failed". */
export function progressInWords(operation: Operation, done: number, verb: string): string {
  const { runsSeen, runsFailed } = operation;
  const looked = runsSeen === 1 ? '1 run' : `${runsSeen.toLocaleString()} runs`;
  const failed = runsFailed > 0 ? `, ${runsFailed.toLocaleString()} could not be` : '';
  return `${done.toLocaleString()} ${verb} of ${looked} looked at${failed}`;
}

/** Replays and cancellations that nobody named are called by what they are. */
export function nameOf(name: string, kind: string): string {
  return name.trim() === '' ? `Unnamed ${kind}` : name;
}
