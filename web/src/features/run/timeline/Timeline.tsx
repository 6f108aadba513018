import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, useMemo, useRef, useState } from 'react';
import { useRemembered } from '~/lib/storage';
import { useNow } from '~/lib/time';
import { Divider } from '~/ui/Divider';
import { movementOf } from './movement';
import { type Bounds, boundsOf, type TraceNode } from './node';
import { expandableIds, visibleRows } from './rows';
import { TimelineHead } from './TimelineHead';
import { TimelineRow } from './TimelineRow';
import { clampWindow } from './zoom';

const ROW_PX = 30;
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
  const [zoom, setZoom] = useState<Bounds | null>(null);
  const [namesPercent, setNamesPercent] = useRemembered('timeline.names', 44, isShare);
  const [activeId, setActiveId] = useState(selected);
  const scroller = useRef<HTMLDivElement>(null);
  const shouldFocus = useRef(false);
  const nowMs = useNow(root.endedMs === null ? 250 : null);
  const whole = boundsOf(root, nowMs);
  const window = zoom ? clampWindow(zoom, whole) : whole;
  const rows = useMemo(() => visibleRows(root, opened, filter), [root, opened, filter]);
  const expandable = useMemo(() => expandableIds(root), [root]);
  const found = rows.findIndex((row) => row.node.id === activeId);
  const active = Math.max(found, 0);

  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 10,
    // The row with the focus stays, wherever one scrolls to.
    rangeExtractor: (range) => {
      const indexes = defaultRangeExtractor(range);
      return indexes.includes(active) ? indexes : [...indexes, active].sort((a, b) => a - b);
    },
  });
  const toggle = (id: string) => {
    const next = new Set(opened);
    if (!next.delete(id)) next.add(id);
    setOpened(next);
  };
  const select = (index: number) => {
    const node = rows[index]?.node;
    if (!node) return;
    setActiveId(node.id);
    onSelect(node.id);
  };
  const press = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const pageRows = Math.floor((scroller.current?.clientHeight ?? 300) / ROW_PX) - 1;
    const movement = movementOf(event.key, rows, active, pageRows);
    if (!movement) return;
    event.preventDefault();
    if (movement === 'expand all') setOpened(new Set(expandable));
    else if ('to' in movement) {
      shouldFocus.current = true;
      setActiveId(rows[movement.to]?.node.id ?? '');
      virtualizer.scrollToIndex(movement.to);
    } else if ('select' in movement) select(movement.select);
    else toggle('expand' in movement ? movement.expand : movement.collapse);
  };
  const focusActive = (row: HTMLElement | null) => {
    if (!row || !shouldFocus.current) return;
    shouldFocus.current = false;
    row.focus({ preventScroll: true });
  };

  return (
    <div className="relative flex min-h-0 flex-1 flex-col">
      <TimelineHead
        whole={whole}
        window={window}
        isZoomed={zoom !== null}
        onZoom={setZoom}
        namesPercent={namesPercent}
        rowCount={rows.length}
        filter={filter}
        onFilter={setFilter}
        canExpand={expandable.some((id) => !opened.has(id))}
        canCollapse={opened.size > 0}
        onExpandAll={() => setOpened(new Set(expandable))}
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
        {/* biome-ignore lint/a11y/useSemanticElements: see above */}
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
                  window={window}
                  nowMs={nowMs}
                  namesPercent={namesPercent}
                  style={{ transform: `translateY(${item.start}px)` }}
                  onSelect={select}
                  onToggle={toggle}
                  focusRef={item.index === active ? focusActive : undefined}
                />
              )
            );
          })}
        </div>
      </div>
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
