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

const ArchiveMutation = graphql(`
  mutation ArchiveFunction($slug: String!) {
    archiveFunction(functionSlug: $slug) { function { id } }
  }
`);
const RemoveMutation = graphql(`
  mutation RemoveFunction($slug: String!) {
    removeFunction(functionSlug: $slug) { cancellationID }
  }
`);

/** Takes a function away, with or without its runs. */
export default function ArchiveDialog({ fn, onClose }: { fn: FunctionState; onClose: () => void }) {
  const [runsGo, setRunsGo] = useState<'on' | 'away'>('on');
  const { runs, error } = useRunCount({ functionId: fn.id, statuses: UNFINISHED });
  const { slug, name } = fn;
  const archive = async () => {
    if (runsGo === 'on') {
      await request(ArchiveMutation, { slug });
      toastDone(`${name} is archived`);
    } else {
      await request(RemoveMutation, { slug });
      toastDone(
        `${name} is archived, its runs are being cancelled`,
        <Link to="/functions/$slug/cancellations" params={{ slug }}>
          Watch
        </Link>,
      );
    }
    refreshFunctions();
  };
  return (
    <ActionDialog
      title={`Archive ${name}`}
      confirm={runsGo === 'on' ? 'Archive' : 'Archive and cancel runs'}
      isDangerous
      onConfirm={archive}
      onClose={onClose}
    >
      <p className="text-ink-soft">
        No event and no schedule starts it any more. Its history stays. The next sync of{' '}
        {fn.app.name || 'its app'} that contains the function brings it back, which in development
        is a matter of seconds: to stop it for longer, pause it.
      </p>
      <Choices
        label="Runs that have not ended"
        value={runsGo}
        onChange={setRunsGo}
        choices={[
          { value: 'on', title: 'Let them go on' },
          { value: 'away', title: 'Cancel them', about: 'This cannot be undone.' },
        ]}
      />
      <Touched runs={runs} error={error}>
        {(words) => `${words} of this function ${runs?.count === 1 ? 'has' : 'have'} not ended.`}
      </Touched>
    </ActionDialog>
  );
}
