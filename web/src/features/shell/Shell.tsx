import { Outlet, useNavigate } from '@tanstack/react-router';
import { Menu as MenuIcon } from 'lucide-react';
import { lazy, Suspense, useEffect, useMemo, useState } from 'react';
import { config } from '~/lib/config';
import { signOut } from '~/lib/request';
import { isBoolean, useRemembered } from '~/lib/storage';
import { IconButton } from '~/ui/Button';
import { Toasts } from '~/ui/toasts';
import type { Command } from './commands';
import { OfflineBanner } from './OfflineBanner';
import { Sidebar } from './Sidebar';
import { type Shortcut, useShortcuts } from './shortcuts';
import { setTheme, useSystemTheme } from './theme';

// What is opened rarely is loaded when it is.
const Palette = lazy(() => import('./Palette'));
const ShortcutHelp = lazy(() => import('./ShortcutHelp'));

/** The frame around every page: sidebar, palette, shortcuts, toasts. */
export function Shell() {
  useSystemTheme();
  const navigate = useNavigate();
  const [isNarrow, setNarrow] = useRemembered('sidebar.narrow', false, isBoolean);
  const [isDrawn, setDrawn] = useState(false);
  const [isFinding, setFinding] = useState(false);
  const [isHelping, setHelping] = useState(false);
  const isPhone = useMedia('(max-width: 767px)');
  const isTablet = useMedia('(max-width: 1023px)');

  const { commands, shortcuts } = useMemo(() => {
    const places = PLACES.map(({ title, to, keys, words }) => ({
      title,
      words,
      keys,
      action: () => void navigate({ to }),
    }));
    const commands: Command[] = [
      ...places,
      {
        title: 'Send an event',
        words: 'trigger test',
        action: () => void navigate({ to: '/events', search: { send: true } }),
      },
      {
        title: 'Sync an app',
        words: 'add register',
        action: () => void navigate({ to: '/apps', search: { sync: true } }),
      },
      { title: 'Light theme', words: 'colours', action: () => setTheme('light') },
      { title: 'Dark theme', words: 'colours', action: () => setTheme('dark') },
      { title: 'Theme of the system', words: 'colours', action: () => setTheme('system') },
      { title: 'Keyboard shortcuts', words: 'help keys', action: () => setHelping(true) },
      ...(config.auth === 'session'
        ? [
            {
              title: 'Sign out',
              words: 'log leave',
              action: () => void signOut().then(() => window.location.reload()),
            },
          ]
        : []),
    ];
    const shortcuts: Shortcut[] = [
      { keys: 'mod+k', about: 'Search', action: () => setFinding(true) },
      { keys: 'mod+b', about: 'Narrow or widen the sidebar', action: () => setNarrow(!isNarrow) },
      ...places.flatMap(({ keys, title, action }) =>
        keys ? [{ keys, about: title, action }] : [],
      ),
      { keys: '/', about: 'Search in the list', action: focusListSearch },
      { keys: '?', about: 'Show these shortcuts', action: () => setHelping(true) },
    ];
    return { commands, shortcuts };
  }, [navigate, isNarrow, setNarrow]);
  useShortcuts(shortcuts);

  return (
    <div className="flex h-full flex-col">
      <button
        type="button"
        className="fixed top-2 left-2 z-60 -translate-y-16 rounded-md bg-accent px-3 py-1.5 text-on-accent focus:translate-y-0"
        onClick={() => document.getElementById('main')?.focus()}
      >
        Skip to the page
      </button>
      {isPhone && (
        <header className="flex h-12 shrink-0 items-center gap-2 border-line border-b bg-surface px-2">
          <IconButton
            label="Menu"
            icon={<MenuIcon />}
            aria-expanded={isDrawn}
            onClick={() => setDrawn(!isDrawn)}
          />
          <span className="font-semibold">Stepwell</span>
        </header>
      )}
      <OfflineBanner />
      <div className="relative flex min-h-0 flex-1">
        {isPhone && isDrawn && (
          <button
            type="button"
            aria-label="Close the menu"
            className="fixed inset-0 z-20 bg-black/40"
            onClick={() => setDrawn(false)}
          />
        )}
        {(!isPhone || isDrawn) && (
          <div className={isPhone ? 'absolute inset-y-0 left-0 z-30 shadow-float' : 'contents'}>
            <Sidebar
              isNarrow={!isPhone && (isNarrow || isTablet)}
              onToggle={() => (isPhone ? setDrawn(false) : setNarrow(!isNarrow))}
              onSearch={() => setFinding(true)}
              onNavigate={() => setDrawn(false)}
            />
          </div>
        )}
        <main id="main" tabIndex={-1} className="min-w-0 flex-1 outline-none">
          <Outlet />
        </main>
      </div>
      <Suspense>
        {isFinding && <Palette onClose={() => setFinding(false)} commands={commands} />}
        {isHelping && <ShortcutHelp onClose={() => setHelping(false)} shortcuts={shortcuts} />}
      </Suspense>
      <Toasts />
    </div>
  );
}

const PLACES = [
  { title: 'Runs', to: '/runs', keys: 'g r', words: 'executions' },
  { title: 'Events', to: '/events', keys: 'g e', words: '' },
  { title: 'Event types', to: '/event-types', keys: 'g t', words: 'names' },
  { title: 'Functions', to: '/functions', keys: 'g f', words: 'workflows' },
  { title: 'Apps', to: '/apps', keys: 'g a', words: 'sync' },
  { title: 'Metrics', to: '/charts', keys: 'g m', words: 'charts' },
  { title: 'Server', to: '/server', keys: 'g s', words: 'version store retention' },
  { title: 'API and MCP', to: '/endpoints', keys: 'g i', words: 'addresses keys graphql rest' },
] as const;

/** The search field of the page's list, if it has one. */
function focusListSearch(): void {
  document.querySelector<HTMLElement>('[data-list-search]')?.focus();
}

/** Whether a media query holds. */
function useMedia(query: string): boolean {
  const [holds, setHolds] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const update = () => setHolds(media.matches);
    media.addEventListener('change', update);
    return () => media.removeEventListener('change', update);
  }, [query]);
  return holds;
}
