import {
  Archive,
  CirclePause,
  CirclePlay,
  CircleX,
  EllipsisVertical,
  History,
  Settings2,
  Zap,
} from 'lucide-react';
import { lazy, Suspense, useState } from 'react';
import { Button, IconButton } from '~/ui/Button';
import { Menu, MenuItem, MenuSeparator } from '~/ui/Menu';
import { type FunctionState, isArchived } from '../function-state';

// Each is loaded when it is first opened.
const InvokeDialog = lazy(() => import('../InvokeDialog'));
const DIALOGS = {
  pause: lazy(() => import('./PauseDialog')),
  resume: lazy(() => import('./ResumeDialog')),
  cancel: lazy(() => import('./CancelRunsDialog')),
  replay: lazy(() => import('./ReplayDialog')),
  archive: lazy(() => import('./ArchiveDialog')),
};

type Action = keyof typeof DIALOGS | 'invoke';

interface FunctionMenuProps {
  fn: FunctionState;
  /** In a list there is room for three dots only, and for the actions that are needed most. */
  isInList?: boolean;
}

/** What can be done with a function. */
export function FunctionMenu({ fn, isInList = false }: FunctionMenuProps) {
  const [action, setAction] = useState<Action | null>(null);
  const close = () => setAction(null);
  const ActionDialog = action && action !== 'invoke' ? DIALOGS[action] : null;
  const whyNotInvoked = reasonAgainstInvoking(fn);
  return (
    <>
      {!isInList && (
        <Button
          icon={<Zap aria-hidden />}
          kind="primary"
          disabled={whyNotInvoked !== undefined}
          title={whyNotInvoked}
          onClick={() => setAction('invoke')}
        >
          Invoke
        </Button>
      )}
      <Menu
        trigger={
          isInList ? (
            <IconButton label={`Actions for ${fn.name}`} icon={<EllipsisVertical />} />
          ) : (
            <Button icon={<EllipsisVertical aria-hidden />}>Actions</Button>
          )
        }
      >
        {isInList && (
          <MenuItem
            icon={<Zap />}
            isDisabled={whyNotInvoked !== undefined}
            remark={whyNotInvoked}
            onSelect={() => setAction('invoke')}
          >
            Invoke…
          </MenuItem>
        )}
        <PauseItems fn={fn} onSelect={setAction} />
        {!isInList && (
          <>
            <MenuItem
              icon={<History />}
              isDisabled={isArchived(fn) || fn.app.method === 'API'}
              remark={reasonAgainstReplaying(fn)}
              onSelect={() => setAction('replay')}
            >
              Replay runs…
            </MenuItem>
            <MenuSeparator />
            <MenuItem icon={<CircleX />} isDangerous onSelect={() => setAction('cancel')}>
              Cancel runs…
            </MenuItem>
            <MenuItem
              icon={<Archive />}
              isDangerous
              isDisabled={isArchived(fn)}
              remark={isArchived(fn) ? 'It is archived' : undefined}
              onSelect={() => setAction('archive')}
            >
              Archive…
            </MenuItem>
          </>
        )}
      </Menu>
      <Suspense>
        {action === 'invoke' && <InvokeDialog slug={fn.slug} onClose={close} />}
        {ActionDialog && <ActionDialog fn={fn} onClose={close} />}
      </Suspense>
    </>
  );
}

function PauseItems({ fn, onSelect }: { fn: FunctionState; onSelect: (action: Action) => void }) {
  if (!fn.pause) {
    return (
      <MenuItem
        icon={<CirclePause />}
        isDisabled={isArchived(fn)}
        remark={isArchived(fn) ? 'It is archived' : undefined}
        onSelect={() => onSelect('pause')}
      >
        Pause…
      </MenuItem>
    );
  }
  return (
    <>
      <MenuItem
        icon={<CirclePlay />}
        isDisabled={fn.pause.isDrain}
        remark={fn.pause.isDrain ? 'Its app is drained; resume the app' : undefined}
        onSelect={() => onSelect('resume')}
      >
        Resume…
      </MenuItem>
      {!fn.pause.isDrain && (
        <MenuItem icon={<Settings2 />} onSelect={() => onSelect('pause')}>
          Change the pause…
        </MenuItem>
      )}
    </>
  );
}

function reasonAgainstInvoking(fn: FunctionState): string | undefined {
  if (isArchived(fn)) return 'It is archived';
  if (fn.app.method === 'API') return 'It starts when it is called over HTTP';
  return undefined;
}

function reasonAgainstReplaying(fn: FunctionState): string | undefined {
  if (isArchived(fn)) return 'It is archived';
  if (fn.app.method === 'API') return 'Endpoints cannot be replayed';
  return undefined;
}
