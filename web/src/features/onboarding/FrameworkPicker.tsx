import { Radio } from '@base-ui/react/radio';
import { RadioGroup } from '@base-ui/react/radio-group';
import { FRAMEWORKS } from './frameworks';

/** Which framework the app is written with. */
export function FrameworkPicker(props: { value: string; onChange: (id: string) => void }) {
  return (
    <RadioGroup
      aria-label="Framework"
      value={props.value}
      onValueChange={(value) => props.onChange(String(value))}
      className="flex flex-wrap gap-2"
    >
      {FRAMEWORKS.map(({ id, name, language }) => (
        <Radio.Root
          key={id}
          value={id}
          aria-label={`${name}, ${language}`}
          className="flex cursor-pointer flex-col items-start rounded-md border border-line-strong bg-surface px-3 py-1.5 text-left hover:bg-hover data-checked:border-accent data-checked:bg-accent-soft"
        >
          <span className="font-medium">{name}</span>
          <span className="text-ink-soft text-xs">{language}</span>
        </Radio.Root>
      ))}
    </RadioGroup>
  );
}
