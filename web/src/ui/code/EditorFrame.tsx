import { EditorState, type Extension } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { useEffect, useRef } from 'react';
import { cn } from '~/lib/cn';

interface EditorFrameProps {
  value: string;
  /** Called for what was typed, not for a new `value`. */
  onChange?: (value: string) => void;
  /** What makes it the editor that it is; must be the same array until it shall be another one. */
  extensions: Extension[];
  /** Takes the focus when it appears, with the cursor at this index. */
  focusAt?: number | undefined;
  className?: string;
}

/** CodeMirror in a page: `value` is its text, and what is typed is told. */
export function EditorFrame(props: EditorFrameProps) {
  const { value, onChange, extensions, focusAt, className } = props;
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef({ value, onChange });
  const firstFocus = useRef(focusAt);
  /** What the editor holds, so that large texts need not be read out of it to be compared. */
  const held = useRef(value);
  useEffect(() => {
    latest.current = { value, onChange };
  });

  useEffect(() => {
    if (!place.current) return;
    const tellChanges = EditorView.updateListener.of((update) => {
      if (!update.docChanged) return;
      const text = update.state.doc.toString();
      if (text === held.current) return;
      held.current = text;
      latest.current.onChange?.(text);
    });
    held.current = latest.current.value;
    const editor = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [extensions, tellChanges],
      }),
    });
    editor.dom.addEventListener('keydown', keepEscape);
    view.current = editor;
    if (firstFocus.current !== undefined) {
      const anchor = Math.min(firstFocus.current, editor.state.doc.length);
      editor.dispatch({ selection: { anchor } });
      editor.focus();
    }
    return () => {
      view.current = null;
      editor.destroy();
    };
  }, [extensions]);

  useEffect(() => {
    const editor = view.current;
    if (!editor || held.current === value) return;
    held.current = value;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
  }, [value]);

  return <div ref={place} className={cn('overflow-hidden rounded-md', className)} />;
}

/** Escape that closed something of the editor shall not also close the dialog around it. */
function keepEscape(event: KeyboardEvent): void {
  if (event.key === 'Escape' && event.defaultPrevented) event.stopPropagation();
}
