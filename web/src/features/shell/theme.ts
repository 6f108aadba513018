import { useEffect, useSyncExternalStore } from 'react';

export const THEMES = ['light', 'dark', 'system'] as const;
export type Theme = (typeof THEMES)[number];

// `public/theme.js` reads the same item before the first paint.
const ITEM = 'stepwell.theme';
const watchers = new Set<() => void>();
const prefersDark = () => matchMedia('(prefers-color-scheme: dark)');

function stored(): Theme {
  try {
    const text = localStorage.getItem(ITEM);
    return THEMES.find((theme) => theme === text) ?? 'system';
  } catch {
    return 'system';
  }
}

let current: Theme = stored();

function apply(): void {
  const isDark = current === 'dark' || (current === 'system' && prefersDark().matches);
  document.documentElement.classList.toggle('dark', isDark);
  for (const watcher of watchers) watcher();
}

export function setTheme(theme: Theme): void {
  current = theme;
  try {
    localStorage.setItem(ITEM, theme);
  } catch {
    // It holds until the page is left.
  }
  apply();
}

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

export function useTheme(): Theme {
  return useSyncExternalStore(watch, () => current);
}

/** Follows the system while that is the choice. Once, at the root. */
export function useSystemTheme(): void {
  useEffect(() => {
    const query = prefersDark();
    query.addEventListener('change', apply);
    // The system may have changed its mind before anybody listened.
    apply();
    return () => query.removeEventListener('change', apply);
  }, []);
}
