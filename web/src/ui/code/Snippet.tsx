import { useId } from 'react';
import { CopyButton } from '../Copy';
import { SimpleText } from './SimpleText';

const ignore = () => {};

/** A few lines to copy: commands, a file. For texts of an app there is `CodeBlock`. */
export function Snippet({ title, code }: { title: string; code: string }) {
  const id = useId();
  const text = code.trimEnd();
  return (
    <figure className="overflow-hidden rounded-md border border-line bg-surface">
      <figcaption className="flex min-h-8 items-center justify-between gap-3 border-line border-b bg-canvas pr-1 pl-3">
        <span id={id} className="truncate font-medium text-ink-soft text-xs">
          {title}
        </span>
        <CopyButton text={text} label={`Copy: ${title}`} />
      </figcaption>
      <SimpleText
        labelledBy={id}
        text={text}
        isJson={false}
        isWrapped={false}
        onOverflow={ignore}
      />
    </figure>
  );
}
