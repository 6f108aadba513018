import { lookOf } from '~/lib/status';
import { Dot } from '~/ui/Status';
import { useRunCount } from '../useRunCount';
import { REPLAYED_STATUSES, type ReplayedStatus } from './replay-input';

interface StatusCountsProps {
  functionId: string;
  from: string;
  until: string | undefined;
  chosen: readonly ReplayedStatus[];
  onChange: (statuses: ReplayedStatus[]) => void;
}

/** Statuses to choose from, each with the number of runs in the range. */
export function StatusCounts({ functionId, from, until, chosen, onChange }: StatusCountsProps) {
  return (
    <fieldset className="flex flex-col gap-1">
      <legend className="mb-1 font-medium">Runs that ended as</legend>
      {REPLAYED_STATUSES.map(({ status }) => {
        const isChosen = chosen.includes(status);
        const { title, tone } = lookOf(status);
        return (
          <label
            key={status}
            className="flex h-8 cursor-pointer items-center gap-2.5 rounded-md border border-line px-3 has-checked:border-accent has-checked:bg-accent-soft"
          >
            <input
              type="checkbox"
              checked={isChosen}
              className="size-4 accent-(--accent)"
              onChange={() =>
                onChange(isChosen ? chosen.filter((each) => each !== status) : [...chosen, status])
              }
            />
            <Dot tone={tone} />
            <span className="flex-1">{title}</span>
            {status !== 'SKIPPED' && (
              <Count functionId={functionId} status={status} from={from} until={until} />
            )}
          </label>
        );
      })}
    </fieldset>
  );
}

function Count(props: {
  functionId: string;
  status: ReplayedStatus;
  from: string;
  until: string | undefined;
}) {
  const { functionId, status, from, until } = props;
  const { runs, error } = useRunCount({ functionId, statuses: [status], from, until });
  const text = error
    ? '?'
    : runs
      ? `${runs.count.toLocaleString()}${runs.isExact ? '' : '+'}`
      : '…';
  return (
    <span className="text-ink-soft tabular-nums" title={error?.message}>
      {text}
    </span>
  );
}
