import { useMemo } from 'react';
import { useRemembered } from '~/lib/storage';
import { useMedia } from '~/ui/useMedia';
import { columnsOf, RUN_COLUMNS, type RunColumn, shownColumns } from './run-columns';
import type { RunsScope } from './run-source';

/** Which columns are shown: what was chosen last in a list of this kind. */
export function useRunColumns(scope: RunsScope) {
  const kind = scope === 'env' ? 'env' : 'fn';
  const columns = useMemo(() => columnsOf(kind), [kind]);
  const first = columns.filter(({ isDefault }) => isDefault).map(({ id }) => id);
  const [chosen, setChosen] = useRemembered(`columns.runs.${kind}`, first, isColumns);
  const isNarrow = useMedia('(max-width: 639px)');
  const shown = useMemo(() => shownColumns(chosen, kind, isNarrow), [chosen, kind, isNarrow]);
  return { shown, isNarrow, chooser: { columns, chosen, onChange: setChosen } };
}

/** What is remembered, unless it is of another time and names nothing that exists. */
function isColumns(value: unknown): value is RunColumn[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((each) => (RUN_COLUMNS as readonly unknown[]).includes(each))
  );
}
