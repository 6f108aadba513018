import { lazy, Suspense, useEffect, useState } from 'react';
import { isMac } from '~/features/shell/shortcuts';
import { cn } from '~/lib/cn';
import { Button } from '~/ui/Button';
import type { SearchSubject } from './cel-completions';
import { faultOf } from './faults';
import { withoutBlankLines } from './text';
import { useSearchCheck } from './useSearchCheck';

const CelEditor = lazy(() => import('./CelEditor'));

export interface SearchPanelProps {
  subject: SearchSubject;
  /** The search that the list shows. */
  value: string | undefined;
  /** Given text without blank lines, or undefined for no search. */
  onSearch: (value: string | undefined) => void;
  /** The list is being searched. */
  isSearching: boolean;
  /** Why the list could not be searched. */
  error: Error | null;
  /** Somebody opened the panel to write something. */
  takesFocus: boolean;
}

/** Where a search is written, checked and begun. */
export function SearchPanel(props: SearchPanelProps) {
  const { subject, value = '', onSearch, isSearching, takesFocus } = props;
  const [draft, setDraft] = useState(value);
  // The search may be taken back elsewhere, or the address be another one.
  useEffect(() => {
    setDraft((now) => ((withoutBlankLines(now) ?? '') === value ? now : value));
  }, [value]);
  const { fault: written, checkNow } = useSearchCheck(draft, subject);
  const [refused, setRefused] = useState<typeof written>(null);
  const isAsShown = (withoutBlankLines(draft) ?? '') === value;
  const fault = written ?? refused ?? (isAsShown ? faultOf(props.error) : null);

  const search = async () => {
    const found = withoutBlankLines(draft);
    const refusal = found === undefined ? null : await checkNow();
    setRefused(refusal);
    if (!refusal) onSearch(found);
  };
  const change = (text: string) => {
    setDraft(text);
    setRefused(null);
  };
  const reset = () => {
    change('');
    onSearch(undefined);
  };
  const place = fault?.line
    ? `Line ${fault.line}${fault.column ? `, column ${fault.column}` : ''}: `
    : '';
  return (
    <search aria-label="Search" className="flex flex-col gap-1.5">
      <div className="flex flex-wrap items-start gap-2">
        <div
          className={cn(
            'min-h-9 min-w-64 flex-1 rounded-md border bg-surface focus-within:outline-2 focus-within:outline-focus',
            fault ? 'border-bad-solid' : 'border-line-strong',
          )}
        >
          <Suspense fallback={<p className="px-3 py-2 text-ink-faint">Loading the editor…</p>}>
            <CelEditor
              subject={subject}
              value={draft}
              onChange={change}
              onSubmit={() => void search()}
              fault={fault}
              takesFocus={takesFocus}
            />
          </Suspense>
        </div>
        <Button kind="primary" isBusy={isSearching} onClick={() => void search()}>
          Search
        </Button>
        <Button disabled={draft === '' && value === ''} onClick={reset}>
          Reset
        </Button>
      </div>
      <div className="min-h-4 text-xs">
        {fault ? (
          <p role="alert" className="text-bad-ink">
            {place}
            {fault.message}
          </p>
        ) : (
          <p className="text-ink-faint">
            Conditions in CEL, one a line; all must hold. {isMac ? '⌘' : 'Ctrl'} Enter searches.
          </p>
        )}
      </div>
    </search>
  );
}
