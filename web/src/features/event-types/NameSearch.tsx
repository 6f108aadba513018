import { Search } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { Input } from '~/ui/Field';

/** People are not answered before they have paused. */
const PATIENCE_MS = 250;

/** Limits a list to names with a part that is typed. */
export function NameSearch(props: {
  value: string | undefined;
  onChange: (value: string | undefined) => void;
}) {
  const { value = '', onChange } = props;
  const [typed, setTyped] = useState(value);
  const [held, setHeld] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  // The address may change for other reasons, such as a link or the browser's Back.
  if (held !== value) {
    setHeld(value);
    if (typed.trim() !== value) setTyped(value);
  }
  const tell = (text: string) => {
    clearTimeout(timer.current);
    onChange(text.trim() === '' ? undefined : text.trim());
  };
  return (
    <div className="relative w-full max-w-80">
      <Search
        className="pointer-events-none absolute top-2 left-2.5 size-4 text-ink-faint"
        aria-hidden
      />
      <Input
        type="search"
        data-list-search
        aria-label="Find by name"
        placeholder="Find by name"
        className="pl-8"
        value={typed}
        onChange={({ target }) => {
          setTyped(target.value);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => tell(target.value), PATIENCE_MS);
        }}
        onKeyDown={(event) => event.key === 'Enter' && tell(typed)}
      />
    </div>
  );
}
