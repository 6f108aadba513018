import { closeBrackets, closeBracketsKeymap } from '@codemirror/autocomplete';
import { json } from '@codemirror/lang-json';
import { bracketMatching, foldGutter, foldKeymap } from '@codemirror/language';
import { linter } from '@codemirror/lint';
import { EditorState, type Text } from '@codemirror/state';
import { keymap, lineNumbers } from '@codemirror/view';
import { useEffect, useMemo, useRef, useState } from 'react';
import { cn } from '~/lib/cn';
import { editorBase, heightInLines } from './codemirror';
import { EditorFrame } from './EditorFrame';
import type { JsonEditorProps } from './JsonEditor';
import { faultOf } from './json-fault';

/** People are not corrected before they have finished the word. */
const PATIENCE_MS = 400;

/** `JsonEditor` once it is loaded: an editor and, below it, what is wrong and where. */
export default function JsonEditorView(props: JsonEditorProps & { lines: number }) {
  const { label, value, onChange, onSubmit, isReadOnly = false, lines } = props;
  const [fault, setFault] = useState<string | null>(null);
  const submit = useRef(onSubmit);
  useEffect(() => {
    submit.current = onSubmit;
  });
  const submits = onSubmit !== undefined;
  const extensions = useMemo(
    () => [
      ...editorBase({ label, onSubmit: submits ? () => submit.current?.() : undefined }),
      heightInLines(lines, lines),
      lineNumbers(),
      foldGutter(),
      json(),
      isReadOnly
        ? EditorState.readOnly.of(true)
        : [bracketMatching(), closeBrackets(), faults(setFault)],
      keymap.of([...closeBracketsKeymap, ...foldKeymap]),
    ],
    [label, lines, isReadOnly, submits],
  );
  return (
    <div
      className={cn(
        'overflow-hidden rounded-md border bg-surface focus-within:outline-2 focus-within:outline-focus',
        fault ? 'border-bad-solid' : 'border-line-strong',
      )}
    >
      <EditorFrame
        value={value}
        onChange={onChange}
        extensions={extensions}
        focusAt={props.focusAt}
      />
      <div role="status" className="text-xs">
        {fault && (
          <p className="border-line border-t bg-bad-soft px-3 py-1.5 text-bad-ink">{fault}</p>
        )}
      </div>
    </div>
  );
}

/** Underlines the first fault, and tells it in a sentence; an empty text has none yet. */
function faults(tell: (fault: string | null) => void) {
  return linter(
    ({ state: { doc } }) => {
      const text = doc.toString();
      const fault = text.trim() === '' ? null : faultOf(text);
      tell(fault && `${placeOf(doc, fault.from)}: ${fault.message}.`);
      return fault ? [{ ...fault, severity: 'error' }] : [];
    },
    { delay: PATIENCE_MS },
  );
}

function placeOf(doc: Text, position: number): string {
  const line = doc.lineAt(Math.min(position, doc.length));
  return `Line ${line.number}, column ${position - line.from + 1}`;
}
