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
