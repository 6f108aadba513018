import { Link, type LinkProps } from '@tanstack/react-router';
import {
  Activity,
  AppWindow,
  ChartColumn,
  Layers,
  PanelLeftClose,
  PanelLeftOpen,
  Plug,
  Radio,
  Search,
  Server,
  SquareFunction,
  Tags,
} from 'lucide-react';
import type { ReactNode } from 'react';
import { cn } from '~/lib/cn';
import { IconButton } from '~/ui/Button';
import { Badge } from '~/ui/Status';
import { ContextMenu } from './ContextMenu';
import { LiveMark } from './LiveMark';
import { useShell } from './queries';
import { useAppScope } from './scope';
import { isMac } from './shortcuts';
import { ThemeMenu } from './ThemeMenu';

interface SidebarProps {
  isNarrow: boolean;
  onToggle: () => void;
  onSearch: () => void;
  /** After a page was chosen: closes the sidebar on a phone. */
  onNavigate?: () => void;
}

/** Where one can go, and where one is. */
export function Sidebar({ isNarrow, onToggle, onSearch, onNavigate }: SidebarProps) {
  const shell = useShell();
  const scope = useAppScope();
  const search = scope ? { filterApp: [scope] } : {};
  const broken = shell.data?.apps.filter((app) => !app.connected || app.error).length ?? 0;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: hears clicks that bubble up from links
    <nav
      aria-label="Main"
      onClick={(event) => (event.target as Element).closest('a') && onNavigate?.()}
      className={cn(
        'flex h-full shrink-0 flex-col border-line border-r bg-surface',
        isNarrow ? 'w-14' : 'w-56',
      )}
    >
      <div className={cn('flex h-12 items-center gap-2 px-3', isNarrow && 'justify-center px-0')}>
        <Link to="/" aria-label="Stepwell, start page" className="flex items-center gap-2">
          <Logo />
          {!isNarrow && <span className="font-semibold text-[0.9375rem]">Stepwell</span>}
        </Link>
      </div>
      <div className="flex flex-col gap-2 px-2 pb-2">
        {!isNarrow && <ContextMenu />}
        <button
          type="button"
          onClick={onSearch}
          aria-label="Search"
          className={cn(
            'flex h-8 items-center gap-2 rounded-md border border-line bg-canvas px-2 text-ink-soft hover:border-line-strong',
            isNarrow && 'justify-center px-0',
          )}
        >
          <Search className="size-4 shrink-0" aria-hidden />
          {!isNarrow && (
            <>
              <span className="flex-1 text-left">Search</span>
              <kbd className="font-sans text-ink-faint text-xs">{isMac ? '⌘K' : 'Ctrl K'}</kbd>
            </>
          )}
        </button>
      </div>
      <div className="min-h-0 flex-1 overflow-y-auto px-2">
        <Group title="Workflow" isNarrow={isNarrow}>
          <Item to="/runs" search={search} icon={<Activity />} isNarrow={isNarrow}>
            Runs
          </Item>
          <Item to="/events" icon={<Radio />} isNarrow={isNarrow}>
            Events
          </Item>
          <Item to="/event-types" icon={<Tags />} isNarrow={isNarrow}>
            Event types
          </Item>
          <Item to="/functions" search={search} icon={<SquareFunction />} isNarrow={isNarrow}>
            Functions
          </Item>
          <Item
            to="/apps"
            icon={<AppWindow />}
            isNarrow={isNarrow}
            mark={broken > 0 ? <Badge tone="bad">{broken} failing</Badge> : null}
          >
            Apps
          </Item>
        </Group>
        <Group title="Observe" isNarrow={isNarrow}>
          <Item to="/charts" search={search} icon={<ChartColumn />} isNarrow={isNarrow}>
            Metrics
          </Item>
          <Item to="/server" icon={<Server />} isNarrow={isNarrow}>
            Server
          </Item>
        </Group>
        <Group title="Connect" isNarrow={isNarrow}>
          <Item to="/endpoints" icon={<Plug />} isNarrow={isNarrow}>
            API and MCP
          </Item>
        </Group>
      </div>
      <div
        className={cn(
          'flex items-center gap-1 border-line border-t p-2',
          isNarrow ? 'flex-col' : 'justify-between',
        )}
      >
        <LiveMark isNarrow={isNarrow} />
        <div className={cn('flex gap-1', isNarrow && 'flex-col')}>
          <ThemeMenu />
          <IconButton
            label={isNarrow ? 'Widen the sidebar' : 'Narrow the sidebar'}
            icon={isNarrow ? <PanelLeftOpen /> : <PanelLeftClose />}
            onClick={onToggle}
          />
        </div>
      </div>
    </nav>
  );
}

function Group(props: { title: string; isNarrow: boolean; children: ReactNode }) {
  return (
    <div className="py-2">
      {props.isNarrow ? (
        <h2 className="sr-only">{props.title}</h2>
      ) : (
        <h2 className="px-2 pb-1 font-medium text-ink-faint text-xs">{props.title}</h2>
      )}
      <ul className="flex flex-col gap-0.5">{props.children}</ul>
    </div>
  );
}

interface ItemProps extends Pick<LinkProps, 'to' | 'search'> {
  icon: ReactNode;
  isNarrow: boolean;
  mark?: ReactNode;
  children: string;
}

function Item({ icon, isNarrow, mark, children, ...link }: ItemProps) {
  return (
    <li>
      <Link
        {...link}
        title={isNarrow ? children : undefined}
        activeOptions={{ includeSearch: false }}
        className={cn(
          'flex h-8 items-center gap-2.5 rounded-md px-2 text-ink-soft hover:bg-hover hover:text-ink aria-[current=page]:bg-accent-soft aria-[current=page]:font-medium aria-[current=page]:text-ink [&>svg]:size-4 [&>svg]:shrink-0',
          isNarrow && 'justify-center px-0',
        )}
      >
        {icon}
        <span className={isNarrow ? 'sr-only' : 'flex-1 truncate'}>{children}</span>
        {!isNarrow && mark}
      </Link>
    </li>
  );
}

function Logo() {
  return (
    <span className="flex size-7 shrink-0 items-center justify-center rounded-lg bg-accent text-on-accent">
      <Layers className="size-4.5" aria-hidden />
    </span>
  );
}
