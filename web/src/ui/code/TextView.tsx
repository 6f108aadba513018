import { json } from '@codemirror/lang-json';
import { codeFolding, foldGutter, foldKeymap } from '@codemirror/language';
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search';
import { EditorState } from '@codemirror/state';
import { EditorView, keymap, lineNumbers } from '@codemirror/view';
import { useEffect, useMemo, useState } from 'react';
import { Skeleton } from '../Skeleton';
import { editorBase } from './codemirror';
import { EditorFrame } from './EditorFrame';
import { setOut } from './json-layout';

interface TextViewProps {
  /** The id of the element that names it. */
  labelledBy: string;
  text: string;
  isJson: boolean;
  isWrapped: boolean;
  /** Of the frame: decides the height. */
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
  const shown = useSetOut(text, isJson);
  const extensions = useMemo(
    () => [
      ...editorBase({ labelledBy }),
      EditorState.readOnly.of(true),
      // Phones would otherwise open their keyboard.
      EditorView.contentAttributes.of({ inputmode: 'none' }),
      lineNumbers(),
      highlightSelectionMatches(),
      isJson ? [json(), codeFolding(), foldGutter()] : [],
      isWrapped ? EditorView.lineWrapping : [],
      keymap.of([...searchKeymap, ...foldKeymap]),
    ],
    [labelledBy, isJson, isWrapped],
  );
  if (shown === null) return <Skeleton lines={6} />;
  return <EditorFrame value={shown} extensions={extensions} className={className} />;
}

/** The text set out; null for the moment before, so that the page is drawn first. */
function useSetOut(text: string, isJson: boolean): string | null {
  const [result, setResult] = useState<{ of: string; shown: string } | null>(null);
  useEffect(() => {
    if (!isJson) return;
    const timer = setTimeout(() => setResult({ of: text, shown: setOut(text) ?? text }), 0);
    return () => clearTimeout(timer);
  }, [text, isJson]);
  if (!isJson) return text;
  return result?.of === text ? result.shown : null;
}
