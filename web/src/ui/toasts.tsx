import { lazy, type ReactNode, Suspense, useSyncExternalStore } from 'react';

export interface ToastMessage {
  kind: 'done' | 'failed';
  title: string;
  description?: string;
  /** A link to what came of it. */
  action?: ReactNode;
}

type Receiver = (message: ToastMessage) => void;

const ToastView = lazy(() => import('./ToastView'));

/** Messages that nobody shows yet. */
let waiting: ToastMessage[] = [];
let receiver: Receiver | null = null;
let isWanted = false;
const watchers = new Set<() => void>();

/** Tells, in the corner, that something worked. `action` is a link to what came of it. */
export function toastDone(title: string, action?: ReactNode): void {
  show({ kind: 'done', title, action });
}

/** Tells that something did not work. Stays until it is closed. */
export function toastFailed(title: string, error: unknown): void {
  const description = error instanceof Error ? error.message : String(error);
  show({ kind: 'failed', title, description });
}

/** Takes over all messages, those that wait too, until the returned function is called. */
export function receiveToasts(next: Receiver): () => void {
  receiver = next;
  const late = waiting;
  waiting = [];
  for (const message of late) next(message);
  return () => {
    receiver = null;
  };
}

/** Where toasts appear. Once, at the root. */
export function Toasts() {
  const isNeeded = useSyncExternalStore(watch, () => isWanted);
  return <Suspense>{isNeeded && <ToastView />}</Suspense>;
}

function show(message: ToastMessage): void {
  if (receiver !== null) {
    receiver(message);
    return;
  }
  waiting.push(message);
  isWanted = true;
  for (const watcher of watchers) watcher();
}

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}
