import type { Extension } from '@codemirror/state';
import { EditorState } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { useEffect, useRef } from 'react';
import { cn } from '~/lib/cn';

interface EditorFrameProps {
  value: string;
  /** Called for what was typed, not for a new `value`. */
  onChange?: (value: string) => void;
  /** What makes it the editor that it is; must be the same array until it shall be another one. */
  extensions: Extension[];
  className?: string;
}

/** CodeMirror in a page: `value` is its text, and what is typed is told. */
export function EditorFrame({ value, onChange, extensions, className }: EditorFrameProps) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef({ value, onChange });
  useEffect(() => {
    latest.current = { value, onChange };
  });

  useEffect(() => {
    if (!place.current) return;
    const tellChanges = EditorView.updateListener.of((update) => {
      if (!update.docChanged) return;
      const text = update.state.doc.toString();
      if (text !== latest.current.value) latest.current.onChange?.(text);
    });
    const editor = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [extensions, tellChanges],
      }),
    });
    view.current = editor;
    return () => {
      view.current = null;
      editor.destroy();
    };
  }, [extensions]);

  useEffect(() => {
    const editor = view.current;
    if (!editor || editor.state.doc.toString() === value) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
  }, [value]);

  return <div ref={place} className={cn('overflow-hidden rounded-md', className)} />;
}
