import { useRef, useState } from 'react';
import { countInWords } from '~/features/lists/counting';
import { isEnded } from '~/lib/status';
import { Button } from '~/ui/Button';
import { Dialog } from '~/ui/Dialog';
import { toastDone } from '~/ui/toasts';
import type { RunRow } from '../run-source';
import { inChunks, type Progress, type Summary, summaryOf } from './bulk';
import { Outcomes } from './Outcomes';
import { cancelRuns, rerunRuns } from './requests';

export type BulkAction = 'cancel' | 'rerun';

interface SelectionDialogProps {
  action: BulkAction;
  /** What was selected when the dialog was opened. */
  runs: readonly RunRow[];
  onClose: () => void;
  /** Given the runs that may be others now. */
  onDone: (runIDs: readonly string[]) => void;
}

const WORDS = {
  cancel: { title: 'Cancel runs', doing: 'Cancelling', done: 'cancelled', send: cancelRuns },
  rerun: { title: 'Rerun', doing: 'Starting', done: 'started again', send: rerunRuns },
};

/** Asks, does it while telling how far it is, and says what became of it. */
export default function SelectionDialog({ action, runs, onClose, onDone }: SelectionDialogProps) {
  const words = WORDS[action];
  const open = runs.filter(({ status }) => !isEnded(status));
  const touched = (action === 'cancel' ? open : runs).map(({ id }) => id);
  const [progress, setProgress] = useState<Progress | null>(null);
  const [summary, setSummary] = useState<Summary | null>(null);
  const stop = useRef(new AbortController());
  const isUnderWay = progress !== null && summary === null;

  const act = async () => {
    setProgress({ done: 0, total: touched.length, outcomes: [] });
    const outcomes = await inChunks(touched, words.send, setProgress, stop.current.signal);
    onDone(touched);
    const found = summaryOf(outcomes, touched.length);
    if (found.failed.length === 0 && found.left === 0) {
      toastDone(doneInWords(found, words.done));
      onClose();
    } else {
      setSummary(found);
    }
  };
  const close = () => {
    stop.current.abort();
    onClose();
  };
  return (
    <Dialog
      title={words.title}
      isOpen
      onClose={close}
      width="small"
      footer={
        summary ? (
          <Button onClick={onClose}>Close</Button>
        ) : isUnderWay ? (
          <Button onClick={() => stop.current.abort()}>Stop here</Button>
        ) : (
          <>
            <Button onClick={onClose}>Keep as it is</Button>
            <Button
              kind={action === 'cancel' ? 'danger' : 'primary'}
              disabled={touched.length === 0}
              onClick={() => void act()}
            >
              {action === 'cancel' ? 'Cancel' : 'Rerun'} {countInWords(touched.length, 'run')}
            </Button>
          </>
        )
      }
    >
      {summary ? (
        <Outcomes text={doneInWords(summary, words.done)} summary={summary} />
      ) : progress ? (
        <div className="flex flex-col gap-2" role="status">
          <p>
            {words.doing} {countInWords(progress.total, 'run')}: {progress.done} done.
          </p>
          <progress
            className="h-2 w-full accent-accent"
            aria-label={words.doing}
            value={progress.done}
            max={progress.total}
          />
        </div>
      ) : (
        <div className="flex flex-col gap-2">
          {action === 'cancel' ? (
            <CancelText runs={runs.length} open={open.length} />
          ) : (
            <RerunText runs={runs.length} open={open.length} />
          )}
        </div>
      )}
    </Dialog>
  );
}

function CancelText({ runs, open }: { runs: number; open: number }) {
  const ended = runs - open;
  if (open === 0) return <p>All of these runs have ended already: there is nothing to cancel.</p>;
  return (
    <>
      <p>
        {countInWords(open, 'run')} will end as cancelled. Steps that are being carried out are not
        interrupted, but nothing comes after them.
      </p>
      {ended > 0 && (
        <p>{countInWords(ended, 'run')} of the selection ended before and will stay so.</p>
      )}
    </>
  );
}

function RerunText({ runs, open }: { runs: number; open: number }) {
  return (
    <>
      <p>
        {runs === 1 ? 'A new run starts' : `${runs.toLocaleString()} new runs start`} from the
        beginning, with the same events. The selected runs stay as they are.
      </p>
      {open > 0 && (
        <p>
          {countInWords(open, 'run')} of the selection did not end yet, and will be running twice.
        </p>
      )}
    </>
  );
}

function doneInWords({ ok, ended }: Summary, done: string): string {
  const text = `${countInWords(ok, 'run')} ${done}`;
  return ended > 0 ? `${text}; ${countInWords(ended, 'run')} had ended before` : text;
}
