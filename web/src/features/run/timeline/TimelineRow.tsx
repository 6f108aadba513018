import { Tooltip } from '@base-ui/react/tooltip';
import { memo, useId } from 'react';
import { cn } from '~/lib/cn';
import { formatDuration } from '~/lib/duration';
import type { Bounds } from './node';
import { RowBar } from './RowBar';
import type { RowCardHandle } from './RowCard';
import { RowName } from './RowName';
import type { Row } from './rows';

/** What a row can be asked to do. The same object as long as the timeline is shown. */
export interface RowActions {
  select: (index: number) => void;
  toggle: (id: string) => void;
  /** Looks closely at the time of a row. */
  zoom: (index: number) => void;
}

interface TimelineRowProps {
  row: Row;
  index: number;
  isSelected: boolean;
  /** Whether the tab key leads to it. */
  isActive: boolean;
  window: Bounds;
  nowMs: number;
  namesPercent: number;
  /** Its distance from the top, in pixels. */
  topPx: number;
  actions: RowActions;
  card: RowCardHandle;
  focusRef: ((row: HTMLElement | null) => void) | undefined;
}

/** A row: its name on the left, when it did what on the right. Drawn anew only if it changed. */
export const TimelineRow = memo(function TimelineRow(props: TimelineRowProps) {
  const { row, index, window, nowMs, card } = props;
  const { node } = row;
  const cardId = useId();
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
      style={{ transform: `translateY(${props.topPx}px)` }}
      className={cn(
        'group absolute inset-x-0 flex h-7.5 cursor-pointer items-stretch -outline-offset-2',
        props.isSelected ? 'bg-accent-soft' : 'hover:bg-hover',
      )}
      onClick={() => props.actions.select(index)}
      onDoubleClick={() => props.actions.zoom(index)}
      onFocus={(event) => {
        if (event.currentTarget.matches(':focus-visible')) card.open(cardId);
      }}
      onBlur={() => card.close()}
    >
      {/* biome-ignore lint/a11y/useSemanticElements: see above */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: the row has the focus */}
      <div role="gridcell" className="shrink-0" style={{ width: `${props.namesPercent}%` }}>
        <RowName row={row} ms={ms} onToggle={() => props.actions.toggle(node.id)} />
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: see above */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: the row has the focus */}
      <div role="gridcell" className="relative mx-3 min-w-0 flex-1 overflow-hidden">
        <span className="sr-only">
          {formatDuration(ms)}
          {node.endedMs === null && ' so far'}
        </span>
        <Tooltip.Trigger
          id={cardId}
          handle={card}
          payload={node}
          render={<div className="absolute inset-0" tabIndex={-1} role="presentation" />}
        >
          <RowBar node={node} window={window} nowMs={nowMs} />
        </Tooltip.Trigger>
      </div>
    </div>
  );
});
