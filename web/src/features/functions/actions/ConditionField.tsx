import { useState } from 'react';
import { Field, Input } from '~/ui/Field';

interface ConditionFieldProps {
  value: string;
  onChange: (value: string) => void;
}

/** An expression over the event of a run; the server says what is wrong with it. */
export function ConditionField({ value, onChange }: ConditionFieldProps) {
  return (
    <Field
      label="Only runs whose event fits (optional)"
      hint={
        <>
          An expression over <code className="font-mono">event</code>, such as{' '}
          <code className="font-mono">event.data.customer == "c1"</code>
        </>
      }
    >
      {(input) => (
        <Input
          {...input}
          value={value}
          spellCheck={false}
          autoComplete="off"
          className="font-mono"
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

/** A text field's state, with what is sent of it: nothing if there is nothing but space. */
export function useOptionalText(): [string, (text: string) => void, string | undefined] {
  const [text, setText] = useState('');
  return [text, setText, text.trim() || undefined];
}
