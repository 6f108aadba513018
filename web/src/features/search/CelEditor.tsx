import {
  acceptCompletion,
  autocompletion,
  type Completion,
  type CompletionContext,
  type CompletionResult,
  closeBrackets,
  closeBracketsKeymap,
} from '@codemirror/autocomplete';
import { setDiagnostics } from '@codemirror/lint';
import { type EditorState, Prec } from '@codemirror/state';
import { EditorView, keymap, placeholder, tooltips, ViewPlugin } from '@codemirror/view';
import { useEffect, useMemo, useRef } from 'react';
import { editorBase, heightInLines } from '~/ui/code/codemirror';
import { EditorFrame } from '~/ui/code/EditorFrame';
import { type SearchSubject, type Suggestion, suggestionsFor } from './cel-completions';
import { cel } from './cel-tokens';
import { type Fault, spanOf } from './faults';

export interface CelEditorProps {
  subject: SearchSubject;
  value: string;
  onChange: (value: string) => void;
  /** Ctrl or ⌘ with Enter. */
  onSubmit: () => void;
  /** What is wrong with the text, underlined. */
  fault: Fault | null;
  /** Takes the focus when it appears. */
  takesFocus: boolean;
}

/** An editor for conditions in CEL, one a line, that knows what can be written next. */
export default function CelEditor(props: CelEditorProps) {
  const { subject, value, onChange, onSubmit, fault, takesFocus } = props;
  const submit = useRef(onSubmit);
  useEffect(() => {
    submit.current = onSubmit;
  });
  const view = useRef<EditorView | null>(null);
  const extensions = useMemo(
    () => [
      ...editorBase({ label: 'Search', onSubmit: () => submit.current() }),
      heightInLines(1, 10),
      cel,
      closeBrackets(),
      placeholder('event.data.total > 100'),
      autocompletion({
        override: [(context) => completionsAt(context, subject)],
        activateOnTyping: true,
        icons: false,
      }),
      Prec.high(keymap.of([{ key: 'Tab', run: acceptCompletion }])),
      keymap.of(closeBracketsKeymap),
      // The list may be longer than the editor is high.
      tooltips({ position: 'fixed' }),
      EditorView.lineWrapping,
      // `>=` is read better as it is typed.
      EditorView.theme({ '.cm-content': { fontVariantLigatures: 'none' } }),
      EditorView.contentAttributes.of({ 'data-list-search': '' }),
      remembered(view),
    ],
    [subject],
  );
  useEffect(() => {
    const editor = view.current;
    if (!editor) return;
    const { state } = editor;
    const found = fault && spanOf(value, fault);
    const isWithin = found && state.doc.toString() === value;
    const diagnostics = isWithin
      ? [{ ...found, severity: 'error' as const, message: fault.message }]
      : [];
    editor.dispatch(setDiagnostics(state, diagnostics));
  }, [fault, value]);
  useEffect(() => {
    const editor = view.current;
    if (!takesFocus || !editor) return;
    editor.focus();
    editor.dispatch({ selection: { anchor: editor.state.doc.length } });
  }, [takesFocus]);
  return <EditorFrame value={value} onChange={onChange} extensions={extensions} />;
}

/** Keeps the editor within reach while there is one. */
function remembered(place: { current: EditorView | null }) {
  return ViewPlugin.define((view) => {
    place.current = view;
    return {
      destroy: () => {
        if (place.current === view) place.current = null;
      },
    };
  });
}

function completionsAt(
  { state, pos, explicit }: CompletionContext,
  subject: SearchSubject,
): CompletionResult | null {
  const before = textBefore(state, pos);
  // An empty line asks for nothing until it is asked.
  if (!explicit && before.trim() === '') return null;
  const found = suggestionsFor(before, subject);
  if (!found) return null;
  return {
    from: pos - found.typed,
    options: found.options.map(completionOf),
    filter: false,
  };
}

function textBefore(state: EditorState, position: number): string {
  const line = state.doc.lineAt(position);
  return line.text.slice(0, position - line.from);
}

function completionOf({ label, about, kind, cursorBack = 0 }: Suggestion): Completion {
  return {
    label,
    detail: about,
    type: kind,
    apply: (view, _completion, from, to) => {
      // An operator is followed by a value.
      const insert = kind === 'operator' && cursorBack === 0 ? `${label} ` : label;
      const anchor = from + insert.length - cursorBack;
      view.dispatch({ changes: { from, to, insert }, selection: { anchor } });
    },
  };
}
