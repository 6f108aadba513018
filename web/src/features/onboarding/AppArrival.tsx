import { Link } from '@tanstack/react-router';
import { CircleCheck, LoaderCircle } from 'lucide-react';
import { config } from '~/lib/config';
import { AppProblems, AppTrouble } from '../apps/AppTrouble';
import { appName } from '../apps/app-state';
import type { AppDetails } from '../apps/queries';
import { countOfFunctions } from '../apps/SyncAppDialog';
import { SyncForm } from '../apps/SyncForm';
import { findsApps } from './environment';
import type { Framework } from './frameworks';

interface AppArrivalProps {
  framework: Framework;
  synced: readonly AppDetails[];
  failing: readonly AppDetails[];
}

/** Waits for an app, says what keeps it from coming, and greets it. */
export function AppArrival({ framework, synced, failing }: AppArrivalProps) {
  return (
    <>
      <div role="status" className="flex flex-col gap-2">
        {synced.map((app) => (
          <p
            key={app.id}
            className="flex items-center gap-2 rounded-md bg-good-soft px-3 py-2.5 text-good-ink"
          >
            <CircleCheck className="size-4 shrink-0" aria-hidden />
            <span>
              Your app is here:{' '}
              <Link
                to="/apps/$appId"
                params={{ appId: app.id }}
                className="font-semibold underline"
              >
                {appName(app)}
              </Link>{' '}
              with {countOfFunctions(app.functionCount)}.
            </span>
          </p>
        ))}
        {synced.length === 0 && (
          <p className="flex items-center gap-2 text-ink-soft">
            <LoaderCircle className="size-4 shrink-0 animate-spin" aria-hidden />
            {findsApps
              ? 'Waiting for your app. The usual ports of this machine are looked at every few seconds.'
              : 'Waiting for your app.'}
          </p>
        )}
      </div>
      {failing.map((app) => (
        <AppTrouble key={app.id} error={app.error ?? ''}>
          <p className="mt-1 break-all font-mono text-xs">{app.url}</p>
          <AppProblems problems={app.problems} />
        </AppTrouble>
      ))}
      {synced.length === 0 && (
        <details open={!findsApps}>
          <summary className="w-fit rounded text-ink-soft hover:text-ink">
            {findsApps
              ? 'It listens elsewhere: tell the server where'
              : 'Tell the server where it is'}
          </summary>
          <div className="mt-2">
            <SyncForm key={framework.url} initialUrl={framework.url} onSynced={() => {}} isBrief />
          </div>
        </details>
      )}
      <p className="text-ink-faint text-xs">{pollingInWords()}</p>
    </>
  );
}

function pollingInWords(): string {
  const { poll, pollIntervalS } = config.apps;
  const often = `every ${pollIntervalS} seconds`;
  if (poll && pollIntervalS > 0) {
    return `Once it is known, the server asks it ${often} for its functions: what you change is there by itself.`;
  }
  return 'When you change its functions, start the app again or press Resync on the page of apps.';
}
