import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { graphql } from '~/lib/graphql';
import { useLiveQuery } from '~/lib/queries';
import { Card } from '~/ui/Card';
import { Id } from '~/ui/Copy';
import { ErrorNotice, isNotFound, NotFound, Notice } from '~/ui/Notice';
import { Page } from '~/ui/Page';
import { Skeleton } from '~/ui/Skeleton';
import { Badge, Dot } from '~/ui/Status';
import { AppActions } from './AppActions';
import { AppFacts } from './AppFacts';
import { AppFunctions } from './AppFunctions';
import { AppProblems, AppTrouble } from './AppTrouble';
import { appName, stateOf } from './app-state';
import { AppFragment } from './queries';
import { SyncHistory } from './SyncHistory';

const AppPageQuery = graphql(
  `
    query AppPage($id: UUID!) {
      app(id: $id) {
        ...App
        checksum
        functions { id name slug triggers { type value condition } pause { newRuns isDrain } }
        syncs {
          id at status url sdkLanguage sdkVersion framework appVersion error message
          functionsAdded functionsChanged functionsRemoved
        }
      }
    }
  `,
  [AppFragment],
);

/** One app: what it is, its functions, and how its synchronisations went. */
export function AppPage({ appId }: { appId: string }) {
  const { data, error, refetch } = useLiveQuery(
    AppPageQuery,
    { id: appId },
    { changedBy: (change) => change.apps },
  );
  const above = [
    <Link key="apps" to="/apps">
      Apps
    </Link>,
  ];
  const frame = (children: ReactNode) => (
    <Page title="App" above={above}>
      {children}
    </Page>
  );
  if (isNotFound(error) || data?.app === null) return frame(<NotFound what="App" id={appId} />);
  if (error && !data) {
    const retry = () => void refetch();
    return frame(<ErrorNotice title="The app could not be loaded" error={error} onRetry={retry} />);
  }
  if (!data?.app) return frame(<Skeleton lines={8} />);

  const { app } = data;
  const state = stateOf(app);
  return (
    <Page
      title={appName(app)}
      above={above}
      beside={
        <Badge tone={state.tone}>
          <Dot tone={state.tone} />
          {state.title}
        </Badge>
      }
      actions={app.archived ? null : <AppActions app={app} />}
    >
      <div className="flex flex-col gap-4">
        {app.archived && (
          <Notice severity="warning" title="This app was removed">
            <p>
              Its functions start no new runs. Past runs stay. It comes back when it registers
              again, for example when it is started.
            </p>
          </Notice>
        )}
        {app.error && !app.archived && (
          <AppTrouble error={app.error}>
            <AppProblems problems={app.problems} />
          </AppTrouble>
        )}
        {app.drainedAt && !app.archived && (
          <Notice severity="warning" title="This app is drained">
            <p>Its functions start no new runs; those that have begun go on to their end.</p>
          </Notice>
        )}
        <Card title="About">
          <div className="flex flex-col gap-3 px-4 py-3">
            <dl className="grid grid-cols-1 gap-x-6 gap-y-3 lg:grid-cols-2">
              {app.url && (
                <div className="min-w-0">
                  <dt className="text-ink-faint text-xs">URL</dt>
                  <dd>
                    <Id id={app.url} />
                  </dd>
                </div>
              )}
              <div className="min-w-0">
                <dt className="text-ink-faint text-xs">Internal id</dt>
                <dd>
                  <Id id={app.id} />
                </dd>
              </div>
            </dl>
            <AppFacts app={app} />
          </div>
        </Card>
        <AppFunctions functions={app.functions} />
        <SyncHistory syncs={app.syncs} />
      </div>
    </Page>
  );
}
