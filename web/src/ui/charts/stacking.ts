/** Where marks begin and end, in values. */

/** Lower and upper end of one mark. */
export type Extent = readonly [low: number, high: number];

/** The values of every series on top of those before it. What is no number takes no room. */
export function stacked(series: readonly (readonly number[])[]): Extent[][] {
  const heights: number[] = [];
  return series.map((values) =>
    values.map((value, index) => {
      const low = heights[index] ?? 0;
      const high = low + (Number.isFinite(value) ? Math.max(0, value) : 0);
      heights[index] = high;
      return [low, high] as const;
    }),
  );
}

/** The greatest of all values, on top of each other or not; 0 if there is none. */
export function greatest(series: readonly (readonly number[])[], isStacked: boolean): number {
  const tops = isStacked ? stacked(series).map((row) => row.map(([, high]) => high)) : series;
  let found = 0;
  for (const row of tops) for (const value of row) if (value > found) found = value;
  return found;
}

/** Stretches of neighbouring places that hold: [first, last] of each. */
export function runsOf(flags: readonly boolean[]): [first: number, last: number][] {
  const found: [number, number][] = [];
  flags.forEach((holds, index) => {
    const open = found.at(-1);
    if (!holds) return;
    if (open && open[1] === index - 1) open[1] = index;
    else found.push([index, index]);
  });
  return found;
}
