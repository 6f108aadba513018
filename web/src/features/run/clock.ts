const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: 'numeric',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
});

/** The time of day with milliseconds, in the reader's zone. */
export function formatTimePrecise(instant: number | string): string {
  return CLOCK.format(new Date(instant));
}

const TIME = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
const DATE_AND_MINUTE = new Intl.DateTimeFormat(undefined, {
  month: 'short',
  day: 'numeric',
  hour: 'numeric',
  minute: '2-digit',
});
const DAY_MS = 86_400_000;

/** When something is due: seconds matter only if it is soon. */
export function formatDeadline(instant: string, nowMs: number): string {
  const isSoon = Math.abs(Date.parse(instant) - nowMs) < DAY_MS / 2;
  return (isSoon ? TIME : DATE_AND_MINUTE).format(new Date(instant));
}
