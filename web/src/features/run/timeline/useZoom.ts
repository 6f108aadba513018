import { useCallback, useMemo, useState } from 'react';
import { useNow } from '~/lib/time';
import { type Bounds, boundsOf, type TraceNode, upTo } from './node';
import { around, clampWindow, orWhole } from './zoom';

/** Which part of a run's time is looked at. */
export interface Zoom {
  /** Where what goes on is drawn to. */
  nowMs: number;
  whole: Bounds;
  window: Bounds;
  isZoomed: boolean;
  /** Null is the whole, which grows while the run goes on. */
  set: (window: Bounds | null) => void;
  /** Looks closely at the time of one row. */
  zoomTo: (node: TraceNode) => void;
}

const LIVE_EVERY_MS = 250;

export function useZoom(root: TraceNode): Zoom {
  const nowMs = useNow(root.endedMs === null ? LIVE_EVERY_MS : null);
  const [zoom, setZoom] = useState<Bounds | null>(null);
  const known = useMemo(() => boundsOf(root), [root]);
  // What has ended does not change with the clock.
  const endMs = root.endedMs === null ? nowMs : known.toMs;
  const whole = useMemo(() => upTo(known, endMs), [known, endMs]);
  const window = useMemo(() => (zoom ? clampWindow(zoom, whole) : whole), [zoom, whole]);
  const zoomTo = useCallback(
    (node: TraceNode) => {
      const part = { fromMs: node.queuedMs, toMs: node.endedMs ?? endMs };
      setZoom(orWhole(around(part, whole), whole));
    },
    [whole, endMs],
  );
  return { nowMs: endMs, whole, window, isZoomed: zoom !== null, set: setZoom, zoomTo };
}
