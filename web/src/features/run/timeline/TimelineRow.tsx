import { Tooltip } from '@base-ui/react/tooltip';
import { type CSSProperties, useState } from 'react';
import { cn } from '~/lib/cn';
import { formatDuration } from '~/lib/duration';
import type { Bounds } from './node';
import { RowBar } from './RowBar';
import { RowCard } from './RowCard';
import { RowName } from './RowName';
import type { Row } from './rows';

interface TimelineRowProps {
  row: Row;
  index: number;
  isSelected: boolean;
  /** Whether the tab key leads to it. */
  isActive: boolean;
  window: Bounds;
  nowMs: number;
  namesPercent: number;
  style: CSSProperties;
  onSelect: (index: number) => void;
  onToggle: (id: string) => void;
  focusRef: ((row: HTMLElement | null) => void) | undefined;
}

/** A row: its name on the left, when it did what on the right. */
export function TimelineRow(props: TimelineRowProps) {
  const { row, index, window, nowMs } = props;
  const { node } = row;
  const [isCardOpen, setCardOpen] = useState(false);
  const ms = (node.endedMs ?? nowMs) - (node.startedMs ?? node.queuedMs);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a table cannot be a tree
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree handles keys for all rows
    <div
      ref={props.focusRef}
      role="row"
      tabIndex={props.isActive ? 0 : -1}
      aria-level={row.level}
      aria-posinset={row.position}
      aria-setsize={row.siblingCount}
      aria-rowindex={index + 1}
      aria-expanded={row.isExpanded}
      aria-selected={props.isSelected}
      data-row={index}
      style={props.style}
      className={cn(
        'group absolute inset-x-0 flex h-7.5 cursor-pointer items-stretch -outline-offset-2',
        props.isSelected ? 'bg-accent-soft' : 'hover:bg-hover',
      )}
      onClick={() => props.onSelect(index)}
      onFocus={(event) => setCardOpen(event.currentTarget.matches(':focus-visible'))}
      onBlur={() => setCardOpen(false)}
    >
      {/* biome-ignore lint/a11y/useSemanticElements: see above */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: the row has the focus */}
      <div role="gridcell" className="shrink-0" style={{ width: `${props.namesPercent}%` }}>
        <RowName row={row} ms={ms} onToggle={() => props.onToggle(node.id)} />
      </div>
      <Tooltip.Root open={isCardOpen} onOpenChange={setCardOpen}>
        {/* biome-ignore lint/a11y/useSemanticElements: see above */}
        {/* biome-ignore lint/a11y/useFocusableInteractive: the row has the focus */}
        <div role="gridcell" className="relative mx-3 min-w-0 flex-1 overflow-hidden">
          <span className="sr-only">
            {formatDuration(ms)}
            {node.endedMs === null && ' so far'}
          </span>
          <Tooltip.Trigger
            render={<div className="absolute inset-0" tabIndex={-1} role="presentation" />}
          >
            <RowBar node={node} window={window} nowMs={nowMs} />
          </Tooltip.Trigger>
        </div>
        <Tooltip.Portal>
          <Tooltip.Positioner side="top" sideOffset={2} className="z-60">
            <Tooltip.Popup className="rounded-md border border-line bg-raised px-3 py-2 text-xs shadow-float">
              <RowCard node={node} nowMs={nowMs} />
            </Tooltip.Popup>
          </Tooltip.Positioner>
        </Tooltip.Portal>
      </Tooltip.Root>
    </div>
  );
}
