import { type FormEvent, useState } from 'react';
import { durationMs, formatDurationShort } from '~/lib/duration';
import { Button } from '~/ui/Button';
import { Field, Input } from '~/ui/Field';
import {
  boundsOf,
  instantOfLocal,
  localOf,
  problemsOf,
  type RangeProblems,
  type TimeRange,
  typedDuration,
} from './time-range';

interface RangeFormProps {
  range: TimeRange;
  minimumMs: number;
  onChoose: (range: TimeRange) => void;
}

/** A length of time that is typed. */
export function FreeDuration({ range, minimumMs, onChoose }: RangeFormProps) {
  const [text, setText] = useState(range.kind === 'last' ? range.duration : '');
  const [error, setError] = useState<string | null>(null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const duration = typedDuration(text);
    if (duration === null) {
      setError('Write a number and a unit: s, m, h, d, w, M or y.');
    } else if (durationMs(duration) < minimumMs) {
      setError(`At least ${formatDurationShort(minimumMs)}.`);
    } else {
      onChoose({ kind: 'last', duration });
    }
  };
  return (
    <form onSubmit={submit}>
      <Field label="The last" error={error} hint="Such as 45m, 6h or 2 weeks.">
        {(input) => (
          <div className="flex gap-2">
            <Input
              {...input}
              value={text}
              autoComplete="off"
              spellCheck={false}
              onChange={(event) => {
                setText(event.target.value);
                setError(null);
              }}
            />
            <Button type="submit">Show</Button>
          </div>
        )}
      </Field>
    </form>
  );
}

const NO_PROBLEMS: RangeProblems = { start: null, end: null };

/** A beginning and an end, in the reader's own time. */
export function AbsoluteRange({ range, minimumMs, onChoose }: RangeFormProps) {
  const [{ start, end }, setEnds] = useState(() => {
    const { from } = boundsOf(range);
    return { start: localOf(from), end: localOf(range.kind === 'between' ? range.end : null) };
  });
  const [problems, setProblems] = useState(NO_PROBLEMS);
  const change = (ends: Partial<{ start: string; end: string }>) => {
    setEnds({ start, end, ...ends });
    setProblems(NO_PROBLEMS);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const found = problemsOf(start, end);
    const from = instantOfLocal(start);
    if (found.start || found.end || !from) return setProblems(found);
    const until = instantOfLocal(end);
    const lengthMs = (until ? Date.parse(until) : Date.now()) - Date.parse(from);
    if (lengthMs < minimumMs) {
      return setProblems({ start: null, end: `At least ${formatDurationShort(minimumMs)}.` });
    }
    onChoose({ kind: 'between', start: from, end: until });
  };
  return (
    <form onSubmit={submit} noValidate className="flex flex-col gap-2">
      <Field label="From" error={problems.start}>
        {(input) => (
          <Input
            {...input}
            type="datetime-local"
            step="0.001"
            value={start}
            onChange={(event) => change({ start: event.target.value })}
          />
        )}
      </Field>
      <Field label="To" error={problems.end} hint="Empty: until now. Times are in your zone.">
        {(input) => (
          <Input
            {...input}
            type="datetime-local"
            step="0.001"
            value={end}
            onChange={(event) => change({ end: event.target.value })}
          />
        )}
      </Field>
      <Button type="submit" className="self-end">
        Show this range
      </Button>
    </form>
  );
}
