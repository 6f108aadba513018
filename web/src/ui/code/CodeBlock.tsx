import type { ReactNode } from 'react';
import { CopyButton } from '../Copy';

export interface CodeBlockProps {
  title: ReactNode;
  /** JSON is set out and coloured; any other text is shown as it is. */
  text: string;
  language?: 'json' | 'text';
  /** Red heading, for errors. */
  isError?: boolean;
  /** Beside the buttons to copy, wrap, download and enlarge. */
  actions?: ReactNode;
  /** What a download is called. */
  fileName?: string;
}

/** Text of the app: a payload, an output, a stack. */
export function CodeBlock({ title, text, actions }: CodeBlockProps) {
  return (
    <figure className="overflow-hidden rounded-md border border-line">
      <figcaption className="flex items-center justify-between border-line border-b bg-canvas px-3 py-1">
        <span className="font-medium text-xs">{title}</span>
        <span className="flex items-center gap-1">
          {actions}
          <CopyButton text={text} />
        </span>
      </figcaption>
      <pre className="max-h-96 overflow-auto p-3 font-mono text-[0.8125rem]">{text}</pre>
    </figure>
  );
}
