import { Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { TimeRangePicker } from '~/features/filters/TimeRangePicker';
import { boundsOf, type TimeRange } from '~/features/filters/time-range';
import { graphql } from '~/lib/graphql';
import { request } from '~/lib/request';
import { Field, Input, Switch } from '~/ui/Field';
import { toastDone } from '~/ui/toasts';
import type { FunctionState } from '../function-state';
import { refreshFunctions } from '../queries';
import { UNFINISHED, useRunCount } from '../useRunCount';
import { ActionDialog } from './ActionDialog';
import { ConditionField, useOptionalText } from './ConditionField';
import { Touched } from './Touched';

const CancelRunsMutation = graphql(`
  mutation CancelRunsOfFunction($input: CreateCancellationInput!) {
    createCancellation(input: $input) { id }
  }
`);

/** Cancels all runs of a function that have not ended, or some of them. */
export default function CancelRunsDialog(props: { fn: FunctionState; onClose: () => void }) {
  const { fn, onClose } = props;
  const [name, setName, sentName] = useOptionalText();
  const [condition, setCondition, sentCondition] = useOptionalText();
  const [range, setRange] = useState<TimeRange | null>(null);
  // The count must not be asked for anew each time something is typed.
  const bounds = useMemo(() => range && boundsOf(range), [range]);
  const { runs, error } = useRunCount({
    functionId: fn.id,
    statuses: UNFINISHED,
    from: bounds?.from,
    until: bounds?.until ?? undefined,
  });
  const cancel = async () => {
    const { from, until } = range ? boundsOf(range) : { from: undefined, until: null };
    await request(CancelRunsMutation, {
      input: {
        functionSlug: fn.slug,
        startedBefore: until ?? new Date().toISOString(),
        ...(from ? { startedAfter: from } : {}),
        ...(sentName ? { name: sentName } : {}),
        ...(sentCondition ? { if: sentCondition } : {}),
      },
    });
    refreshFunctions();
    toastDone(
      `Runs of ${fn.name} are being cancelled`,
      <Link to="/functions/$slug/cancellations" params={{ slug: fn.slug }}>
        Watch the cancellation
      </Link>,
    );
  };
  return (
    <ActionDialog
      title={`Cancel runs of ${fn.name}`}
      confirm="Cancel these runs"
      isDangerous
      isDisabled={runs?.count === 0}
      width="medium"
      onConfirm={cancel}
      onClose={onClose}
    >
      <p className="text-ink-soft">
        Runs that are queued or running are cancelled. Those that have ended, and those that start
        later, are not touched.
      </p>
      <div className="flex min-h-8 flex-wrap items-center gap-3">
        <Switch
          label="Only runs queued within a certain time"
          isOn={range !== null}
          onChange={(isOn) => setRange(isOn ? { kind: 'last', duration: '1d' } : null)}
        />
        {range && <TimeRangePicker range={range} onChange={setRange} />}
      </div>
      <ConditionField value={condition} onChange={setCondition} />
      <Field label="Name (optional)" hint="Helps to find this cancellation again.">
        {(input) => (
          <Input
            {...input}
            value={name}
            maxLength={512}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <Touched runs={runs} error={error}>
        {(words) =>
          runs?.count === 0
            ? 'No run is queued or running there.'
            : sentCondition
              ? `${words} will be looked at; those whose event fits are cancelled.`
              : `About ${words} will be cancelled. This cannot be undone.`
        }
      </Touched>
    </ActionDialog>
  );
}
