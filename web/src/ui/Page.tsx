import { ChevronRight } from 'lucide-react';
import { Fragment, type ReactNode, useEffect } from 'react';
import { cn } from '~/lib/cn';

/** Sets what the browser's tab and history say while the page is shown. */
export function useTitle(...parts: (string | null | undefined)[]): void {
  const title = [...parts.filter(Boolean), 'Stepwell'].join(' · ');
  useEffect(() => {
    document.title = title;
  }, [title]);
}

interface PageProps {
  /** The last of the breadcrumbs and the heading of the page. */
  title: ReactNode;
  /** What the browser calls the page, where `title` is not text. */
  documentTitle?: string;
  /** Links to the pages above this one. */
  above?: ReactNode[];
  /** Beside the title: a status, a label. */
  beside?: ReactNode;
  actions?: ReactNode;
  /** Below the header line: tabs. */
  tabs?: ReactNode;
  /** False lets the content use the whole width and scroll by itself. */
  isPadded?: boolean;
  children: ReactNode;
}

/** A page: breadcrumbs, heading, actions and content that scrolls below them. */
export function Page(props: PageProps) {
  const { title, documentTitle, above = [], beside, actions, tabs, isPadded = true } = props;
  useTitle(documentTitle ?? (typeof title === 'string' ? title : null));
  return (
    <div className="flex h-full min-w-0 flex-col">
      <header className="shrink-0 border-line border-b bg-surface">
        <div className="flex min-h-12 flex-wrap items-center justify-between gap-x-4 gap-y-1 px-4 py-1.5 sm:px-5">
          <div className="flex min-w-0 items-center gap-1.5">
            {above.map((link, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: breadcrumbs do not change places
              <Fragment key={index}>
                <span className="text-ink-soft [&_a:hover]:text-ink [&_a:hover]:underline">
                  {link}
                </span>
                <ChevronRight className="size-3.5 shrink-0 text-ink-faint" aria-hidden />
              </Fragment>
            ))}
            <h1 className="min-w-0 truncate font-semibold text-[0.9375rem]">{title}</h1>
            {beside && <div className="ml-2 flex items-center gap-2">{beside}</div>}
          </div>
          {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
        </div>
        {tabs}
      </header>
      <div
        className={cn('min-h-0 flex-1', isPadded ? 'overflow-y-auto p-4 sm:p-5' : 'flex flex-col')}
      >
        {props.children}
      </div>
    </div>
  );
}
