import type { TraceNode } from './node';
import { type ParallelGroup, parallelGroups } from './parallel';

/** A row of the tree as it is opened now. */
export interface Row {
  node: TraceNode;
  /** The root has level 1. */
  level: number;
  /** Its place among its siblings that are shown, from 1. */
  position: number;
  siblingCount: number;
  /** Undefined if nothing is below it. */
  isExpanded: boolean | undefined;
  parentIndex: number;
  /** The group it belongs to or lies within, and which part of it the row is. */
  parallel: { group: ParallelGroup; isFirst: boolean; isLast: boolean } | undefined;
}

/** Which rows are open: the root always is. */
export interface Opened {
  has(id: string): boolean;
}

/**
 * The rows from top to bottom.
 *
 * @param filter Part of a name, in any case. Rows above a match are shown too, and opened.
 */
export function visibleRows(root: TraceNode, opened: Opened, filter = ''): Row[] {
  const wanted = filter.trim() === '' ? null : matching(root, filter.trim().toLowerCase());
  const rows: Row[] = [];
  const add = (node: TraceNode, level: number, place: Place, parallel: Row['parallel']) => {
    const children = wanted ? node.children.filter((child) => wanted.has(child)) : node.children;
    const isOpen = level === 1 || (wanted !== null && children.length > 0) || opened.has(node.id);
    const index = rows.length;
    rows.push({
      node,
      level,
      ...place,
      isExpanded: node.children.length === 0 ? undefined : isOpen,
      parallel,
    });
    if (!isOpen) return;
    const groups = level === 1 ? parallelGroups(children) : [];
    children.forEach((child, at) => {
      const group = groups.find(({ first, last }) => first <= at && at <= last);
      const place = { position: at + 1, siblingCount: children.length, parentIndex: index };
      add(child, level + 1, place, group ? partOf(group, at) : within(parallel));
    });
  };
  add(root, 1, { position: 1, siblingCount: 1, parentIndex: -1 }, undefined);
  closeBraces(rows);
  return rows;
}

interface Place {
  position: number;
  siblingCount: number;
  parentIndex: number;
}

function partOf(group: ParallelGroup, at: number): Row['parallel'] {
  return { group, isFirst: at === group.first, isLast: at === group.last };
}

function within(parallel: Row['parallel']): Row['parallel'] {
  return parallel && { ...parallel, isFirst: false };
}

/** The brace ends at the last row that lies within it, not at the last step. */
function closeBraces(rows: Row[]): void {
  rows.forEach((row, index) => {
    const next = rows[index + 1];
    if (!row.parallel?.isLast) return;
    row.parallel = { ...row.parallel, isLast: next?.parallel?.group !== row.parallel.group };
  });
}

/** Nodes with the words in their name, what is above those, and what is below them. */
function matching(root: TraceNode, words: string): Set<TraceNode> {
  const found = new Set<TraceNode>();
  const look = (node: TraceNode, isBelowMatch: boolean): boolean => {
    const matches = isBelowMatch || (node !== root && node.name.toLowerCase().includes(words));
    let isFound = matches;
    for (const child of node.children) if (look(child, matches)) isFound = true;
    if (isFound) found.add(node);
    return isFound;
  };
  look(root, false);
  return found;
}

/** The ids of all rows that something is below. */
export function expandableIds(root: TraceNode): string[] {
  const ids: string[] = [];
  const look = (node: TraceNode) => {
    if (node.children.length > 0 && node !== root) ids.push(node.id);
    node.children.forEach(look);
  };
  look(root);
  return ids;
}
