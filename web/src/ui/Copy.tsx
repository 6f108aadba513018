import { Check, Copy } from 'lucide-react';
import { useState } from 'react';
import { cn } from '~/lib/cn';
import { IconButton } from './Button';

/** Puts text on the clipboard; false if the browser does not let us (plain HTTP, no permission). */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** The old way, which also works on pages that are not served over HTTPS. */
function copyBySelection(text: string): boolean {
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'fixed -left-[100vw]';
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand('copy');
  area.remove();
  return isCopied;
}

function useCopied(text: string): [boolean, () => void] {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    if (!(await copyText(text))) return;
    setCopied(true);
    setTimeout(() => setCopied(false), 1_500);
  };
  return [isCopied, () => void copy()];
}

export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [isCopied, copy] = useCopied(text);
  return (
    <>
      <IconButton
        label={label}
        icon={isCopied ? <Check className="text-good-ink" /> : <Copy />}
        onClick={(event) => {
          event.stopPropagation();
          copy();
        }}
      />
      <span role="status" className="sr-only">
        {isCopied ? 'Copied' : ''}
      </span>
    </>
  );
}

/** An id in monospace with a button to copy it. */
export function Id({ id, className }: { id: string; className?: string }) {
  return (
    <span className={cn('inline-flex min-w-0 items-center gap-0.5', className)}>
      <code className="truncate font-mono text-[0.8125rem]" title={id}>
        {id}
      </code>
      <CopyButton text={id} label={`Copy ${id}`} />
    </span>
  );
}
