import { Toast } from '@base-ui/react/toast';
import { CircleAlert, CircleCheck, X } from 'lucide-react';
import type { ReactNode } from 'react';
import { IconButton } from './Button';

const manager = Toast.createToastManager<{ action?: ReactNode }>();

/** Tells, in the corner, that something worked. `action` is a link to what came of it. */
export function toastDone(title: string, action?: ReactNode): void {
  manager.add({ title, type: 'done', data: { action } });
}

/** Tells that something did not work. Stays until it is closed. */
export function toastFailed(title: string, error: unknown): void {
  const description = error instanceof Error ? error.message : String(error);
  manager.add({ title, description, type: 'failed', priority: 'high', timeout: 0 });
}

/** Where toasts appear. Once, at the root. */
export function Toasts() {
  return (
    <Toast.Provider toastManager={manager} limit={4}>
      <Toast.Portal>
        <Toast.Viewport className="fixed right-4 bottom-4 z-60 flex w-[calc(100vw-2rem)] flex-col gap-2 sm:w-96">
          <ToastList />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

function ToastList() {
  const { toasts } = Toast.useToastManager<{ action?: ReactNode }>();
  return toasts.map((toast) => (
    <Toast.Root
      key={toast.id}
      toast={toast}
      swipeDirection="right"
      className="rounded-lg border border-line bg-raised shadow-float transition-opacity data-ending-style:opacity-0 data-starting-style:opacity-0"
    >
      <Toast.Content className="flex items-start gap-3 p-3">
        {toast.type === 'failed' ? (
          <CircleAlert className="mt-0.5 size-4 shrink-0 text-bad-ink" aria-hidden />
        ) : (
          <CircleCheck className="mt-0.5 size-4 shrink-0 text-good-ink" aria-hidden />
        )}
        <div className="min-w-0 flex-1">
          <Toast.Title className="font-medium" render={<p />} />
          <Toast.Description className="break-words text-ink-soft" />
          {toast.data?.action && (
            <div className="mt-1 [&_a]:text-accent [&_a]:underline">{toast.data.action}</div>
          )}
        </div>
        <Toast.Close render={<IconButton label="Dismiss" icon={<X />} />} />
      </Toast.Content>
    </Toast.Root>
  ));
}
