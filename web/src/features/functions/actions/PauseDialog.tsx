import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { graphql } from '~/lib/graphql';
import { request } from '~/lib/request';
import { Choices } from '~/ui/Choices';
import { toastDone } from '~/ui/toasts';
import type { FunctionState } from '../function-state';
import { refreshFunctions } from '../queries';
import { UNFINISHED, useRunCount } from '../useRunCount';
import { ActionDialog } from './ActionDialog';
import { Touched } from './Touched';

const PauseMutation = graphql(`
  mutation PauseFunction(
    $slug: String!
    $newRuns: PausedNewRuns!
    $running: PausedRunningRuns!
  ) {
    pauseFunction(functionSlug: $slug, newRuns: $newRuns, running: $running) { cancellationID }
  }
`);

const NEW_RUNS = [
  {
    value: 'SKIP',
    title: 'Skip them',
    about: 'Each is recorded as skipped, and can be replayed later.',
  },
  {
    value: 'WAIT',
    title: 'Let them wait',
    about: 'They are queued, and start when the function is resumed.',
  },
] as const;
const RUNNING = [
  { value: 'FINISH', title: 'Let them finish', about: 'They go on as if nothing had happened.' },
  {
    value: 'HOLD',
    title: 'Hold them',
    about: 'Calls under way end; none is made until the function is resumed. Timeouts go on.',
  },
  {
    value: 'CANCEL',
    title: 'Cancel them',
    about: 'Those that wait for their start as well. This cannot be undone.',
  },
] as const;

/** Lets a function stand still, after saying what becomes of its runs. */
export default function PauseDialog({ fn, onClose }: { fn: FunctionState; onClose: () => void }) {
  const [newRuns, setNewRuns] = useState<'SKIP' | 'WAIT'>(fn.pause?.newRuns ?? 'SKIP');
  const [running, setRunning] = useState<'FINISH' | 'HOLD' | 'CANCEL'>(
    fn.pause?.running ?? 'FINISH',
  );
  const { runs, error } = useRunCount({ functionId: fn.id, statuses: UNFINISHED });
  const pause = async () => {
    const { slug } = fn;
    const { pauseFunction } = await request(PauseMutation, { slug, newRuns, running });
    refreshFunctions();
    toastDone(
      `${fn.name} is paused`,
      pauseFunction.cancellationID && (
        <Link to="/functions/$slug/cancellations" params={{ slug }}>
          Watch its runs being cancelled
        </Link>
      ),
    );
  };
  return (
    <ActionDialog
      title={`Pause ${fn.name}`}
      confirm={running === 'CANCEL' ? 'Pause and cancel runs' : 'Pause'}
      isDangerous={running === 'CANCEL'}
      onConfirm={pause}
      onClose={onClose}
    >
      <Choices
        label="New runs"
        value={newRuns}
        choices={NEW_RUNS}
        onChange={(value) => setNewRuns(value)}
      />
      <Choices
        label="Runs that have started"
        value={running}
        choices={RUNNING}
        onChange={(value) => setRunning(value)}
      />
      <Touched runs={runs} error={error}>
        {(words) => `${words} of this function ${runs?.count === 1 ? 'has' : 'have'} not ended.`}
      </Touched>
    </ActionDialog>
  );
}
