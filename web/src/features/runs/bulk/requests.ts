import { graphql } from '~/lib/graphql';
import { request } from '~/lib/request';
import type { RunOutcome } from './bulk';

const CancelRunsMutation = graphql(`
  mutation CancelRuns($runIDs: [ULID!]!) {
    cancelRuns(runIDs: $runIDs) { runID ok code message }
  }
`);

const RerunRunsMutation = graphql(`
  mutation RerunRuns($runIDs: [ULID!]!) {
    rerunRuns(runIDs: $runIDs) { runID ok code message }
  }
`);

export async function cancelRuns(runIDs: string[]): Promise<readonly RunOutcome[]> {
  return (await request(CancelRunsMutation, { runIDs })).cancelRuns;
}

export async function rerunRuns(runIDs: string[]): Promise<readonly RunOutcome[]> {
  return (await request(RerunRunsMutation, { runIDs })).rerunRuns;
}
