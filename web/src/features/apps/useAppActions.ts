import { useRequest } from '~/lib/queries';
import { RequestError } from '~/lib/request';
import { toastDone, toastFailed } from '~/ui/toasts';
import { appName } from './app-state';
import {
  type AppDetails,
  DrainAppMutation,
  MoveAppMutation,
  RemoveAppMutation,
  ResumeAppMutation,
  refreshApps,
  SyncAppMutation,
} from './queries';
import { syncFailure } from './sync-failure';
import { changesInWords } from './sync-outcome';

/** What can be done to an app. Each tells in a toast what came of it, unless it throws. */
export function useAppActions(app: AppDetails) {
  const sync = useRequest(SyncAppMutation);
  const move = useRequest(MoveAppMutation);
  const drain = useRequest(DrainAppMutation);
  const resume = useRequest(ResumeAppMutation);
  const remove = useRequest(RemoveAppMutation);
  const name = appName(app);

  const resync = async () => {
    try {
      const { syncApp } = await sync.mutateAsync({ id: app.id });
      const [last] = syncApp.syncs;
      toastDone(last ? `${name}: ${changesInWords(last)}` : `${name} is synced`);
    } catch (error) {
      toastFailed(`${name} could not be synced`, inWords(error));
    } finally {
      refreshApps();
    }
  };
  /** Throws if the new address was not taken; tells what came of asking there. */
  const moveTo = async (url: string) => {
    await move.mutateAsync({ id: app.id, url });
    await resync();
  };
  const drainIt = async () => {
    await drain.mutateAsync({ id: app.id });
    toastDone(`${name} is drained`);
    refreshApps();
  };
  const resumeIt = async () => {
    try {
      await resume.mutateAsync({ id: app.id });
      toastDone(`${name} starts new runs again`);
      refreshApps();
    } catch (error) {
      toastFailed(`${name} could not be resumed`, error);
    }
  };
  const removeIt = async () => {
    await remove.mutateAsync({ id: app.id });
    toastDone(`${name} is removed`);
    refreshApps();
  };
  return { resync, isSyncing: sync.isPending, moveTo, drainIt, resumeIt, removeIt };
}

/** An error of an app as words instead of a code. */
function inWords(error: unknown): unknown {
  if (!(error instanceof RequestError) || error.trouble !== 'refused') return error;
  const { title, advice } = syncFailure(error.message);
  return new Error([title, ...advice.slice(0, 1)].join('. '));
}
