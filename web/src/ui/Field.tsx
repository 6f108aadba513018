import { Switch as BaseSwitch } from '@base-ui/react/switch';
import { type ComponentProps, type ReactNode, useId } from 'react';
import { cn } from '~/lib/cn';

export const INPUT_CLASS =
  'h-8 w-full min-w-0 rounded-md border border-line-strong bg-surface px-2.5 text-ink placeholder:text-ink-faint disabled:opacity-60 aria-invalid:border-bad-solid';

/** A label, an input and what is wrong with it. The input is given the id and what describes it. */
export function Field(props: {
  label: string;
  hint?: ReactNode;
  error?: string | null | undefined;
  children: (input: {
    id: string;
    'aria-describedby': string;
    'aria-invalid': boolean;
  }) => ReactNode;
}) {
  const id = useId();
  const remarkId = `${id}-remark`;
  return (
    <div className="flex flex-col gap-1">
      <label htmlFor={id} className="font-medium">
        {props.label}
      </label>
      {props.children({ id, 'aria-describedby': remarkId, 'aria-invalid': Boolean(props.error) })}
      <div id={remarkId} className={cn('text-xs', props.error ? 'text-bad-ink' : 'text-ink-faint')}>
        {props.error ? <span role="alert">{props.error}</span> : props.hint}
      </div>
    </div>
  );
}

export function Input({ className, ...rest }: ComponentProps<'input'>) {
  return <input {...rest} className={cn(INPUT_CLASS, className)} />;
}

/** On or off, at once. */
export function Switch(props: { label: string; isOn: boolean; onChange: (isOn: boolean) => void }) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the switch is the control
    <label className="inline-flex items-center gap-2 whitespace-nowrap">
      <BaseSwitch.Root
        checked={props.isOn}
        onCheckedChange={props.onChange}
        className="relative inline-flex h-4.5 w-8 shrink-0 rounded-full bg-calm-solid transition-colors data-checked:bg-accent"
      >
        <BaseSwitch.Thumb className="m-0.5 size-3.5 rounded-full bg-white transition-transform data-checked:translate-x-3.5" />
      </BaseSwitch.Root>
      {props.label}
    </label>
  );
}
