import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react';
import { useRemembered } from '~/lib/storage';
import { Divider } from '~/ui/Divider';
import { movementOf } from './movement';
import type { TraceNode } from './node';
import { newRowCardHandle, RowCard } from './RowCard';
import { expandableIds, visibleRows } from './rows';
import { TimelineHead } from './TimelineHead';
import { type RowActions, TimelineRow } from './TimelineRow';
import { useZoom } from './useZoom';

const ROW_PX = 30;
const OVERSCAN_ROWS = 6;
const NAMES_PERCENT = 44;
const isShare = (value: unknown): value is number => typeof value === 'number';

interface TimelineProps {
  root: TraceNode;
  /** The id of the selected row. */
  selected: string;
  onSelect: (id: string) => void;
}

/** What happened in a run, and when: one row for each step, attempt and span. */
export function Timeline({ root, selected, onSelect }: TimelineProps) {
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  const [filter, setFilter] = useState('');
  const [namesPercent, setNamesPercent] = useRemembered('timeline.names', NAMES_PERCENT, isShare);
  const [activeId, setActiveId] = useState(selected);
  const scroller = useRef<HTMLDivElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const shouldFocus = useRef(false);
  const zoom = useZoom(root);
  const [card] = useState(newRowCardHandle);
  const rows = useMemo(() => visibleRows(root, opened, filter), [root, opened, filter]);
  const expandable = useMemo(() => expandableIds(root), [root]);
  const canExpand = useMemo(() => expandable.some((id) => !opened.has(id)), [expandable, opened]);
  const found = useMemo(() => rows.findIndex((row) => row.node.id === activeId), [rows, activeId]);
  const active = Math.max(found, 0);

  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: OVERSCAN_ROWS,
    // The row with the focus stays, wherever one scrolls to.
    rangeExtractor: (range) => {
      const indexes = defaultRangeExtractor(range);
      return indexes.includes(active) ? indexes : [...indexes, active].sort((a, b) => a - b);
    },
  });
  const expandAll = () => setOpened(new Set(expandable));
  const actions = useSteady({
    toggle: (id) => {
      const next = new Set(opened);
      if (!next.delete(id)) next.add(id);
      setOpened(next);
    },
    select: (index) => {
      const node = rows[index]?.node;
      if (!node) return;
      setActiveId(node.id);
      onSelect(node.id);
    },
    zoom: (index) => {
      const node = rows[index]?.node;
      if (node) zoom.zoomTo(node);
    },
  });
  const press = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const pageRows = Math.floor((scroller.current?.clientHeight ?? 300) / ROW_PX) - 1;
    const movement = movementOf(event.key, rows, active, pageRows);
    if (!movement) return;
    event.preventDefault();
    if (movement === 'expand all') expandAll();
    else if ('to' in movement) {
      shouldFocus.current = true;
      setActiveId(rows[movement.to]?.node.id ?? '');
      virtualizer.scrollToIndex(movement.to);
    } else if ('select' in movement) actions.select(movement.select);
    else if ('zoom' in movement) actions.zoom(movement.zoom);
    else actions.toggle('expand' in movement ? movement.expand : movement.collapse);
  };
  const [focusActive] = useState(() => (row: HTMLElement | null) => {
    if (!row || !shouldFocus.current) return;
    shouldFocus.current = false;
    row.focus({ preventScroll: true });
  });

  return (
    <div ref={frame} className="relative flex min-h-0 flex-1 flex-col">
      <TimelineHead
        zoom={zoom}
        namesPercent={namesPercent}
        rowCount={rows.length}
        filter={filter}
        onFilter={setFilter}
        canExpand={canExpand}
        canCollapse={opened.size > 0}
        onExpandAll={expandAll}
        onCollapseAll={() => setOpened(new Set())}
      />
      <div
        ref={scroller}
        role="treegrid"
        aria-label="Timeline"
        aria-rowcount={rows.length}
        tabIndex={-1}
        className="relative min-h-0 flex-1 overflow-y-auto overflow-x-hidden outline-none"
        onKeyDown={press}
      >
        {/* biome-ignore lint/a11y/useSemanticElements: a table cannot be a tree */}
        <div role="rowgroup" className="relative" style={{ height: virtualizer.getTotalSize() }}>
          {virtualizer.getVirtualItems().map((item) => {
            const row = rows[item.index];
            return (
              row && (
                <TimelineRow
                  key={row.node.id}
                  row={row}
                  index={item.index}
                  isSelected={row.node.id === selected}
                  isActive={item.index === active}
                  window={zoom.window}
                  nowMs={zoom.nowMs}
                  namesPercent={namesPercent}
                  topPx={item.start}
                  actions={actions}
                  card={card}
                  focusRef={item.index === active ? focusActive : undefined}
                />
              )
            );
          })}
        </div>
      </div>
      <RowCard handle={card} nowMs={zoom.nowMs} container={frame} />
      <Divider
        label="Width of the names"
        percent={namesPercent}
        min={20}
        max={75}
        onChange={setNamesPercent}
      />
    </div>
  );
}

/** Actions that do what was asked for last, as an object that stays the same. */
function useSteady(actions: RowActions): RowActions {
  const latest = useRef(actions);
  useEffect(() => {
    latest.current = actions;
  });
  const [steady] = useState<RowActions>(() => ({
    select: (index) => latest.current.select(index),
    toggle: (id) => latest.current.toggle(id),
    zoom: (index) => latest.current.zoom(index),
  }));
  return steady;
}
