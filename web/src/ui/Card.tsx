import type { ReactNode } from 'react';
import { cn } from '~/lib/cn';

/** A box with an optional heading and actions beside it. */
export function Card(props: {
  title?: ReactNode;
  actions?: ReactNode;
  className?: string;
  children: ReactNode;
}) {
  return (
    <section className={cn('rounded-lg border border-line bg-surface', props.className)}>
      {props.title !== undefined && (
        <div className="flex min-h-11 items-center justify-between gap-3 border-line border-b px-4 py-1.5">
          <h2 className="min-w-0 truncate font-semibold text-sm">{props.title}</h2>
          {props.actions && <div className="flex items-center gap-2">{props.actions}</div>}
        </div>
      )}
      {props.children}
    </section>
  );
}

/** Names and values. Rows without a value are left out by leaving out the `Fact`. */
export function Facts({ children, className }: { children: ReactNode; className?: string }) {
  return (
    <dl
      className={cn(
        'grid grid-cols-[repeat(auto-fill,minmax(11rem,1fr))] gap-x-6 gap-y-3',
        className,
      )}
    >
      {children}
    </dl>
  );
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="text-ink-faint text-xs">{name}</dt>
      <dd className="mt-0.5 break-words">{children}</dd>
    </div>
  );
}
