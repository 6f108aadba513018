import type { Virtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, useLayoutEffect, useRef } from 'react';
import type { VirtualTableProps } from './VirtualTable';

interface RowKeysOptions<Row> extends VirtualTableProps<Row> {
  activeIndex: number;
  setActiveId: (id: string) => void;
  virtualizer: Virtualizer<HTMLElement, Element>;
}

const STEPS: Record<string, number> = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 };

/** j, k and the arrows go from row to row, x selects, o visits, Enter opens. */
export function useRowKeys<Row>(options: RowKeysOptions<Row>) {
  const { rows, idOf, activeIndex, setActiveId, virtualizer, scrollRef } = options;
  const wanted = useRef<{ id: string; control: string } | null>(null);

  // The row may have to be drawn before it can have the focus.
  useLayoutEffect(() => {
    if (!wanted.current) return;
    const { id, control } = wanted.current;
    const row = scrollRef.current?.querySelector(`[data-row="${CSS.escape(id)}"]`);
    const found = row?.querySelector<HTMLElement>(`[data-control="${control}"]`);
    if (!found) return;
    wanted.current = null;
    found.focus({ preventScroll: true });
  });

  const goTo = (index: number, control: string) => {
    const row = rows[index];
    if (row === undefined) return;
    wanted.current = { id: idOf(row), control };
    setActiveId(idOf(row));
    virtualizer.scrollToIndex(index, { align: 'auto' });
  };

  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    const target = event.target as HTMLElement;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (target.closest('[data-row-detail]')) return;
    const control = target.dataset.control ?? 'open';
    const isInRow = target.closest('[data-row]') !== null;
    const step = STEPS[event.key];
    const row = rows[activeIndex];
    if (step !== undefined) goTo(isInRow ? activeIndex + step : activeIndex, control);
    else if (!isInRow || row === undefined) return;
    else if (event.key === 'Home') goTo(0, control);
    else if (event.key === 'End') goTo(rows.length - 1, control);
    else if (event.key === 'x') options.selection?.onToggle(idOf(row), event.shiftKey);
    else if (event.key === 'X') options.selection?.onToggle(idOf(row), true);
    else if (event.key === 'o') options.onVisit(row);
    else if (event.key === 'Enter' && control === 'select') options.onToggleOpen(idOf(row));
    else return;
    event.preventDefault();
  };

  return { onKeyDown };
}
