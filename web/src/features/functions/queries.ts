import { graphql } from '~/lib/graphql';
import { queryClient, useLiveQuery } from '~/lib/queries';
import { type FunctionState, FunctionStateFragment, isArchived } from './function-state';

/** Whatever contains the slug; the one that is meant is among it, archived or not. */
const FunctionQuery = graphql(
  `
    query Function($slug: String!) {
      functionList(first: 200, search: $slug, includeArchived: true) {
        nodes { ...FunctionState }
      }
    }
  `,
  [FunctionStateFragment],
);

/** A function by its slug; `fn` is undefined until it is known, null if there is none. */
export function useFunction(slug: string) {
  const { data, error, refetch } = useLiveQuery(
    FunctionQuery,
    { slug },
    { changedBy: (change) => change.apps },
  );
  return {
    fn: data && functionOf(data.functionList.nodes, slug),
    error,
    retry: () => void refetch(),
  };
}

/** The function of that slug; an archived one if there is no other. */
export function functionOf<Fn extends FunctionState>(
  functions: readonly Fn[],
  slug: string,
): Fn | null {
  const found = functions.filter((fn) => fn.slug === slug);
  return found.find((fn) => !isArchived(fn)) ?? found[0] ?? null;
}

/** What is asked anew once an action has changed a function, its replays or its cancellations. */
const CHANGED_BY_ACTIONS = new Set([
  'Function',
  'FunctionTable',
  'FunctionConfiguration',
  'FunctionQueue',
  'Replays',
  'Cancellations',
]);

/** Shows at once what an action changed, without waiting to be told. */
export function refreshFunctions(): void {
  void queryClient.invalidateQueries({
    predicate: ({ queryKey: [name] }) => CHANGED_BY_ACTIONS.has(String(name)),
  });
}
