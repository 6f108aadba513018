import { graphql, type ResultOf } from '~/lib/graphql';
import { queryClient, useLiveQuery } from '~/lib/queries';

/** What is shown of an app wherever it is shown. */
export const AppFragment = graphql(`
  fragment App on App @_unmask {
    id name url error functionCount sdkLanguage sdkVersion framework platform appVersion
    method syncedAt createdAt drainedAt archived autodiscovered
    problems { function field code message }
  }
`);
export type AppDetails = ResultOf<typeof AppFragment>;

export const AppsQuery = graphql(`query Apps { apps { ...App } }`, [AppFragment]);

/** What came of asking an app to register. */
const SyncedFragment = graphql(`
  fragment Synced on App @_unmask {
    id name functionCount error
    syncs { status functionsAdded functionsChanged functionsRemoved }
  }
`);

export const CreateAppMutation = graphql(
  `mutation CreateApp($url: String!) { createApp(input: { url: $url }) { ...Synced } }`,
  [SyncedFragment],
);
export const SyncAppMutation = graphql(
  `mutation SyncApp($id: String!) { syncApp(id: $id) { ...Synced } }`,
  [SyncedFragment],
);
export const MoveAppMutation = graphql(`
  mutation MoveApp($id: String!, $url: String!) { updateApp(input: { id: $id, url: $url }) { id } }
`);
export const DrainAppMutation = graphql(
  `mutation DrainApp($id: String!) { drainApp(id: $id) { id } }`,
);
export const ResumeAppMutation = graphql(
  `mutation ResumeApp($id: String!) { resumeApp(id: $id) { id } }`,
);
export const RemoveAppMutation = graphql(`mutation RemoveApp($id: String!) { deleteApp(id: $id) }`);

export type SyncedApp = ResultOf<typeof SyncedFragment>;

/** All apps that are not removed. */
export function useApps() {
  return useLiveQuery(AppsQuery, {}, { changedBy: (change) => change.apps });
}

/** Shows at once what an action changed, without waiting to be told. */
export function refreshApps(): void {
  const names = new Set(['Apps', 'AppPage', 'Shell']);
  void queryClient.invalidateQueries({
    predicate: ({ queryKey: [name] }) => names.has(String(name)),
  });
}
