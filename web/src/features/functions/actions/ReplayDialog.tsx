import { Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { TimeRangePicker } from '~/features/filters/TimeRangePicker';
import { boundsOf, type TimeRange } from '~/features/filters/time-range';
import { graphql } from '~/lib/graphql';
import { request } from '~/lib/request';
import { Field, Input } from '~/ui/Field';
import { toastDone } from '~/ui/toasts';
import type { FunctionState } from '../function-state';
import { refreshFunctions } from '../queries';
import { ActionDialog } from './ActionDialog';
import { ConditionField, useOptionalText } from './ConditionField';
import { type ReplayedStatus, readRate, wireNamesOf } from './replay-input';
import { StatusCounts } from './StatusCounts';

const ReplayMutation = graphql(`
  mutation CreateReplay($input: CreateReplayInput!) {
    createReplay(input: $input) { id }
  }
`);

/** Runs many runs of a function again, from their first step. */
export default function ReplayDialog({ fn, onClose }: { fn: FunctionState; onClose: () => void }) {
  const [name, setName, sentName] = useOptionalText();
  const [condition, setCondition, sentCondition] = useOptionalText();
  const [range, setRange] = useState<TimeRange>({ kind: 'last', duration: '1d' });
  const [statuses, setStatuses] = useState<ReplayedStatus[]>(['FAILED']);
  const [rateText, setRateText] = useState('');
  const bounds = useMemo(() => boundsOf(range), [range]);
  const read = readRate(rateText);
  const replay = async () => {
    const { from, until } = boundsOf(range);
    await request(ReplayMutation, {
      input: {
        functionSlug: fn.slug,
        from,
        until: until ?? new Date().toISOString(),
        statuses: wireNamesOf(statuses),
        ...(sentName ? { name: sentName } : {}),
        ...(sentCondition ? { if: sentCondition } : {}),
        ...('rate' in read && read.rate !== undefined ? { ratePerSecond: read.rate } : {}),
      },
    });
    refreshFunctions();
    toastDone(
      `Runs of ${fn.name} are being replayed`,
      <Link to="/functions/$slug/replays" params={{ slug: fn.slug }}>
        Watch the replay
      </Link>,
    );
  };
  return (
    <ActionDialog
      title={`Replay runs of ${fn.name}`}
      confirm="Replay"
      isDisabled={statuses.length === 0 || 'problem' in read}
      width="medium"
      onConfirm={replay}
      onClose={onClose}
    >
      <p className="text-ink-soft">
        Each run is started once more with its event, from the first step and with the function as
        it is now. The old runs stay.
      </p>
      <div className="flex flex-wrap items-center gap-3">
        <span className="font-medium">Runs queued</span>
        <TimeRangePicker range={range} onChange={setRange} />
      </div>
      <StatusCounts
        functionId={fn.id}
        from={bounds.from}
        until={bounds.until ?? undefined}
        chosen={statuses}
        onChange={setStatuses}
      />
      <ConditionField value={condition} onChange={setCondition} />
      <div className="grid gap-4 sm:grid-cols-2">
        <Field
          label="Runs a second (optional)"
          error={'problem' in read ? read.problem : null}
          hint="Empty: as fast as it goes."
        >
          {(input) => (
            <Input
              {...input}
              inputMode="numeric"
              value={rateText}
              onChange={(event) => setRateText(event.target.value)}
            />
          )}
        </Field>
        <Field label="Name (optional)" hint="Helps to find this replay again.">
          {(input) => (
            <Input
              {...input}
              value={name}
              maxLength={512}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
      </div>
    </ActionDialog>
  );
}
