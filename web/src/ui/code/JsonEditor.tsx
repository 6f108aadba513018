import { lazy, Suspense } from 'react';
import { Skeleton } from '../Skeleton';

export interface JsonEditorProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  /** Ctrl or ⌘ with Enter. */
  onSubmit?: () => void;
  isReadOnly?: boolean;
  /** Takes the focus when it appears, with the cursor at this index. */
  focusAt?: number | undefined;
  /** Height in lines before it scrolls. */
  lines?: number;
}

const View = lazy(() => import('./JsonEditorView'));

/** An editor for JSON that marks what is wrong with it. Loaded when it is first shown. */
export function JsonEditor(props: JsonEditorProps) {
  const { lines = 12 } = props;
  return (
    <Suspense
      fallback={
        <div
          className="overflow-hidden rounded-md border border-line-strong bg-surface"
          style={{ height: `${lines * 1.25 + 1}rem` }}
        >
          <Skeleton lines={Math.min(lines, 6)} />
        </div>
      }
    >
      <View {...props} lines={lines} />
    </Suspense>
  );
}
