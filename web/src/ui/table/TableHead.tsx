import { cn } from '~/lib/cn';
import type { Column } from './columns';
import { HEAD_HEIGHT } from './TableRow';
import type { Selection } from './VirtualTable';

const HEAD_CELL =
  'sticky top-0 z-10 border-line border-b bg-canvas px-2 last:pr-4 text-left font-medium text-ink-soft text-xs';

/** Titles of the columns, and a checkbox for all rows that are loaded. */
export function TableHead<Row>(props: {
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  idOf: (row: Row) => string;
  selection: Selection | undefined;
}) {
  const { columns, selection } = props;
  return (
    <thead>
      <tr aria-rowindex={1} style={{ height: HEAD_HEIGHT }}>
        {selection && (
          <th scope="col" className={cn(HEAD_CELL, 'pl-4')}>
            <SelectAll {...props} selection={selection} />
          </th>
        )}
        <td className={HEAD_CELL} />
        {columns.map((column) => (
          <th
            key={column.id}
            scope="col"
            className={cn(HEAD_CELL, 'truncate', column.isNumber && 'text-right')}
          >
            {column.title}
          </th>
        ))}
      </tr>
    </thead>
  );
}

function SelectAll<Row>(props: {
  rows: readonly Row[];
  idOf: (row: Row) => string;
  selection: Selection;
}) {
  const { rows, idOf, selection } = props;
  const isAny = selection.ids.size > 0;
  const isAll = isAny && rows.every((row) => selection.ids.has(idOf(row)));
  return (
    <input
      type="checkbox"
      aria-label="Select all that are loaded"
      checked={isAll}
      ref={(box) => {
        if (box) box.indeterminate = isAny && !isAll;
      }}
      disabled={rows.length === 0}
      onChange={selection.onToggleAll}
      className="size-4 align-middle accent-accent"
    />
  );
}
