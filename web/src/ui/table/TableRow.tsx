import { ChevronRight } from 'lucide-react';
import { type MouseEvent, memo, type ReactNode } from 'react';
import { cn } from '~/lib/cn';
import type { Column } from './columns';

/** In pixels, the line below included. */
export const ROW_HEIGHT = 37;
export const HEAD_HEIGHT = 34;

const CELL = 'h-[37px] border-line border-b px-2 py-0 last:pr-4';

interface TableRowProps<Row> {
  row: Row;
  id: string;
  index: number;
  columns: readonly Column<Row>[];
  columnCount: number;
  name: string;
  /** What is shown below the row, while it is open. */
  detail: ((row: Row) => ReactNode) | undefined;
  /** Its controls can be reached by Tab; those of other rows are reached from here. */
  isActive: boolean;
  isSelected: boolean | undefined;
  onToggleSelected: ((id: string, isRange: boolean) => void) | undefined;
  onToggleOpen: (id: string) => void;
  onActive: (id: string) => void;
  measure: (element: HTMLElement | null) => void;
}

function PlainTableRow<Row>(props: TableRowProps<Row>) {
  const { row, id, name, columns, isActive, isSelected, onToggleSelected } = props;
  const isOpen = props.detail !== undefined;
  const tabIndex = isActive ? 0 : -1;
  const detailId = `detail-${id}`;
  return (
    <tbody
      // Only rows that are open have a height of their own.
      ref={isOpen ? props.measure : undefined}
      data-index={props.index}
      data-row={id}
      onFocus={() => props.onActive(id)}
    >
      <tr
        aria-rowindex={props.index + 2}
        onClick={(event) => isPlainClick(event) && props.onToggleOpen(id)}
        className={cn(
          'cursor-pointer hover:bg-hover focus-within:bg-hover',
          isSelected && 'bg-accent-soft',
          isOpen && 'bg-hover',
        )}
      >
        {onToggleSelected && (
          <td className={cn(CELL, 'pl-4')}>
            <input
              type="checkbox"
              data-control="select"
              tabIndex={tabIndex}
              aria-label={`Select ${name}`}
              checked={isSelected ?? false}
              onChange={() => {}}
              onClick={(event) => onToggleSelected(id, event.shiftKey)}
              className="size-4 align-middle accent-accent"
            />
          </td>
        )}
        <td className={cn(CELL, 'px-1')}>
          <button
            type="button"
            data-control="open"
            tabIndex={tabIndex}
            aria-label={`Details of ${name}`}
            aria-expanded={isOpen}
            aria-controls={isOpen ? detailId : undefined}
            onClick={() => props.onToggleOpen(id)}
            className="flex size-7 items-center justify-center rounded-md text-ink-faint hover:text-ink"
          >
            <ChevronRight
              className={cn('size-4 transition-transform', isOpen && 'rotate-90')}
              aria-hidden
            />
          </button>
        </td>
        {columns.map((column) => (
          <td
            key={column.id}
            className={cn(CELL, 'truncate', column.isNumber && 'text-right tabular-nums')}
          >
            {column.cell(row, tabIndex)}
          </td>
        ))}
      </tr>
      {props.detail && (
        <tr>
          <td colSpan={props.columnCount} className="border-line border-b bg-canvas p-0">
            <section id={detailId} aria-label={`Details of ${name}`} data-row-detail>
              {props.detail(row)}
            </section>
          </td>
        </tr>
      )}
    </tbody>
  );
}

export const TableRow = memo(PlainTableRow) as typeof PlainTableRow;

/** Not on a link or control of its own, and not the end of marking text. */
function isPlainClick(event: MouseEvent): boolean {
  if (event.defaultPrevented || event.button !== 0) return false;
  if (event.target instanceof Element && event.target.closest('a, button, input, label')) {
    return false;
  }
  return window.getSelection()?.isCollapsed ?? true;
}
