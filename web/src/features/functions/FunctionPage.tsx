import { Link, type LinkProps, Outlet } from '@tanstack/react-router';
import { SearchX } from 'lucide-react';
import { buttonClass } from '~/ui/Button';
import { EmptyState, ErrorNotice, Notice } from '~/ui/Notice';
import { Page } from '~/ui/Page';
import { Skeleton } from '~/ui/Skeleton';
import { tabLinkClass } from '~/ui/Tabs';
import { FunctionMenu } from './actions/FunctionMenu';
import { marksOf } from './function-state';
import { useFunction } from './queries';
import { StateBadges } from './StateBadges';

const TABS = [
  { to: '/functions/$slug', title: 'Dashboard' },
  { to: '/functions/$slug/runs', title: 'Runs' },
  { to: '/functions/$slug/configuration', title: 'Configuration' },
  { to: '/functions/$slug/replays', title: 'Replays' },
  { to: '/functions/$slug/cancellations', title: 'Cancellations' },
] as const satisfies readonly { to: LinkProps['to']; title: string }[];

/** A function: its name and state, what can be done with it, and its tabs. */
export function FunctionPage({ slug }: { slug: string }) {
  const { fn, error, retry } = useFunction(slug);
  const above = [
    <Link key="functions" to="/functions">
      Functions
    </Link>,
  ];
  if (!fn) {
    return (
      <Page title={slug} documentTitle={slug} above={above}>
        {error ? (
          <ErrorNotice title="The function could not be loaded" error={error} onRetry={retry} />
        ) : fn === null ? (
          <Unknown slug={slug} />
        ) : (
          <Skeleton lines={8} />
        )}
      </Page>
    );
  }
  const marks = marksOf(fn);
  return (
    <Page
      title={fn.name}
      above={above}
      isPadded={false}
      beside={
        <>
          <StateBadges fn={fn} />
          <Link
            to="/apps/$appId"
            params={{ appId: fn.app.id }}
            title={`App ${fn.app.name}`}
            className="hidden max-w-40 truncate text-ink-soft hover:text-ink hover:underline sm:inline"
          >
            {fn.app.name}
          </Link>
        </>
      }
      actions={<FunctionMenu fn={fn} />}
      tabs={
        <nav aria-label="Function" className="flex gap-4 overflow-x-auto px-4 sm:px-5">
          {TABS.map(({ to, title }) => (
            <Link
              key={to}
              to={to}
              params={{ slug }}
              activeOptions={{ exact: true, includeSearch: false }}
              activeProps={ACTIVE}
              className={tabLinkClass}
            >
              {title}
            </Link>
          ))}
        </nav>
      }
    >
      {marks.map(({ title, about }) => (
        <Notice key={title} severity="warning" className="rounded-none">
          <strong className="font-semibold">{title}.</strong> {about}
        </Notice>
      ))}
      <Outlet />
    </Page>
  );
}

/** What the look of a chosen tab depends on. */
const ACTIVE = { 'data-active': '' } as object;

/** Content of a tab that scrolls as a whole. */
export function TabBody({ children }: { children: React.ReactNode }) {
  return <div className="min-h-0 flex-1 overflow-y-auto p-4 sm:p-5">{children}</div>;
}

function Unknown({ slug }: { slug: string }) {
  return (
    <EmptyState
      icon={<SearchX />}
      title="There is no such function"
      actions={
        <>
          <Link to="/functions" className={buttonClass('primary')}>
            All functions
          </Link>
          <Link to="/apps" className={buttonClass()}>
            Apps
          </Link>
        </>
      }
    >
      <p>
        No app that is known here has a function <code className="break-all font-mono">{slug}</code>
        . It may not have been synced yet, or have another name by now.
      </p>
    </EmptyState>
  );
}
