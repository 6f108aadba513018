export interface MiniBarsProps {
  /** What is counted, for screen readers: "412 runs, 3 failed in the last 24 hours". */
  label: string;
  /** One stack for each slot of time, from the bottom up. */
  stacks: readonly { tone: 'good' | 'bad' | 'waiting'; count: number }[][];
}

const SLOT = 4;
const BAR = 3;
const HEIGHT = 22;

/** A tiny bar chart for a cell of a table. */
export function MiniBars({ label, stacks }: MiniBarsProps) {
  const greatest = Math.max(1, ...stacks.map(heightOf));
  return (
    <svg
      role="img"
      aria-label={label}
      width={Math.max(1, stacks.length * SLOT)}
      height={HEIGHT}
      className="block shrink-0"
    >
      <title>{label}</title>
      {stacks.map((stack, slot) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: slots do not change places
        <Bar key={slot} x={slot * SLOT} stack={stack} greatest={greatest} />
      ))}
    </svg>
  );
}

function Bar(props: { x: number; stack: MiniBarsProps['stacks'][number]; greatest: number }) {
  const { x, stack, greatest } = props;
  if (heightOf(stack) === 0) {
    return <rect x={x} y={HEIGHT - 1} width={BAR} height={1} fill="var(--line-strong)" />;
  }
  let top = HEIGHT;
  return stack.map(({ tone, count }) => {
    if (count <= 0) return null;
    // Even one among thousands must be seen.
    const height = Math.max(2, (count / greatest) * (HEIGHT - 2));
    top = Math.max(0, top - height);
    return (
      <rect key={tone} x={x} y={top} width={BAR} height={height} fill={`var(--${tone}-solid)`} />
    );
  });
}

function heightOf(stack: MiniBarsProps['stacks'][number]): number {
  return stack.reduce((all, { count }) => all + count, 0);
}
