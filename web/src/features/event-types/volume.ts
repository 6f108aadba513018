/** How many events of a type came, hour by hour. */

export interface Volume {
  total: number;
  /** One stack for each hour. */
  stacks: { tone: 'good'; count: number }[][];
  /** For screen readers. */
  label: string;
}

/** @param hours Counts for hours of the clock, the oldest first. */
export function volumeOf(hours: readonly number[]): Volume {
  const total = hours.reduce((sum, count) => sum + count, 0);
  const events = total === 1 ? '1 event' : `${total.toLocaleString()} events`;
  return {
    total,
    stacks: hours.map((count) => [{ tone: 'good', count }]),
    label: `${events} in the last 24 hours`,
  };
}
