/** What is due later besides what waits for its turn, in words. */

const WORDS: Record<string, [one: string, many: string]> = {
  sleep: ['step sleeps', 'steps sleep'],
  timeout: ['step waits', 'steps wait'],
  start_timeout: ['run has a timeout for its start', 'runs have a timeout for their start'],
  finish_timeout: ['run has a timeout for its end', 'runs have a timeout for their end'],
  cron: ['schedule waits for its next time', 'schedules wait for their next times'],
};

/** "3 steps sleep, 1 step waits"; "" if there is nothing that is worth a word. */
export function timersInWords(timers: readonly { kind: string; items: number }[]): string {
  return timers
    .flatMap(({ kind, items }) => {
      const words = WORDS[kind];
      return words && items > 0 ? [`${items.toLocaleString()} ${words[items === 1 ? 0 : 1]}`] : [];
    })
    .join(', ');
}
