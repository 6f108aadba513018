/** The instant under the pointer, which charts of one group share. */
import { useEffect, useState, useSyncExternalStore } from 'react';

export interface Pointed {
  ms: number;
  /** The chart that is pointed at; only it tells its values. */
  chart: string;
}

/** What is pointed at, and who wants to know. */
export class Crosshair {
  private pointed: Pointed | null = null;
  private readonly watchers = new Set<() => void>();

  get = (): Pointed | null => this.pointed;

  set = (pointed: Pointed | null): void => {
    const { pointed: before } = this;
    if (before?.ms === pointed?.ms && before?.chart === pointed?.chart) return;
    this.pointed = pointed;
    for (const watcher of [...this.watchers]) watcher();
  };

  watch = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };
}

const groups = new Map<string, Crosshair>();

/** The crosshair of a group; without a name, one of its own. */
export function useCrosshair(group: string | undefined): Crosshair {
  const [own] = useState(() => new Crosshair());
  if (group === undefined) return own;
  const shared = groups.get(group) ?? new Crosshair();
  groups.set(group, shared);
  return shared;
}

export function usePointed(crosshair: Crosshair, chart: string): Pointed | null {
  useEffect(() => {
    // A chart that goes away under the pointer hears of no leaving.
    return () => {
      if (crosshair.get()?.chart === chart) crosshair.set(null);
    };
  }, [crosshair, chart]);
  return useSyncExternalStore(crosshair.watch, crosshair.get);
}

/** The place of the bucket that an instant is in; null outside of all. */
export function bucketAt(
  ms: number,
  firstMs: number,
  bucketMs: number,
  count: number,
): number | null {
  const index = Math.floor((ms - firstMs) / bucketMs);
  return index >= 0 && index < count ? index : null;
}
