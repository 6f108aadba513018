import { graphql } from '~/lib/graphql';
import { useLiveQuery } from '~/lib/queries';

const ShellQuery = graphql(`
  query Shell {
    server { version kind appCount functionCount environment { id name } }
    apps { id name externalID connected error functionCount }
  }
`);

/** What every page shows around itself: the environment and its apps. */
export function useShell() {
  return useLiveQuery(ShellQuery, {}, { changedBy: (change) => change.apps, keepsPrevious: true });
}
