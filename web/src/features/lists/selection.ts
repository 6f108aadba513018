/** Which rows are chosen. Nothing here changes what it is given. */

/** The ids with one more or less. */
export function toggled(chosen: ReadonlySet<string>, id: string): Set<string> {
  const next = new Set(chosen);
  if (!next.delete(id)) next.add(id);
  return next;
}

/**
 * The ids with those of a range, in the order of the list, made like the row at its end: if that row
 * is not chosen, the whole range is, else none of it. A range from a row that is gone is one row.
 */
export function toggledRange(
  chosen: ReadonlySet<string>,
  order: readonly string[],
  anchor: string | null,
  id: string,
): Set<string> {
  const from = anchor === null ? -1 : order.indexOf(anchor);
  const to = order.indexOf(id);
  if (from === -1 || to === -1) return toggled(chosen, id);
  const range = order.slice(Math.min(from, to), Math.max(from, to) + 1);
  const next = new Set(chosen);
  const isChosen = !chosen.has(id);
  for (const each of range) {
    if (isChosen) next.add(each);
    else next.delete(each);
  }
  return next;
}

/** All of the list, or none if all of them are chosen. */
export function toggledAll(chosen: ReadonlySet<string>, order: readonly string[]): Set<string> {
  return order.every((id) => chosen.has(id)) ? new Set() : new Set(order);
}
