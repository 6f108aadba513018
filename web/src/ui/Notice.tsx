import { CircleAlert, Info, SearchX, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { cn } from '~/lib/cn';
import { RequestError } from '~/lib/request';
import { Button } from './Button';
import { TONE_SOFT } from './Status';

type Severity = 'info' | 'warning' | 'error';
const TONES = { info: 'busy', warning: 'waiting', error: 'bad' } as const;
const ICONS = { info: Info, warning: TriangleAlert, error: CircleAlert };

/** A remark within a page. */
export function Notice(props: {
  severity?: Severity;
  title?: ReactNode;
  actions?: ReactNode;
  children?: ReactNode;
  className?: string;
}) {
  const { severity = 'info' } = props;
  const Icon = ICONS[severity];
  return (
    <div
      role={severity === 'error' ? 'alert' : 'note'}
      className={cn(
        'flex items-start gap-3 rounded-md px-3 py-2.5',
        TONE_SOFT[TONES[severity]],
        props.className,
      )}
    >
      <Icon className="mt-0.5 size-4 shrink-0" aria-hidden />
      <div className="min-w-0 flex-1 break-words">
        {props.title && <p className="font-semibold">{props.title}</p>}
        {props.children}
      </div>
      {props.actions}
    </div>
  );
}

/** What could not be loaded, why, and a way to try again. */
export function ErrorNotice(props: { title: string; error: Error; onRetry?: () => void }) {
  const { title, error, onRetry } = props;
  const isUnreachable = error instanceof RequestError && error.trouble === 'unreachable';
  return (
    <Notice
      severity="error"
      title={title}
      actions={
        onRetry && (
          <Button size="small" onClick={onRetry}>
            Try again
          </Button>
        )
      }
    >
      <p>{error.message}</p>
      {isUnreachable && <p>Check that it runs and that this machine can reach it.</p>}
    </Notice>
  );
}

/** Nothing to show: says why, and what to do about it. */
export function EmptyState(props: {
  icon?: ReactNode;
  title: string;
  children?: ReactNode;
  actions?: ReactNode;
}) {
  return (
    <div className="flex flex-col items-center gap-2 px-6 py-14 text-center">
      {props.icon && <div className="text-ink-faint [&_svg]:size-7">{props.icon}</div>}
      <h2 className="font-semibold text-base">{props.title}</h2>
      {props.children && <div className="max-w-prose text-ink-soft">{props.children}</div>}
      {props.actions && (
        <div className="mt-2 flex flex-wrap justify-center gap-2">{props.actions}</div>
      )}
    </div>
  );
}

/** A page for something that is not there (any more). */
export function NotFound({ what, id }: { what: string; id: string }) {
  return (
    <EmptyState icon={<SearchX />} title={`${what} not found`}>
      <p>
        There is nothing with the id <code className="break-all font-mono">{id}</code>. It may have
        been deleted because of its age, or belong to another server.
      </p>
    </EmptyState>
  );
}

export function isNotFound(error: Error | null): boolean {
  return error instanceof RequestError && error.trouble === 'missing';
}
