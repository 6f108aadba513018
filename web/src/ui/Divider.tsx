import type { KeyboardEvent, PointerEvent } from 'react';
import { cn } from '~/lib/cn';

interface DividerProps {
  /** What it makes wider or narrower. */
  label: string;
  /** The share of the part before it, in per cent of what contains the divider. */
  percent: number;
  min?: number;
  max?: number;
  onChange: (percent: number) => void;
  className?: string;
}

/** A vertical edge that can be dragged, or moved with the arrow keys. It lies on its container. */
export function Divider({ label, percent, min = 20, max = 80, onChange, className }: DividerProps) {
  const set = (next: number) => onChange(Math.round(Math.min(Math.max(next, min), max) * 10) / 10);
  const drag = (event: PointerEvent<HTMLElement>) => {
    const container = event.currentTarget.parentElement;
    if (!container || !event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const box = container.getBoundingClientRect();
    set(((event.clientX - box.left) / box.width) * 100);
  };
  const press = (event: KeyboardEvent) => {
    const step = event.shiftKey ? 10 : 2;
    if (event.key === 'ArrowLeft') set(percent - step);
    else if (event.key === 'ArrowRight') set(percent + step);
    else if (event.key === 'Home') set(min);
    else if (event.key === 'End') set(max);
    else return;
    event.preventDefault();
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a rule cannot be moved
    <div
      role="separator"
      aria-label={label}
      aria-orientation="vertical"
      aria-valuenow={Math.round(percent)}
      aria-valuemin={min}
      aria-valuemax={max}
      tabIndex={0}
      style={{ left: `${percent}%` }}
      className={cn(
        'group absolute inset-y-0 z-10 w-3 -translate-x-1/2 cursor-col-resize touch-none',
        className,
      )}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={drag}
      onKeyDown={press}
    >
      <div className="mx-auto h-full w-px bg-line transition-colors group-hover:bg-line-strong group-active:bg-accent" />
    </div>
  );
}
