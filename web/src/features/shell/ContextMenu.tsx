import { useNavigate, useRouterState } from '@tanstack/react-router';
import { AppWindow, Check, ChevronsUpDown } from 'lucide-react';
import { config } from '~/lib/config';
import { Menu, MenuItem, MenuSeparator } from '~/ui/Menu';
import { Badge } from '~/ui/Status';
import { useShell } from './queries';
import { setAppScope, useAppScope } from './scope';

/** Pages whose lists can be limited to an app. */
const SCOPED = ['/runs', '/functions', '/charts'];

/** Which environment this is, and which app lists are limited to. */
export function ContextMenu() {
  const shell = useShell();
  const scope = useAppScope();
  const navigate = useNavigate();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const apps = shell.data?.apps ?? [];
  const app = apps.find(({ id }) => id === scope);
  const choose = (appId: string | null) => {
    setAppScope(appId);
    const here = SCOPED.find((each) => path === each);
    if (here) void navigate({ to: here, search: appId ? { filterApp: [appId] } : {} });
  };
  return (
    <Menu
      trigger={
        <button
          type="button"
          className="flex w-full min-w-0 items-center gap-2 rounded-md border border-line px-2 py-1.5 text-left hover:bg-hover"
        >
          <span className="min-w-0 flex-1">
            <span className="flex items-center gap-1.5">
              <span className="truncate font-medium">
                {shell.data?.server.environment.name ?? '…'}
              </span>
              <Badge tone={config.mode === 'dev' ? 'busy' : 'good'}>
                {config.mode === 'dev' ? 'development' : 'production'}
              </Badge>
            </span>
            <span className="block truncate text-ink-faint text-xs">{app?.name ?? 'All apps'}</span>
          </span>
          <ChevronsUpDown className="size-4 shrink-0 text-ink-faint" aria-hidden />
        </button>
      }
    >
      <MenuItem icon={app ? <AppWindow /> : <Check />} onSelect={() => choose(null)}>
        All apps
      </MenuItem>
      {apps.length > 0 && <MenuSeparator />}
      {apps.map(({ id, name, externalID }) => (
        <MenuItem
          key={id}
          icon={id === scope ? <Check /> : <AppWindow />}
          onSelect={() => choose(id)}
        >
          {name || externalID}
        </MenuItem>
      ))}
    </Menu>
  );
}
