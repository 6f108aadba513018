import { graphql } from '~/lib/graphql';

export const CancelRunMutation = graphql(`
  mutation CancelRun($runID: ULID!) {
    cancelRun(runID: $runID) { id }
  }
`);

export const RerunMutation = graphql(`
  mutation Rerun($runID: ULID!, $fromStep: RerunFromStepInput) {
    rerun(runID: $runID, fromStep: $fromStep)
  }
`);
