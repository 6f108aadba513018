import { useEffect, useMemo, useRef } from 'react';

/** How many times as long as the action took is waited before it is begun again. */
const PATIENCE = 4;

/**
 * A function that begins `action` unless it is under way, and once more afterwards if it was called
 * meanwhile. Between two times it pauses `pauseMs`, or longer if the action itself takes long: what
 * costs the server much is asked for seldom. An action that fails is not begun again by itself.
 */
export function useGently(action: () => Promise<void>, pauseMs: number): () => void {
  const latest = useRef(action);
  useEffect(() => {
    latest.current = action;
  });
  const gentle = useMemo(() => new Gentle(() => latest.current(), pauseMs), [pauseMs]);
  useEffect(() => {
    gentle.start();
    return () => gentle.stop();
  }, [gentle]);
  return gentle.call;
}

class Gentle {
  private timer: ReturnType<typeof setTimeout> | null = null;
  private isUnderWay = false;
  private isWanted = false;
  private isStopped = false;

  constructor(
    private readonly action: () => Promise<void>,
    private readonly pauseMs: number,
  ) {}

  start(): void {
    this.isStopped = false;
  }

  stop(): void {
    this.isStopped = true;
    this.isWanted = false;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  call = (): void => {
    this.isWanted = true;
    if (!this.isUnderWay && this.timer === null) void this.act();
  };

  private async act(): Promise<void> {
    this.isUnderWay = true;
    this.isWanted = false;
    const begin = performance.now();
    await this.action().catch(() => {});
    this.isUnderWay = false;
    if (this.isStopped) return;
    const pauseMs = Math.max(this.pauseMs, PATIENCE * (performance.now() - begin));
    this.timer = setTimeout(() => {
      this.timer = null;
      if (this.isWanted) void this.act();
    }, pauseMs);
  }
}
