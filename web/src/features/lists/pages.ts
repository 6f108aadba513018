/**
 * A long list in pages: how it grows at its end, takes in what is new at its top, and what changed
 * in its middle. Nothing here asks the server; nothing changes what it is given. Rows that are equal
 * to those before stay the same objects, so that they need not be drawn again.
 */
import { replaceEqualDeep } from '@tanstack/react-query';

/** A page of a list, newest first. */
export interface Page<Row> {
  rows: readonly Row[];
  /** Where the next page begins; null at the end of the list. */
  next: string | null;
  /** The range of time that was asked for; all pages of one scroll share it. */
  from: string;
  until: string | null;
  /** Whether everything up to `next` was looked at; a search gives up after a while. */
  isComplete: boolean;
}

export type IdOf<Row> = (row: Row) => string;

/** All rows, each once: what moved while pages were loaded may be on two of them. */
export function rowsOf<Row>(pages: readonly Page<Row>[], idOf: IdOf<Row>): readonly Row[] {
  if (pages.length === 1) return pages[0]?.rows ?? [];
  const seen = new Set<string>();
  const rows: Row[] = [];
  for (const page of pages) {
    for (const row of page.rows) {
      const id = idOf(row);
      if (seen.has(id)) continue;
      seen.add(id);
      rows.push(row);
    }
  }
  return rows;
}

/** The pages with newer versions of some rows, in their old places. */
export function withChanged<Row>(
  pages: readonly Page<Row>[],
  changed: ReadonlyMap<string, Row>,
  idOf: IdOf<Row>,
): readonly Page<Row>[] {
  const newer = (row: Row): Row => {
    const found = changed.get(idOf(row));
    return found === undefined ? row : replaceEqualDeep(row, found);
  };
  return pages.map((page) => {
    const rows = page.rows.map(newer);
    return isSame(rows, page.rows) ? page : { ...page, rows };
  });
}

/** How many rows of a first page that was asked for anew are not in the list. */
export function countNew<Row>(
  head: Page<Row>,
  known: ReadonlySet<string>,
  idOf: IdOf<Row>,
): { count: number; isMore: boolean } {
  const count = head.rows.filter((row) => !known.has(idOf(row))).length;
  return { count, isMore: count === head.rows.length && head.next !== null };
}

/**
 * The list with its first page as it is now.
 *
 * What follows the last row of that page is kept. If that row is not in the list, so much is new
 * that something may lie between: the list begins again with the page alone. A page of a search that
 * gave up only adds what is new.
 */
export function withHead<Row>(
  pages: readonly Page<Row>[],
  newHead: Page<Row>,
  idOf: IdOf<Row>,
): readonly Page<Row>[] {
  const before = pages[0];
  const head = { ...newHead, rows: asBefore(newHead.rows, pages, idOf) };
  if (before && head.next === before.next && isSame(head.rows, before.rows)) return pages;
  if (before && !head.isComplete) return [withNew(before, head.rows, idOf), ...pages.slice(1)];
  const last = head.rows.at(-1);
  if (last === undefined || head.next === null) return [head];
  const lastId = idOf(last);
  for (const [index, page] of pages.entries()) {
    const place = page.rows.findIndex((row) => idOf(row) === lastId);
    if (place === -1) continue;
    const rest = page.rows.slice(place + 1);
    const kept = rest.length > 0 ? [{ ...page, rows: rest }] : [];
    return [head, ...kept, ...pages.slice(index + 1)];
  }
  return [head];
}

function withNew<Row>(page: Page<Row>, rows: readonly Row[], idOf: IdOf<Row>): Page<Row> {
  const newer = new Map(rows.map((row) => [idOf(row), row]));
  const known = page.rows.map((row) => newer.get(idOf(row)) ?? row);
  const ids = new Set(page.rows.map(idOf));
  return { ...page, rows: [...rows.filter((row) => !ids.has(idOf(row))), ...known] };
}

/** The rows, each the same object as in the first pages if it says the same. */
function asBefore<Row>(
  rows: readonly Row[],
  pages: readonly Page<Row>[],
  idOf: IdOf<Row>,
): readonly Row[] {
  const before = new Map(
    pages.slice(0, 2).flatMap(({ rows }) => rows.map((row) => [idOf(row), row])),
  );
  return rows.map((row) => {
    const known = before.get(idOf(row));
    return known === undefined ? row : replaceEqualDeep(known, row);
  });
}

function isSame<Row>(a: readonly Row[], b: readonly Row[]): boolean {
  return a.length === b.length && a.every((row, index) => row === b[index]);
}
