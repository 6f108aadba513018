import { type Range, useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, type RefObject, useCallback, useEffect, useMemo, useState } from 'react';
import { cn } from '~/lib/cn';
import { type Column, columnStyle, widthOfColumns } from './columns';
import { TableHead } from './TableHead';
import { HEAD_HEIGHT, ROW_HEIGHT, TableRow } from './TableRow';
import { useRowKeys } from './useRowKeys';
import { withPinned } from './windowing';

export interface VirtualTableProps<Row> {
  /** What is listed, for screen readers. */
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  idOf: (row: Row) => string;
  /** How many rows there are in all, loaded or not; null if nobody knows. */
  totalCount: number | null;
  /** What a row is called in the names of its controls. */
  nameOf: (row: Row) => string;
  /** What is shown below a row that is open. */
  detail: (row: Row) => ReactNode;
  openIds: ReadonlySet<string>;
  onToggleOpen: (id: string) => void;
  /** Left out, rows cannot be selected. */
  selection?: Selection;
  /** What the key `o` does with a row. */
  onVisit: (row: Row) => void;
  /** Called when rows come into view. */
  onShown?: (ids: readonly string[]) => void;
  /** Called when the reader comes near the end. */
  onNearEnd?: () => void;
  /** Below the last row. */
  footer?: ReactNode;
  /** The answer to another question is shown; rows are dimmed. */
  isOutdated?: boolean;
  scrollRef: RefObject<HTMLElement | null>;
}

export interface Selection {
  ids: ReadonlySet<string>;
  /** `isRange` reaches from the row that was chosen before. */
  onToggle: (id: string, isRange: boolean) => void;
  onToggleAll: () => void;
}

/** How many rows from the end the next are asked for. */
const NEAR_END = 25;

/**
 * A table of any number of rows, of which only those in view are in the page. Rows open below
 * themselves, are selected, and are walked through by j, k and the arrow keys.
 */
export function VirtualTable<Row>(props: VirtualTableProps<Row>) {
  const { columns, rows, idOf, totalCount, openIds, selection, scrollRef } = props;
  const [activeId, setActiveId] = useState<string | null>(null);
  const pinnedIndex = useIndexOf(activeId, rows, idOf);
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scrollRef.current,
    estimateSize: () => ROW_HEIGHT,
    getItemKey: useCallback((index: number) => idOf(rows[index] as Row), [rows, idOf]),
    overscan: 8,
    paddingStart: HEAD_HEIGHT,
    scrollPaddingStart: HEAD_HEIGHT,
    rangeExtractor: useCallback((range: Range) => withPinned(range, pinnedIndex), [pinnedIndex]),
  });
  // What Tab reaches: the row that was used last, else the first in view.
  const activeIndex = pinnedIndex >= 0 ? pinnedIndex : (virtualizer.range?.startIndex ?? 0);
  const keys = useRowKeys({ ...props, activeIndex, setActiveId, virtualizer });
  useViewTold(props, virtualizer.range);

  const items = virtualizer.getVirtualItems();
  const columnCount = columns.length + (selection ? 2 : 1);
  let end = HEAD_HEIGHT;
  return (
    <section
      ref={scrollRef}
      aria-label={props.label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
      tabIndex={0}
      className="min-h-0 flex-1 overflow-auto bg-surface [overflow-anchor:none]"
      onKeyDown={keys.onKeyDown}
    >
      <table
        aria-label={props.label}
        aria-rowcount={totalCount === null ? -1 : totalCount + 1}
        aria-busy={props.isOutdated || undefined}
        className={cn(
          'w-full table-fixed border-separate border-spacing-0 transition-opacity',
          props.isOutdated && 'opacity-60',
        )}
        style={{ minWidth: widthOfColumns(columns, selection !== undefined) }}
      >
        <colgroup>
          {selection && <col className="w-9" />}
          <col className="w-9" />
          {columns.map((column) => (
            <col key={column.id} style={columnStyle(column)} />
          ))}
        </colgroup>
        <TableHead columns={columns} rows={rows} idOf={idOf} selection={selection} />
        {items.flatMap((item) => {
          const row = rows[item.index] as Row;
          const gap = item.start - end;
          end = item.end;
          return [
            gap > 0 && <Gap key={`gap ${item.key}`} height={gap} columnCount={columnCount} />,
            <TableRow
              key={item.key}
              row={row}
              id={String(item.key)}
              index={item.index}
              columns={columns}
              columnCount={columnCount}
              name={props.nameOf(row)}
              detail={openIds.has(String(item.key)) ? props.detail : undefined}
              isActive={item.index === activeIndex}
              isSelected={selection?.ids.has(String(item.key))}
              onToggleSelected={selection?.onToggle}
              onToggleOpen={props.onToggleOpen}
              onActive={setActiveId}
              measure={virtualizer.measureElement}
            />,
          ];
        })}
        <Gap height={virtualizer.getTotalSize() - end} columnCount={columnCount} />
      </table>
      <div className="sticky left-0">{props.footer}</div>
    </section>
  );
}

/** The place of rows that are not in the page. */
function Gap({ height, columnCount }: { height: number; columnCount: number }) {
  if (height <= 0) return null;
  return (
    <tbody aria-hidden>
      <tr>
        <td colSpan={columnCount} className="p-0" style={{ height }} />
      </tr>
    </tbody>
  );
}

/** Where the row is that had the focus last; -1 without one. */
function useIndexOf<Row>(
  id: string | null,
  rows: readonly Row[],
  idOf: (row: Row) => string,
): number {
  return useMemo(
    () => (id === null ? -1 : rows.findIndex((row) => idOf(row) === id)),
    [id, rows, idOf],
  );
}

/** Tells which rows are in view, and when the last of them is near. */
function useViewTold<Row>(
  { rows, idOf, onShown, onNearEnd }: VirtualTableProps<Row>,
  range: { startIndex: number; endIndex: number } | null,
): void {
  const start = range?.startIndex ?? 0;
  const end = range?.endIndex ?? -1;
  useEffect(() => {
    onShown?.(rows.slice(start, end + 1).map(idOf));
    if (end >= rows.length - NEAR_END) onNearEnd?.();
  }, [rows, idOf, start, end, onShown, onNearEnd]);
}
