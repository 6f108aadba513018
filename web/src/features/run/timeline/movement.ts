import type { Row } from './rows';

/** What a key asks of the tree. */
export type Movement =
  | { to: number }
  | { expand: string }
  | { collapse: string }
  | { select: number }
  | { zoom: number }
  | 'expand all';

/** What a key does when a row has the focus; undefined if nothing. `pageRows` fit on the screen. */
export function movementOf(
  key: string,
  rows: readonly Row[],
  at: number,
  pageRows: number,
): Movement | undefined {
  const row = rows[at];
  if (!row) return undefined;
  const last = rows.length - 1;
  const to = (index: number): Movement => ({ to: Math.min(Math.max(index, 0), last) });
  switch (key) {
    case 'ArrowDown':
      return to(at + 1);
    case 'ArrowUp':
      return to(at - 1);
    case 'PageDown':
      return to(at + pageRows);
    case 'PageUp':
      return to(at - pageRows);
    case 'Home':
      return to(0);
    case 'End':
      return to(last);
    case 'Enter':
    case ' ':
      return { select: at };
    case 'z':
      return { zoom: at };
    case '*':
      return 'expand all';
    case 'ArrowRight':
      if (row.isExpanded === false) return { expand: row.node.id };
      return row.isExpanded ? to(at + 1) : undefined;
    case 'ArrowLeft':
      if (row.isExpanded && row.level > 1) return { collapse: row.node.id };
      return row.parentIndex >= 0 ? to(row.parentIndex) : undefined;
    default:
      return undefined;
  }
}
