import { BookOpen, Plus } from 'lucide-react';
import { lazy, Suspense, useState } from 'react';
import { Button } from '~/ui/Button';
import { ErrorNotice } from '~/ui/Notice';
import { Page } from '~/ui/Page';
import { Skeleton } from '~/ui/Skeleton';
import { AppCard } from './AppCard';
import { appName } from './app-state';
import { type AppDetails, useApps } from './queries';
import { SyncAppDialog } from './SyncAppDialog';

const FirstRun = lazy(() => import('../onboarding/FirstRun'));

interface AppsPageProps {
  /** Whether the dialog to sync an app is open. */
  syncs: boolean;
  /** Whether the way to a first app is shown although there are apps. */
  guides: boolean;
  onChange: (search: { sync?: true; guide?: true }) => void;
}

/** All apps; the way to the first one while there is none. */
export function AppsPage({ syncs, guides, onChange }: AppsPageProps) {
  const { data, error, refetch } = useApps();
  // Who came without an app is led to the first run, also once the app is there.
  const [isFirst, setFirst] = useState(false);
  if (data?.apps.length === 0 && !isFirst) setFirst(true);
  const isGuided = isFirst || guides;
  const leave = () => {
    setFirst(false);
    onChange({});
  };
  return (
    <Page
      title="Apps"
      actions={
        <>
          {!isGuided && (
            <Button icon={<BookOpen />} onClick={() => onChange({ guide: true })}>
              Add an app
            </Button>
          )}
          <Button kind="primary" icon={<Plus />} onClick={() => onChange({ sync: true })}>
            Sync app
          </Button>
        </>
      }
    >
      {error && (
        <ErrorNotice
          title="Apps could not be loaded"
          error={error}
          onRetry={() => void refetch()}
        />
      )}
      {!data && !error && <Skeleton lines={8} />}
      {data && isGuided && (
        <Suspense fallback={<Skeleton lines={8} />}>
          <FirstRun apps={data.apps} onLeave={leave} />
        </Suspense>
      )}
      {data && !isGuided && (
        <div className="grid grid-cols-1 items-start gap-4 xl:grid-cols-2">
          {byName(data.apps).map((app) => (
            <AppCard key={app.id} app={app} />
          ))}
        </div>
      )}
      <SyncAppDialog isOpen={syncs} onClose={() => onChange(guides ? { guide: true } : {})} />
    </Page>
  );
}

/** In an order that does not change when an app fails or registers again. */
function byName(apps: readonly AppDetails[]): AppDetails[] {
  const order = new Intl.Collator(undefined, { numeric: true });
  return apps.toSorted((a, b) => order.compare(appName(a), appName(b)));
}
