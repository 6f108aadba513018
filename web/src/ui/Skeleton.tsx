/** What is being loaded, as grey lines. */
export function Skeleton({ lines = 3 }: { lines?: number }) {
  return (
    <div role="status" aria-label="Loading" className="flex flex-col gap-3 p-4">
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines have nothing else to tell them apart
        <div key={line} className="h-4 animate-pulse rounded bg-hover" style={widthOf(line)} />
      ))}
    </div>
  );
}

function widthOf(line: number): { width: string } {
  return { width: `${[92, 74, 85, 63][line % 4]}%` };
}
