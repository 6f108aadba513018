/**
 * What changes on the server, told over one WebSocket per tab.
 *
 * The socket says which runs and events changed, never what they are now: whoever shows them asks.
 * After an interruption nobody knows what was missed, so listeners hear `null`: everything may have
 * changed.
 */
import { useEffect, useRef, useSyncExternalStore } from 'react';
import { serverUrl } from './config';

/** What changed since the last message. */
export interface Change {
  /** Runs, each with its function's id, which may be "". */
  runs: Record<string, string>;
  events: string[];
  /** Whether apps or functions changed. */
  apps: boolean;
  /** Whether more changed than is named. */
  cut: boolean;
}

export type LiveState = 'connecting' | 'live' | 'down';

/** Hears changes; `null` when anything may have changed. */
export type Listener = (change: Change | null) => void;

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

/** The socket and who listens to it. It is open while somebody does. */
export class LiveConnection {
  private readonly listeners = new Set<Listener>();
  private readonly watchers = new Set<() => void>();
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private failures = 0;
  private wasLive = false;
  private current: LiveState = 'connecting';

  constructor(
    private readonly open: () => WebSocket,
    private readonly random: () => number = Math.random,
  ) {}

  get state(): LiveState {
    return this.current;
  }

  /** Hear of changes until the returned function is called. */
  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    if (this.socket === null && this.timer === null) this.connect();
    return () => {
      this.listeners.delete(listener);
      // React mounts effects twice in development: look again once this turn is over.
      queueMicrotask(() => this.listeners.size === 0 && this.close());
    };
  }

  /** Hear when `state` becomes another one. */
  watchState(watcher: () => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  /** Try again now instead of waiting, for example because the network came back. */
  hurry(): void {
    if (this.timer === null) return;
    clearTimeout(this.timer);
    this.connect();
  }

  private connect(): void {
    this.timer = null;
    const socket = this.open();
    this.socket = socket;
    socket.onmessage = (message) => socket === this.socket && this.receive(String(message.data));
    socket.onclose = () => socket === this.socket && this.lost();
  }

  private receive(text: string): void {
    const message = JSON.parse(text) as { type: string } & Change;
    if (message.type === 'hello') {
      this.failures = 0;
      this.enter('live');
      if (this.wasLive) this.tell(null);
      this.wasLive = true;
    } else if (message.type === 'changes') {
      this.tell(message);
    }
  }

  private lost(): void {
    this.socket = null;
    this.failures += 1;
    this.enter('down');
    const ceiling = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.failures);
    const pause = FIRST_PAUSE_MS + this.random() * (ceiling - FIRST_PAUSE_MS);
    this.timer = setTimeout(() => this.connect(), pause);
  }

  private close(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const socket = this.socket;
    this.socket = null;
    this.wasLive = false;
    socket?.close();
    this.enter('connecting');
  }

  private tell(change: Change | null): void {
    for (const listener of [...this.listeners]) listener(change);
  }

  private enter(state: LiveState): void {
    if (state === this.current) return;
    this.current = state;
    for (const watcher of [...this.watchers]) watcher();
  }
}

export const live = new LiveConnection(
  () => new WebSocket(serverUrl('v0/changes').replace(/^http/, 'ws')),
);

if (typeof window !== 'undefined') {
  window.addEventListener('online', () => live.hurry());
}

/** Calls `listener` with every change while the component is shown. */
export function useChanges(listener: Listener, isEnabled = true): void {
  const latest = useRef(listener);
  useEffect(() => {
    latest.current = listener;
  });
  useEffect(() => {
    if (!isEnabled) return;
    return live.listen((change) => latest.current(change));
  }, [isEnabled]);
}

/** Whether changes are being told. */
export function useLiveState(): LiveState {
  return useSyncExternalStore(
    (watcher) => live.watchState(watcher),
    () => live.state,
  );
}
