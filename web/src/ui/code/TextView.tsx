import { json } from '@codemirror/lang-json';
import { codeFolding, foldGutter, foldKeymap } from '@codemirror/language';
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search';
import { EditorState } from '@codemirror/state';
import { EditorView, keymap, lineNumbers } from '@codemirror/view';
import { useEffect, useMemo, useState } from 'react';
import { Skeleton } from '../Skeleton';
import { editorBase } from './codemirror';
import { EditorFrame } from './EditorFrame';
import { layOut } from './layout-of';
import { hasLongLine } from './sizes';

interface TextViewProps {
  /** The id of the element that names it. */
  labelledBy: string;
  text: string;
  isJson: boolean;
  isWrapped: boolean;
  /** Of the frame: decides the height, of which the text scrolls. */
  className: string;
}

/**
 * A text that may be large: with line numbers, folding and search (Ctrl or ⌘ with F). Only the lines
 * that are seen are drawn.
 */
export default function TextView({
  labelledBy,
  text,
  isJson,
  isWrapped,
  className,
}: TextViewProps) {
  const shown = useLayout(text, isJson);
  const isStiff = useMemo(() => hasLongLine(shown ?? ''), [shown]);
  const extensions = useMemo(
    () => [
      ...editorBase({ labelledBy }),
      EditorState.readOnly.of(true),
      // Phones would otherwise open their keyboard.
      EditorView.contentAttributes.of({ inputmode: 'none' }),
      lineNumbers(),
      search({ top: true }),
      highlightSelectionMatches(),
      isJson && !isStiff ? [json(), codeFolding(), foldGutter()] : [],
      isWrapped && !isStiff ? EditorView.lineWrapping : [],
      keymap.of([...searchKeymap, ...foldKeymap]),
    ],
    [labelledBy, isJson, isWrapped, isStiff],
  );
  if (shown === null) return <Skeleton lines={6} />;
  return (
    <>
      <EditorFrame value={shown} extensions={extensions} className={className} />
      {isStiff && isWrapped && (
        <p className="border-line border-t px-3 py-1 text-ink-faint text-xs">
          A line is too long to be wrapped.
        </p>
      )}
    </>
  );
}

/** The text as it is shown; null until it is set out, which waits for the page to be drawn. */
function useLayout(text: string, isJson: boolean): string | null {
  const [layout, setLayout] = useState<{ of: string; shown: string } | null>(null);
  useEffect(() => {
    if (!isJson) return;
    return layOut(text, (shown) => setLayout({ of: text, shown }));
  }, [text, isJson]);
  if (!isJson) return text;
  return layout?.of === text ? layout.shown : null;
}
