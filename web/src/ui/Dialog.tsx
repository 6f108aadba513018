import { AlertDialog } from '@base-ui/react/alert-dialog';
import { Dialog as Base } from '@base-ui/react/dialog';
import { X } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { cn } from '~/lib/cn';
import { Button, IconButton } from './Button';
import { Notice } from './Notice';

const BACKDROP = 'fixed inset-0 z-40 bg-black/40 dark:bg-black/60';
const POPUP =
  'fixed top-1/2 left-1/2 z-50 flex max-h-[calc(100dvh-2rem)] w-[calc(100vw-2rem)] -translate-x-1/2 -translate-y-1/2 flex-col rounded-xl border border-line bg-raised shadow-float outline-none';
const WIDTHS = {
  small: 'max-w-md',
  medium: 'max-w-2xl',
  large: 'max-w-5xl',
  /** The whole window, for what one reads. */
  full: 'h-dvh',
};

interface DialogProps {
  title: ReactNode;
  isOpen: boolean;
  onClose: () => void;
  width?: keyof typeof WIDTHS;
  /** Buttons at the lower edge. */
  footer?: ReactNode;
  children: ReactNode;
}

/** A window above the page. Escape and a click beside it close it. */
export function Dialog({
  title,
  isOpen,
  onClose,
  width = 'medium',
  footer,
  children,
}: DialogProps) {
  return (
    <Base.Root open={isOpen} onOpenChange={(open) => !open && onClose()}>
      <Base.Portal>
        <Base.Backdrop className={BACKDROP} />
        <Base.Popup className={cn(POPUP, WIDTHS[width])}>
          <div className="flex items-center justify-between gap-4 border-line border-b px-5 py-3">
            <Base.Title className="min-w-0 truncate font-semibold">{title}</Base.Title>
            <Base.Close render={<IconButton label="Close" icon={<X />} />} />
          </div>
          <div className="min-h-0 flex-1 overflow-y-auto px-5 py-4">{children}</div>
          {footer && (
            <div className="flex flex-wrap justify-end gap-2 border-line border-t px-5 py-3">
              {footer}
            </div>
          )}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

interface ConfirmProps {
  title: string;
  isOpen: boolean;
  onClose: () => void;
  /** What will happen, and to what. */
  children: ReactNode;
  /** The words on the button that does it. */
  confirm: string;
  isDangerous?: boolean;
  isDisabled?: boolean;
  /** The dialog stays open, and shows the error, if this throws. */
  onConfirm: () => Promise<void>;
}

/** Asks before something is done that cannot be undone, or that concerns many. */
export function Confirm(props: ConfirmProps) {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const close = () => {
    setError(null);
    props.onClose();
  };
  const act = async () => {
    setBusy(true);
    setError(null);
    try {
      await props.onConfirm();
      close();
    } catch (reason) {
      setError(reason instanceof Error ? reason : new Error(String(reason)));
    } finally {
      setBusy(false);
    }
  };
  return (
    <AlertDialog.Root open={props.isOpen} onOpenChange={(open) => !open && close()}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className={BACKDROP} />
        <AlertDialog.Popup className={cn(POPUP, WIDTHS.small)}>
          <div className="flex flex-col gap-3 overflow-y-auto px-5 py-4">
            <AlertDialog.Title className="font-semibold text-base">{props.title}</AlertDialog.Title>
            <AlertDialog.Description render={<div />} className="flex flex-col gap-3 text-ink-soft">
              {props.children}
            </AlertDialog.Description>
            {error && (
              <Notice severity="error" title="That did not work">
                {error.message}
              </Notice>
            )}
          </div>
          <div className="flex justify-end gap-2 border-line border-t px-5 py-3">
            <AlertDialog.Close render={<Button>Keep as it is</Button>} />
            <Button
              kind={props.isDangerous ? 'danger' : 'primary'}
              isBusy={isBusy}
              disabled={props.isDisabled}
              onClick={() => void act()}
            >
              {props.confirm}
            </Button>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
