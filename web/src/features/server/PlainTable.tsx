import type { ReactNode } from 'react';

export interface Column<Row> {
  title: string;
  cell: (row: Row) => ReactNode;
}

/** A short table without anything to sort or choose. It can be scrolled sideways. */
export function PlainTable<Row>(props: {
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
}) {
  const scrollable = { role: 'region', tabIndex: 0, 'aria-label': props.label };
  return (
    <div {...scrollable} className="overflow-x-auto border-line border-t">
      <table className="w-full text-left">
        <thead>
          <tr className="text-ink-faint text-xs">
            {props.columns.map(({ title }) => (
              <th key={title} scope="col" className="h-8 whitespace-nowrap px-4 font-medium">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.rows.map((row) => (
            <tr key={props.rowKey(row)} className="border-line border-t">
              {props.columns.map(({ title, cell }) => (
                <td key={title} className="h-9 whitespace-nowrap px-4 tabular-nums">
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
