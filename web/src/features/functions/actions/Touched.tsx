import { LoaderCircle } from 'lucide-react';
import type { ReactNode } from 'react';
import { type RunCount, runsInWords } from '../useRunCount';

interface TouchedProps {
  runs: RunCount | undefined;
  error: Error | null;
  /** What happens to them, given their number in words. */
  children: (words: string) => ReactNode;
}

/** How much an action will touch, counted on the server. */
export function Touched({ runs, error, children }: TouchedProps) {
  return (
    <p role="status" className="min-h-5 text-ink-soft">
      {error ? (
        <span className="text-bad-ink">The runs could not be counted: {error.message}</span>
      ) : runs ? (
        children(runsInWords(runs))
      ) : (
        <span className="inline-flex items-center gap-2">
          <LoaderCircle className="size-4 animate-spin" aria-hidden />
          Counting the runs…
        </span>
      )}
    </p>
  );
}
