import { lazy, Suspense, useState } from 'react';
import { formatBytes } from '~/lib/bytes';
import { Button } from '../Button';
import { Skeleton } from '../Skeleton';
import { SimpleText } from './SimpleText';
import { BEGINNING_CHARS, type TextSize } from './sizes';

// The viewer is an editor, which is loaded when a text needs it.
const TextView = lazy(() => import('./TextView'));

export interface CodeBodyProps {
  /** The id of the element that names it. */
  titleId: string;
  size: TextSize;
  isJson: boolean;
  isWrapped: boolean;
  /** As it was received. */
  text: string;
  /** As it is shown where that is known; otherwise as it was received. */
  shown: string;
  onDownload: () => void;
  /** The height of plain HTML. */
  className?: string;
  /** The height of the viewer. */
  viewerClassName?: string;
  onOverflow?: (isOverflowing: boolean) => void;
}

const ignore = () => {};

/** The text itself, in the way that suits its size. */
export function CodeBody(props: CodeBodyProps) {
  const { size, shown, text, isJson, isWrapped, viewerClassName = '' } = props;
  const [showsBeginning, setShowsBeginning] = useState(false);
  if (shown === '') return <p className="px-3 py-2 text-ink-faint text-xs">Empty</p>;
  if (size === 'simple') {
    return (
      <SimpleText
        labelledBy={props.titleId}
        text={shown}
        isJson={isJson}
        isWrapped={isWrapped}
        className={props.className ?? ''}
        onOverflow={props.onOverflow ?? ignore}
      />
    );
  }
  const view = (part: string, isPartJson: boolean) => (
    <Suspense fallback={<Skeleton lines={6} />}>
      <TextView
        labelledBy={props.titleId}
        text={part}
        isJson={isPartJson}
        isWrapped={isWrapped}
        className={viewerClassName}
      />
    </Suspense>
  );
  if (size === 'large') return view(shown, isJson);
  const bytes = formatBytes(new Blob([text]).size);
  return (
    <div>
      <div className="flex flex-wrap items-center gap-3 px-3 py-2.5">
        <p className="min-w-0 flex-1 text-ink-soft">
          {showsBeginning
            ? `The beginning of ${bytes}. Download it to see the rest.`
            : `${bytes}: too large to show here.`}
        </p>
        <Button size="small" onClick={props.onDownload}>
          Download
        </Button>
        {!showsBeginning && (
          <Button size="small" onClick={() => setShowsBeginning(true)}>
            Show the beginning
          </Button>
        )}
      </div>
      {showsBeginning && (
        <div className="border-line border-t">{view(text.slice(0, BEGINNING_CHARS), false)}</div>
      )}
    </div>
  );
}
