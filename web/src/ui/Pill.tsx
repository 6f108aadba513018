import type { ReactNode } from 'react';
import { cn } from '~/lib/cn';

/** A name with an icon: an event, a schedule, a function. Long names end in an ellipsis. */
export function Pill(props: {
  icon?: ReactNode;
  title?: string;
  isMono?: boolean;
  children: ReactNode;
}) {
  return (
    <span
      title={props.title}
      className={cn(
        'inline-flex h-5.5 min-w-0 max-w-full items-center gap-1 rounded border border-line bg-canvas px-1.5 text-ink-soft text-xs [&_svg]:size-3 [&_svg]:shrink-0',
        props.isMono && 'font-mono',
      )}
    >
      {props.icon}
      <span className="truncate">{props.children}</span>
    </span>
  );
}
