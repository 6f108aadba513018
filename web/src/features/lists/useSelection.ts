import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { toggled, toggledAll, toggledRange } from './selection';

const NONE: ReadonlySet<string> = new Set();

/** A set of ids that belongs to one list: another list begins with none. */
export function useIdSet(key: readonly unknown[]) {
  const [state, setState] = useState({ key, ids: NONE });
  const ids = state.key === key ? state.ids : NONE;
  const change = useCallback(
    (change: (ids: ReadonlySet<string>) => ReadonlySet<string>) =>
      setState((now) => ({ key, ids: change(now.key === key ? now.ids : NONE) })),
    [key],
  );
  return [ids, change] as const;
}

/** Which rows of a list are chosen. What is not in the list cannot be. */
export function useSelection(key: readonly unknown[], known: ReadonlySet<string>) {
  const [all, change] = useIdSet(key);
  const ids = useMemo(() => {
    const here = [...all].filter((id) => known.has(id));
    return here.length === all.size ? all : new Set(here);
  }, [all, known]);
  const anchor = useRef<string | null>(null);
  const order = useRef(known);
  useEffect(() => {
    order.current = known;
  });
  const onToggle = useCallback(
    (id: string, isRange: boolean) => {
      const from = anchor.current;
      change((ids) =>
        isRange ? toggledRange(ids, [...order.current], from, id) : toggled(ids, id),
      );
      anchor.current = id;
    },
    [change],
  );
  const onToggleAll = useCallback(
    () => change((ids) => toggledAll(ids, [...order.current])),
    [change],
  );
  const clear = useCallback(() => change(() => NONE), [change]);
  return { ids, onToggle, onToggleAll, clear };
}
