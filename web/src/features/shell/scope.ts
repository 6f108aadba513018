import { useSyncExternalStore } from 'react';
import { isText, recall, remember } from '~/lib/storage';

/** The app that lists are limited to when they are opened from the sidebar; null for all apps. */
let scope: string | null = recall('scope.app', isText);
const watchers = new Set<() => void>();

export function setAppScope(appId: string | null): void {
  scope = appId;
  remember('scope.app', appId);
  for (const watcher of watchers) watcher();
}

export function useAppScope(): string | null {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => scope,
  );
}
