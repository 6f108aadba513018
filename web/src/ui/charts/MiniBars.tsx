export interface MiniBarsProps {
  /** What is counted, for screen readers: "412 runs, 3 failed in the last 24 hours". */
  label: string;
  /** One stack for each slot of time, from the bottom up. */
  stacks: readonly { tone: 'good' | 'bad' | 'waiting'; count: number }[][];
}

/** A tiny bar chart for a cell of a table. */
export function MiniBars(_props: MiniBarsProps) {
  return null;
}
