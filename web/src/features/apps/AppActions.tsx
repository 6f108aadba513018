import { useNavigate } from '@tanstack/react-router';
import { Droplets, EllipsisVertical, Link2, Play, RefreshCw, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { Button, IconButton } from '~/ui/Button';
import { Confirm } from '~/ui/Dialog';
import { Menu, MenuItem, MenuSeparator } from '~/ui/Menu';
import { appName } from './app-state';
import { MoveAppDialog } from './MoveAppDialog';
import type { AppDetails } from './queries';
import { useAppActions } from './useAppActions';

type Asking = 'move' | 'drain' | 'remove' | null;

/** What can be done to an app: the usual one as a button, the others in a menu. */
export function AppActions({ app }: { app: AppDetails }) {
  const [asking, setAsking] = useState<Asking>(null);
  const { resync, isSyncing, moveTo, drainIt, resumeIt, removeIt } = useAppActions(app);
  const navigate = useNavigate();
  const name = appName(app);
  const close = () => setAsking(null);
  return (
    <>
      {app.method === 'SERVE' && app.url && (
        <Button
          size="small"
          icon={<RefreshCw />}
          isBusy={isSyncing}
          aria-label={`Resync ${name}`}
          onClick={() => void resync()}
        >
          Resync
        </Button>
      )}
      <Menu trigger={<IconButton label={`More actions for ${name}`} icon={<EllipsisVertical />} />}>
        {app.method === 'SERVE' && (
          <MenuItem
            icon={<Link2 />}
            isDisabled={app.autodiscovered}
            remark={
              app.autodiscovered ? 'Found on this machine, so it would be found again' : undefined
            }
            onSelect={() => setAsking('move')}
          >
            Change the URL
          </MenuItem>
        )}
        {app.drainedAt ? (
          <MenuItem icon={<Play />} onSelect={() => void resumeIt()}>
            Start new runs again
          </MenuItem>
        ) : (
          <MenuItem icon={<Droplets />} onSelect={() => setAsking('drain')}>
            Drain
          </MenuItem>
        )}
        <MenuSeparator />
        <MenuItem icon={<Trash2 />} isDangerous onSelect={() => setAsking('remove')}>
          Remove
        </MenuItem>
      </Menu>
      <MoveAppDialog app={app} isOpen={asking === 'move'} onClose={close} onMove={moveTo} />
      <Confirm
        title={`Drain ${name}?`}
        isOpen={asking === 'drain'}
        onClose={close}
        confirm="Drain"
        onConfirm={drainIt}
      >
        <p>
          Its functions start no new runs until you let them: events and schedules that would start
          one are skipped. Runs that have begun go on to their end.
        </p>
      </Confirm>
      <Confirm
        title={`Remove ${name}?`}
        isOpen={asking === 'remove'}
        onClose={close}
        confirm="Remove"
        isDangerous
        onConfirm={async () => {
          await removeIt();
          await navigate({ to: '/apps' });
        }}
      >
        <RemovalConsequences app={app} />
      </Confirm>
    </>
  );
}

function RemovalConsequences({ app }: { app: AppDetails }) {
  if (app.functionCount === 0 && !app.name) {
    return <p>The server stops asking for an app at this URL. Nothing else is lost.</p>;
  }
  return (
    <ul className="list-disc space-y-1 pl-4">
      <li>
        {app.functionCount === 1
          ? 'Its function starts'
          : `Its ${app.functionCount} functions start`}{' '}
        no new runs: not by events, and not by schedules.
      </li>
      <li>
        Runs that have begun go on as long as the app answers. Cancel them first if they must not.
      </li>
      <li>Past runs and events stay, with the names they had.</li>
      <li>If the app registers again, for example when it is restarted, it is back.</li>
    </ul>
  );
}
