import { Link } from '@tanstack/react-router';
import { cn } from '~/lib/cn';
import type { Tone } from '~/lib/status';
import { Notice } from '~/ui/Notice';
import { Badge, Dot } from '~/ui/Status';
import { AppActions } from './AppActions';
import { AppFacts } from './AppFacts';
import { AppProblems, AppTrouble } from './AppTrouble';
import { appName, stateOf } from './app-state';
import type { AppDetails } from './queries';
import { countOfFunctions } from './SyncAppDialog';

const ACCENTS: Record<Tone, string> = {
  good: 'border-l-good-solid',
  bad: 'border-l-bad-solid',
  busy: 'border-l-busy-solid',
  queued: 'border-l-queued-solid',
  waiting: 'border-l-waiting-solid',
  calm: 'border-l-calm-solid',
};

/** An app at a glance: how it is doing, what it is, and what to do if it is not well. */
export function AppCard({ app }: { app: AppDetails }) {
  const state = stateOf(app);
  const name = appName(app);
  return (
    <article
      aria-label={name}
      className={cn(
        'flex min-w-0 flex-col rounded-lg border border-line border-l-4 bg-surface',
        ACCENTS[state.tone],
      )}
    >
      <div className="flex items-start justify-between gap-3 px-4 pt-3">
        <div className="min-w-0">
          <div className="flex min-w-0 items-center gap-2">
            <h2 className="min-w-0 truncate font-semibold" title={name}>
              <Link to="/apps/$appId" params={{ appId: app.id }} className="hover:underline">
                {name}
              </Link>
            </h2>
            <Badge tone={state.tone}>
              <Dot tone={state.tone} />
              {state.title}
            </Badge>
            {app.autodiscovered && <Badge>Found automatically</Badge>}
          </div>
          {app.url && app.name && (
            <p className="truncate font-mono text-ink-soft text-xs" title={app.url}>
              {app.url}
            </p>
          )}
        </div>
        <div className="flex shrink-0 items-center gap-1">
          <AppActions app={app} />
        </div>
      </div>
      <div className="flex flex-1 flex-col gap-3 px-4 py-3">
        {app.error ? (
          <AppTrouble error={app.error}>
            <AppProblems problems={app.problems} />
          </AppTrouble>
        ) : (
          app.functionCount === 0 && (
            <Notice severity="warning" title="The app has no functions">
              <p>Pass them to the serve handler, then start the app again.</p>
            </Notice>
          )
        )}
        {app.name && <AppFacts app={app} />}
      </div>
      {app.name && (
        <div className="border-line border-t px-4 py-2 text-ink-soft">
          <Link
            to="/functions"
            search={{ filterApp: [app.id] }}
            className="hover:text-ink hover:underline"
          >
            {countOfFunctions(app.functionCount)}
          </Link>
        </div>
      )}
    </article>
  );
}
