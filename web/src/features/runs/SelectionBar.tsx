import { Ban, RotateCcw } from 'lucide-react';
import { lazy, Suspense, useState } from 'react';
import { countInWords } from '~/features/lists/counting';
import { isEnded } from '~/lib/status';
import { Button } from '~/ui/Button';
import { whyNotMatching } from './bulk/matching';
import type { BulkAction } from './bulk/SelectionDialog';
import type { RunsSearch } from './run-search';
import type { RunRow, RunsScope } from './run-source';

// What is opened rarely is loaded when it is.
const SelectionDialog = lazy(() => import('./bulk/SelectionDialog'));
const MatchingDialog = lazy(() => import('./bulk/MatchingDialog'));

interface SelectionBarProps {
  scope: RunsScope;
  search: RunsSearch;
  /** The runs that are selected. */
  runs: readonly RunRow[];
  /** All rows that are loaded are selected, and there are more. */
  isAllLoaded: boolean;
  total: { count: number; isExact: boolean } | null;
  onClear: () => void;
  onDone: (runIDs: readonly string[]) => void;
}

/** What can be done with the selected runs. */
export function SelectionBar(props: SelectionBarProps) {
  const { runs, scope, search, total } = props;
  const [dialog, setDialog] = useState<{ action: BulkAction; runs: readonly RunRow[] } | null>(
    null,
  );
  const [isMatching, setMatching] = useState(false);
  const open = runs.filter(({ status }) => !isEnded(status)).length;
  const obstacle = whyNotMatching(search, scope);
  return (
    <section
      aria-label="Selection"
      className="flex flex-col gap-1 rounded-md bg-accent-soft px-3 py-1.5"
    >
      <div className="flex flex-wrap items-center gap-2">
        <span role="status" className="mr-1 font-medium tabular-nums">
          {countInWords(runs.length, 'run')} selected
        </span>
        <Button
          size="small"
          icon={<Ban aria-hidden />}
          disabled={open === 0}
          title={open === 0 ? 'All of them have ended' : undefined}
          onClick={() => setDialog({ action: 'cancel', runs })}
        >
          Cancel {open}
        </Button>
        <Button
          size="small"
          icon={<RotateCcw aria-hidden />}
          onClick={() => setDialog({ action: 'rerun', runs })}
        >
          Rerun {runs.length}
        </Button>
        <Button size="small" kind="ghost" onClick={props.onClear}>
          Clear the selection
        </Button>
      </div>
      {props.isAllLoaded && (
        <div className="flex flex-wrap items-center gap-2 text-xs">
          <span>
            Selected is what is loaded
            {total && `, of ${countInWords(total.count, 'run', total.isExact)} that match`}.
          </span>
          {obstacle ? (
            <span className="text-ink-soft">{obstacle}</span>
          ) : (
            <Button size="small" kind="danger" onClick={() => setMatching(true)}>
              Cancel all that match…
            </Button>
          )}
        </div>
      )}
      <Suspense>
        {dialog && (
          <SelectionDialog {...dialog} onClose={() => setDialog(null)} onDone={props.onDone} />
        )}
        {isMatching && (
          <MatchingDialog scope={scope} search={search} onClose={() => setMatching(false)} />
        )}
      </Suspense>
    </section>
  );
}
