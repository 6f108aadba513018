import type { ReactNode } from 'react';

export interface Column<Row> {
  id: string;
  title: string;
  /** In pixels; at least, if it grows. */
  width: number;
  /** Takes its share of the width that is left. */
  isGrowing?: boolean;
  isNumber?: boolean;
  /** `tabIndex` is for a link or button in the cell: 0 in the row that Tab reaches. */
  cell: (row: Row, tabIndex: 0 | -1) => ReactNode;
}

/** Of the columns with the checkbox and the arrow. */
const CONTROL_WIDTH = 36;

export function columnStyle({ width, isGrowing }: Column<never>): { width: number } | undefined {
  return isGrowing ? undefined : { width };
}

/** The narrowest table in which every column has its width. */
export function widthOfColumns(columns: readonly Column<never>[], isSelectable: boolean): number {
  const controls = CONTROL_WIDTH * (isSelectable ? 2 : 1);
  return columns.reduce((sum, { width }) => sum + width, controls);
}
