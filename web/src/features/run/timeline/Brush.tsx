import { type KeyboardEvent, type PointerEvent, useRef } from 'react';
import { formatDuration } from '~/lib/duration';
import type { Bounds } from './node';
import { between, movedBy, orWhole, withLeft, withRight } from './zoom';

/** What is being dragged, and where it was taken. */
interface Grip {
  part: 'left' | 'right' | 'window' | 'track';
  atMs: number;
}

interface BrushProps {
  whole: Bounds;
  window: Bounds;
  /** Null is the whole. */
  onChange: (window: Bounds | null) => void;
}

/** The whole run as a track, with the part that is looked at: drag it, its edges, or a new one. */
export function Brush({ whole, window, onChange }: BrushProps) {
  const track = useRef<HTMLDivElement>(null);
  const grip = useRef<Grip | null>(null);
  const total = whole.toMs - whole.fromMs;
  const percent = (atMs: number) => ((atMs - whole.fromMs) / total) * 100;
  const set = (next: Bounds) => onChange(orWhole(next, whole));
  const timeAt = (event: PointerEvent): number => {
    const box = track.current?.getBoundingClientRect();
    if (!box || box.width === 0) return whole.fromMs;
    const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
    return whole.fromMs + share * total;
  };
  const take = (event: PointerEvent, part: Grip['part']) => {
    event.stopPropagation();
    event.preventDefault();
    track.current?.setPointerCapture(event.pointerId);
    grip.current = { part, atMs: timeAt(event) };
  };
  const drag = (event: PointerEvent) => {
    const held = grip.current;
    if (held === null) return;
    const atMs = timeAt(event);
    if (held.part === 'left') set(withLeft(window, atMs, whole));
    else if (held.part === 'right') set(withRight(window, atMs, whole));
    else if (held.part === 'track') set(between(held.atMs, atMs, whole));
    else {
      set(movedBy(window, atMs - held.atMs, whole));
      held.atMs = atMs;
    }
  };
  const release = () => {
    grip.current = null;
  };
  const moveEdge = (event: KeyboardEvent, edge: typeof withLeft, atMs: number, other: number) => {
    const step = (event.shiftKey ? 0.1 : 0.01) * total;
    if (event.key === 'ArrowLeft') set(edge(window, atMs - step, whole));
    else if (event.key === 'ArrowRight') set(edge(window, atMs + step, whole));
    else if (event.key === 'Home' || event.key === 'End') set(edge(window, other, whole));
    else return;
    event.preventDefault();
  };
  const left = percent(window.fromMs);
  const right = percent(window.toMs);
  return (
    <div
      ref={track}
      className="relative h-5 touch-none rounded bg-canvas"
      onPointerDown={(event) => take(event, 'track')}
      onPointerMove={drag}
      onPointerUp={release}
      onPointerCancel={release}
    >
      <div
        className="absolute inset-y-0 cursor-grab rounded border border-accent bg-accent-soft active:cursor-grabbing"
        style={{ left: `${left}%`, width: `${right - left}%` }}
        onPointerDown={(event) => take(event, 'window')}
      />
      <Handle
        label="Begin of the part shown"
        percent={left}
        text={formatDuration(window.fromMs - whole.fromMs)}
        onTake={(event) => take(event, 'left')}
        onKey={(event) => moveEdge(event, withLeft, window.fromMs, whole.fromMs)}
      />
      <Handle
        label="End of the part shown"
        percent={right}
        text={formatDuration(window.toMs - whole.fromMs)}
        onTake={(event) => take(event, 'right')}
        onKey={(event) => moveEdge(event, withRight, window.toMs, whole.toMs)}
      />
    </div>
  );
}

function Handle(props: {
  label: string;
  percent: number;
  /** How long after the run's beginning it is. */
  text: string;
  onTake: (event: PointerEvent) => void;
  onKey: (event: KeyboardEvent) => void;
}) {
  return (
    <div
      role="slider"
      tabIndex={0}
      aria-label={props.label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(props.percent)}
      aria-valuetext={props.text}
      style={{ left: `${props.percent}%` }}
      className="absolute inset-y-0 flex w-6 -translate-x-1/2 cursor-ew-resize items-center justify-center"
      onPointerDown={props.onTake}
      onKeyDown={props.onKey}
    >
      <span className="h-3.5 w-1.5 rounded-full bg-accent" />
    </div>
  );
}
