/** Which functions of an answer are shown, and in which order. */
import { type FunctionState, isArchived } from './function-state';

interface Wanted {
  /** Ids of apps; none are all. */
  apps: readonly string[];
  archived: boolean;
}

/** By name, as people sort: "step 2" goes before "step 10". */
export function shownFunctions<Fn extends FunctionState>(
  functions: readonly Fn[],
  { apps, archived }: Wanted,
): Fn[] {
  return functions
    .filter(
      (fn) => (archived || !isArchived(fn)) && (apps.length === 0 || apps.includes(fn.app.id)),
    )
    .sort((a, b) => BY_NAME.compare(a.name, b.name) || BY_NAME.compare(a.slug, b.slug));
}

const BY_NAME = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });
