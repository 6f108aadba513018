import { cn } from '~/lib/cn';
import { lookOf, RUN_STATUSES, type RunStatus } from '~/lib/status';
import { MultiSelect } from '~/ui/MultiSelect';
import { Dot } from '~/ui/Status';

/** Statuses in the order in which people look for them. Skipped runs are in no list. */
const OFFERED: readonly RunStatus[] = ['FAILED', 'RUNNING', 'QUEUED', 'COMPLETED', 'CANCELLED'];

/** Whether a list of runs can be limited to the status. */
export const isListedStatus = (text: string): text is RunStatus =>
  OFFERED.some((status) => status === text);

/** Limits a list to runs of some statuses; none chosen are all. */
export function StatusFilter(props: {
  values: readonly RunStatus[];
  onChange: (values: RunStatus[]) => void;
}) {
  const options = OFFERED.map((status) => {
    const { title, tone } = lookOf(status);
    return { value: status, title, mark: <Dot tone={tone} /> };
  });
  return (
    <MultiSelect
      label="Status"
      values={props.values}
      options={options}
      onChange={(values) => props.onChange(values.length === OFFERED.length ? [] : inOrder(values))}
      summary={(chosen) =>
        chosen.length === 0 || chosen.length === OFFERED.length ? (
          'All'
        ) : (
          <span className="flex items-center gap-1.5">
            <span className="inline-flex" aria-hidden>
              {chosen.map(({ value }, index) => (
                <span key={value} className={cn('inline-flex', index > 0 && '-ml-0.5')}>
                  <Dot tone={lookOf(value).tone} />
                </span>
              ))}
            </span>
            {chosen.length === 1 ? chosen[0]?.title : chosen.length}
          </span>
        )
      }
    />
  );
}

/** The same choice is the same address, whatever was clicked first. */
function inOrder(values: readonly RunStatus[]): RunStatus[] {
  return RUN_STATUSES.filter((status) => values.includes(status));
}
