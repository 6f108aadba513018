/** Events that one may want to send. */
import { isInternalName } from './draft';

export interface Template {
  name: string;
  /** The newest event of that name; null if there was none. */
  lastEventId: string | null;
}

interface Known {
  eventTypes: readonly { name: string; lastEventID: string }[];
  functionList: {
    nodes: readonly { triggers: readonly { type: string; value: string }[] | null }[];
  };
}

/** Names that came before and names that functions listen to, of which `search` is a part. */
export function templatesOf({ eventTypes, functionList }: Known, search: string): Template[] {
  const templates = new Map<string, Template>();
  for (const { name, lastEventID } of eventTypes) {
    templates.set(name, { name, lastEventId: lastEventID });
  }
  for (const { triggers } of functionList.nodes) {
    for (const { type, value } of triggers ?? []) {
      // A pattern is no name that an event could have.
      if (type !== 'EVENT' || value.includes('*') || templates.has(value)) continue;
      templates.set(value, { name: value, lastEventId: null });
    }
  }
  const part = search.trim().toLowerCase();
  return [...templates.values()].filter(
    ({ name }) => !isInternalName(name) && name.toLowerCase().includes(part),
  );
}
