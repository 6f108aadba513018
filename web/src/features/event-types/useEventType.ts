import { graphql, type ResultOf } from '~/lib/graphql';
import { useLiveQuery } from '~/lib/queries';
import { listensTo } from './listening';

const ListeningFunctionFields = graphql(`
  fragment ListeningFunctionFields on Function @_unmask {
    id
    name
    slug
    triggers { type value condition }
    app { name externalID }
    pause { newRuns }
  }
`);

const EventTypeQuery = graphql(
  `
    query EventType($name: String!) {
      eventTypes(first: 500, search: $name) {
        name
        lastReceivedAt
        lastEventID
        volume
        functions { ...ListeningFunctionFields }
      }
      functionList(first: 1000) { nodes { ...ListeningFunctionFields } }
    }
  `,
  [ListeningFunctionFields],
);

/** Counts and times grow stale; what else is shown seldom changes. */
const EVERY_MS = 10_000;

type Answer = ResultOf<typeof EventTypeQuery>;
export type ListeningFunction = ResultOf<typeof ListeningFunctionFields>;

export interface KnownEventType {
  name: string;
  /** Null where no event of the name is there. */
  lastReceivedAt: string | null;
  lastEventId: string | null;
  volume: readonly number[] | null;
  functions: readonly ListeningFunction[];
}

/** What is known of the events of a name. One that only functions name is known as well. */
export function useEventType(name: string) {
  const { data, error, refetch } = useLiveQuery(EventTypeQuery, { name }, { everyMs: EVERY_MS });
  const type = data && typeOf(data, name);
  return {
    type,
    isMissing: data !== undefined && type === undefined,
    error,
    retry: () => void refetch(),
  };
}

function typeOf(answer: Answer, name: string): KnownEventType | undefined {
  const found = answer.eventTypes.find((type) => type.name === name);
  if (found) return { ...found, lastEventId: found.lastEventID };
  const functions = answer.functionList.nodes.filter((each) => listensTo(each, name));
  if (functions.length === 0) return undefined;
  return { name, lastReceivedAt: null, lastEventId: null, volume: null, functions };
}
