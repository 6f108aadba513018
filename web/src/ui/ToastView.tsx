import { Toast } from '@base-ui/react/toast';
import { CircleAlert, CircleCheck, X } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { IconButton } from './Button';
import { receiveToasts } from './toasts';

interface ToastData {
  action?: ReactNode;
}

/** `Toasts` once there is one to show. */
export default function ToastView() {
  const [manager] = useState(() => Toast.createToastManager<ToastData>());
  useEffect(
    () =>
      receiveToasts(({ kind, title, description, action }) => {
        const isFailed = kind === 'failed';
        manager.add({
          title,
          description,
          type: kind,
          data: { action },
          // What failed stays until somebody has read it.
          ...(isFailed ? { priority: 'high', timeout: 0 } : {}),
        });
      }),
    [manager],
  );
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
  const { toasts } = Toast.useToastManager<ToastData>();
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
