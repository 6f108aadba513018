import { ChevronsDownUp, ChevronsUpDown, Download, Maximize2, WrapText } from 'lucide-react';
import { type ReactNode, useId, useMemo, useState } from 'react';
import { cn } from '~/lib/cn';
import { isBoolean, useRemembered } from '~/lib/storage';
import { Button, IconButton } from '../Button';
import { CopyButton } from '../Copy';
import { Dialog } from '../Dialog';
import { CodeBody, type CodeBodyProps } from './CodeBody';
import { downloadText } from './download';
import { setOut } from './json-layout';
import { hasFewLines, sizeOf } from './sizes';

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

/**
 * Text of the app: a payload, an output, a stack. However large it is, the page stays usable: what
 * cannot be shown can be downloaded.
 */
export function CodeBlock(props: CodeBlockProps) {
  const { title, text, language = 'json', isError = false, actions } = props;
  const titleId = useId();
  const [isWrapped, setWrapped] = useRemembered('code.wrap', false, isBoolean);
  const [isLarge, setLarge] = useState(false);
  const [isExpanded, setExpanded] = useState(false);
  const [isOverflowing, setOverflowing] = useState(false);
  const content = useContent(text, language);
  const fileName = props.fileName ?? (language === 'json' ? 'data.json' : 'text.txt');
  const download = () =>
    downloadText(text, fileName, language === 'json' ? 'application/json' : 'text/plain');
  const body: CodeBodyProps = { ...content, text, titleId, isWrapped, onDownload: download };
  const canExpand = content.size === 'simple' && (isExpanded || isOverflowing);

  return (
    <figure
      className={cn(
        'overflow-hidden rounded-md border bg-surface',
        isError ? 'border-bad-solid/50' : 'border-line',
      )}
    >
      <figcaption
        className={cn(
          'flex min-h-9 items-center justify-between gap-3 border-line border-b px-3 py-0.5',
          isError ? 'bg-bad-soft text-bad-ink' : 'bg-canvas',
        )}
      >
        <span id={titleId} className="min-w-0 truncate font-medium text-xs">
          {title}
        </span>
        <span className="flex shrink-0 items-center gap-0.5">
          {actions}
          <IconButton
            label={isWrapped ? 'Do not wrap long lines' : 'Wrap long lines'}
            icon={<WrapText />}
            aria-pressed={isWrapped}
            className="aria-pressed:bg-hover aria-pressed:text-ink"
            onClick={() => setWrapped(!isWrapped)}
          />
          <CopyButton text={content.shown} />
          <IconButton label={`Download ${fileName}`} icon={<Download />} onClick={download} />
          <IconButton label="Enlarge" icon={<Maximize2 />} onClick={() => setLarge(true)} />
        </span>
      </figcaption>
      <CodeBody
        {...body}
        className={isExpanded ? '' : 'max-h-80'}
        viewerClassName="[&_.cm-editor]:max-h-96"
        onOverflow={setOverflowing}
      />
      {canExpand && (
        <div className="border-line border-t bg-canvas px-1.5 py-0.5">
          <Button
            kind="ghost"
            size="small"
            icon={isExpanded ? <ChevronsDownUp /> : <ChevronsUpDown />}
            aria-expanded={isExpanded}
            onClick={() => setExpanded(!isExpanded)}
          >
            {isExpanded ? 'Show less' : 'Show all'}
          </Button>
        </div>
      )}
      <Dialog title={title} isOpen={isLarge} onClose={() => setLarge(false)} width="full">
        <CodeBody
          {...body}
          size={content.size === 'simple' ? 'large' : content.size}
          viewerClassName="[&_.cm-editor]:h-[calc(100dvh-8rem)]"
        />
      </Dialog>
    </figure>
  );
}

/** What is shown of a text, and how. */
function useContent(text: string, language: 'json' | 'text') {
  return useMemo(() => {
    const size = sizeOf(text);
    const isJson = language === 'json';
    // Larger texts are set out where they are shown, once the page has been drawn.
    if (size !== 'simple') return { size, isJson, shown: text };
    const layout = isJson ? setOut(text) : null;
    const shown = layout ?? text;
    return {
      size: hasFewLines(shown) ? size : ('large' as const),
      isJson: layout !== null,
      shown,
    };
  }, [text, language]);
}
