import { Link } from '@tanstack/react-router';
import { Button } from '~/ui/Button';
import { Dialog } from '~/ui/Dialog';
import { toastDone } from '~/ui/toasts';
import { SyncForm } from './SyncForm';

/** Has an app register by its URL. */
export function SyncAppDialog({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  return (
    <Dialog title="Sync an app" isOpen={isOpen} onClose={onClose} width="small">
      <SyncForm
        hasFocus
        onSynced={(app) => {
          toastDone(
            `${app.name} is synced: ${countOfFunctions(app.functionCount)}`,
            <Link to="/apps/$appId" params={{ appId: app.id }}>
              Show the app
            </Link>,
          );
          onClose();
        }}
        actions={<Button onClick={onClose}>Close</Button>}
      />
    </Dialog>
  );
}

export function countOfFunctions(count: number): string {
  return count === 1 ? '1 function' : `${count} functions`;
}
