import { useQueryClient } from '@tanstack/react-query';
import { useFunctionNames } from '~/features/filters/FunctionFilter';
import { graphql, type ResultOf } from '~/lib/graphql';
import type { Change } from '~/lib/live';
import { keyOf, useLiveQuery } from '~/lib/queries';
import { isSettled, type OutcomeLine, outcomeLines, pauseBetweenQuestions } from './outcomes';

const EventOutcomesQuery = graphql(`
  query EventOutcomes($eventId: ULID!) {
    eventOutcomes(eventID: $eventId) {
      functionID
      slug
      outcome
      message
      runID
      batchID
      existingRunID
      reason
      detail
      at
      dueAt
      notes
    }
    eventsByID(eventIDs: [$eventId]) {
      runs {
        id
        status
        queuedAt
        startedAt
        endedAt
        originRunID
        functionID
        function { name slug }
      }
    }
  }
`);
type Answer = ResultOf<typeof EventOutcomesQuery>;

interface Outcomes {
  /** Undefined until they are known. */
  lines: OutcomeLine[] | undefined;
  /** Whether nothing more will come. */
  isFinal: boolean;
  error: Error | null;
  retry: () => void;
}

/** What became of an event at each function, current until everything is decided and has ended. */
export function useOutcomes(eventId: string): Outcomes {
  const variables = { eventId };
  const known = useQueryClient().getQueryData<Answer>(keyOf(EventOutcomesQuery, variables));
  const { data, error, refetch } = useLiveQuery(EventOutcomesQuery, variables, {
    changedBy: (change) => concerns(change, eventId, known),
    until: (answer) => isSettled(answer.eventOutcomes, runsOf(answer)),
    everyMs: known && pauseBetweenQuestions(known.eventOutcomes),
  });
  const { functions } = useFunctionNames();
  const names = new Map(functions.map(({ id, name }) => [id, name]));
  return {
    lines: data && outcomeLines(data.eventOutcomes, runsOf(data), (id) => names.get(id)),
    isFinal: data !== undefined && isSettled(data.eventOutcomes, runsOf(data)),
    error,
    retry: () => void refetch(),
  };
}

function runsOf(answer: Answer) {
  return answer.eventsByID.flatMap((event) => event.runs);
}

/** A new run is told of with its function, not with its event: it may be the event's. */
function concerns(change: Change, eventId: string, known: Answer | undefined): boolean {
  if (change.cut || change.events.includes(eventId)) return true;
  const runs = known ? runsOf(known).map(({ id }) => id) : [];
  const functions = new Set(known?.eventOutcomes.map(({ functionID }) => functionID));
  return Object.entries(change.runs).some(
    ([runId, functionId]) => runs.includes(runId) || functions.has(functionId),
  );
}
