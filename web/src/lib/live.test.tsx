import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Change, LiveConnection } from './live';

/** A socket whose server is the test. */
class FakeSocket {
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  isClosed = false;

  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  close(): void {
    this.isClosed = true;
    this.onclose?.();
  }
}

const CHANGE = { type: 'changes', runs: { R: 'F' }, events: [], apps: false, cut: false };

describe('LiveConnection', () => {
  let sockets: FakeSocket[];
  let connection: LiveConnection;
  const newest = (): FakeSocket => sockets.at(-1) ?? expect.fail('no socket was opened');

  beforeEach(() => {
    vi.useFakeTimers();
    sockets = [];
    connection = new LiveConnection(
      () => {
        const socket = new FakeSocket();
        sockets.push(socket);
        return socket as unknown as WebSocket;
      },
      () => 0.5,
    );
  });
  afterEach(() => vi.useRealTimers());

  it('opens one socket for all listeners and tells each of them', () => {
    const heard: (Change | null)[] = [];
    connection.listen((change) => heard.push(change));
    connection.listen((change) => heard.push(change));
    newest().say({ type: 'hello' });
    newest().say(CHANGE);
    expect(sockets).toHaveLength(1);
    expect(connection.state).toBe('live');
    expect(heard).toEqual([CHANGE, CHANGE]);
  });

  it('closes when the last listener has gone, and not when another one comes at once', async () => {
    const leave = connection.listen(() => {});
    leave();
    const leaveAgain = connection.listen(() => {});
    await Promise.resolve();
    expect(newest().isClosed).toBe(false);
    leaveAgain();
    await Promise.resolve();
    expect(newest().isClosed).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('connects again, later each time, and says that anything may have changed', () => {
    const heard: (Change | null)[] = [];
    connection.listen((change) => heard.push(change));
    newest().say({ type: 'hello' });
    newest().close();
    expect(connection.state).toBe('down');
    vi.advanceTimersByTime(500);
    expect(sockets).toHaveLength(2);
    newest().close();
    vi.advanceTimersByTime(500);
    expect(sockets).toHaveLength(2);
    vi.advanceTimersByTime(500);
    expect(sockets).toHaveLength(3);
    newest().say({ type: 'hello' });
    expect(connection.state).toBe('live');
    expect(heard).toEqual([null]);
  });

  it('hurries when it is told to', () => {
    connection.listen(() => {});
    newest().close();
    connection.hurry();
    expect(sockets).toHaveLength(2);
    vi.advanceTimersByTime(60_000);
    expect(sockets).toHaveLength(2);
  });

  it('tells who watches when its state changes', () => {
    const states: string[] = [];
    connection.watchState(() => states.push(connection.state));
    connection.listen(() => {});
    newest().say({ type: 'hello' });
    newest().say({ type: 'hello' });
    newest().close();
    expect(states).toEqual(['live', 'down']);
  });
});
