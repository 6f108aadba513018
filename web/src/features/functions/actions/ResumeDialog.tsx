import { graphql } from '~/lib/graphql';
import { request } from '~/lib/request';
import { Confirm } from '~/ui/Dialog';
import { toastDone } from '~/ui/toasts';
import type { FunctionState } from '../function-state';
import { refreshFunctions } from '../queries';
import { useRunCount } from '../useRunCount';
import { Touched } from './Touched';

const ResumeMutation = graphql(`
  mutation ResumeFunction($slug: String!) {
    resumeFunction(functionSlug: $slug) { function { id } }
  }
`);

/** Lets a paused function go on. */
export default function ResumeDialog({ fn, onClose }: { fn: FunctionState; onClose: () => void }) {
  const { runs, error } = useRunCount({ functionId: fn.id, statuses: ['QUEUED'] });
  const skips = fn.pause?.newRuns === 'SKIP';
  return (
    <Confirm
      title={`Resume ${fn.name}?`}
      isOpen
      onClose={onClose}
      confirm="Resume"
      onConfirm={async () => {
        await request(ResumeMutation, { slug: fn.slug });
        refreshFunctions();
        toastDone(`${fn.name} goes on`);
      }}
    >
      <p>
        {skips
          ? 'Events start it again from now on. Runs that were skipped meanwhile are not made up for; a replay can do that.'
          : 'Events start it again, and what has waited goes on.'}
      </p>
      <Touched runs={runs} error={error}>
        {(words) => `${words} ${runs?.count === 1 ? 'is' : 'are'} queued.`}
      </Touched>
    </Confirm>
  );
}
