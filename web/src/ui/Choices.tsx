import { type ReactNode, useId } from 'react';

export interface Choice<Value extends string> {
  value: Value;
  title: string;
  /** What choosing it means. */
  about?: ReactNode;
}

/** One of a few, all in sight, each explained. */
export function Choices<Value extends string>(props: {
  label: string;
  value: Value;
  choices: readonly Choice<Value>[];
  onChange: (value: Value) => void;
}) {
  const name = useId();
  return (
    <fieldset className="flex flex-col gap-1">
      <legend className="mb-1 font-medium text-ink">{props.label}</legend>
      {props.choices.map(({ value, title, about }) => (
        <label
          key={value}
          className="flex cursor-pointer items-start gap-2.5 rounded-md border border-line px-3 py-2 has-checked:border-accent has-checked:bg-accent-soft"
        >
          <input
            type="radio"
            name={name}
            value={value}
            checked={props.value === value}
            onChange={() => props.onChange(value)}
            className="mt-0.5 size-4 shrink-0 accent-(--accent)"
          />
          <span className="min-w-0">
            <span className="text-ink">{title}</span>
            {about && <span className="block text-ink-soft text-xs">{about}</span>}
          </span>
        </label>
      ))}
    </fieldset>
  );
}
