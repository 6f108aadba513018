import {
  keepPreviousData,
  QueryClient,
  type UseMutationResult,
  type UseQueryResult,
  useMutation,
  useQuery,
} from '@tanstack/react-query';
import type { TadaDocumentNode } from 'gql.tada';
import { useEffect, useRef } from 'react';
import { type Change, useChanges, useLiveState } from './live';
import { RequestError, request } from './request';

/** How often is asked while the socket is down. */
const POLL_MS = 5_000;
/** The shortest time between two questions that changes cause. */
const GATHER_MS = 300;

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      gcTime: 5 * 60_000,
      // Only what may pass by itself is worth another try.
      retry: (failures, error) =>
        failures < 2 && error instanceof RequestError && error.trouble === 'unreachable',
      retryDelay: (attempt) => 500 * 2 ** attempt,
    },
  },
});

/** The key under which the answer to a question is remembered. */
export function keyOf<Variables>(
  document: TadaDocumentNode<unknown, Variables>,
  variables: Variables,
): readonly unknown[] {
  const [definition] = document.definitions;
  const name = definition && 'name' in definition ? definition.name?.value : undefined;
  return [name ?? 'query', variables];
}

interface LiveQueryOptions<Result> {
  /** Whether a change concerns the answer. Left out: the answer is asked for once. */
  changedBy?: (change: Change) => boolean;
  /** When no change can concern it any more. */
  until?: (result: Result) => boolean;
  /** False asks nothing yet. */
  isEnabled?: boolean;
  /** Shows the answer to the last question until there is one to this. */
  keepsPrevious?: boolean;
  /** Asks again and again, for what no change tells of. */
  everyMs?: number;
}

/**
 * The answer to a question, kept up to date: asked again when something changed that concerns it,
 * and every few seconds while changes are not told.
 */
export function useLiveQuery<Result, Variables>(
  document: TadaDocumentNode<Result, Variables>,
  variables: Variables,
  options: LiveQueryOptions<Result> = {},
): UseQueryResult<Result, Error> {
  const { changedBy, until, isEnabled = true, keepsPrevious = false, everyMs } = options;
  const liveState = useLiveState();
  const query = useQuery<Result, Error>({
    queryKey: keyOf(document, variables),
    queryFn: ({ signal }) => request(document, variables, signal),
    enabled: isEnabled,
    placeholderData: keepsPrevious ? keepPreviousData : undefined,
    refetchInterval: ({ state }) => {
      if (state.data !== undefined && until?.(state.data)) return false;
      if (everyMs !== undefined) return everyMs;
      return changedBy && liveState === 'down' ? POLL_MS : false;
    },
  });
  const isFinal = query.data !== undefined && (until?.(query.data) ?? false);
  const { refetch } = query;
  const askAgain = useGathered(() => void refetch({ cancelRefetch: false }), GATHER_MS);
  useChanges(
    (change) => {
      if (change === null || changedBy?.(change)) askAgain();
    },
    isEnabled && changedBy !== undefined && !isFinal,
  );
  return query;
}

/** Sends a mutation; `mutateAsync` throws a `RequestError` if it was refused. */
export function useRequest<Result, Variables>(
  document: TadaDocumentNode<Result, Variables>,
): UseMutationResult<Result, Error, Variables> {
  return useMutation({ mutationFn: (variables: Variables) => request(document, variables) });
}

/** A function that calls `action` at most once per `pauseMs`: at once, and once more afterwards. */
export function useGathered(action: () => void, pauseMs: number): () => void {
  const latest = useRef(action);
  const state = useRef<{ timer: ReturnType<typeof setTimeout> | null; again: boolean }>({
    timer: null,
    again: false,
  });
  useEffect(() => {
    latest.current = action;
  });
  useEffect(() => {
    const gathered = state.current;
    return () => {
      if (gathered.timer !== null) clearTimeout(gathered.timer);
      gathered.timer = null;
    };
  }, []);
  const call = useRef(() => {
    const gathered = state.current;
    if (gathered.timer !== null) {
      gathered.again = true;
      return;
    }
    const rest = () => {
      gathered.timer = null;
      if (!gathered.again) return;
      gathered.again = false;
      call.current();
    };
    gathered.timer = setTimeout(rest, pauseMs);
    latest.current();
  });
  return call.current;
}
