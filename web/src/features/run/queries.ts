import { graphql, type ResultOf } from '~/lib/graphql';

/** The facts of a run, without its steps. */
export const RunQuery = graphql(`
  query Run($runID: String!) {
    run(runID: $runID) {
      id status queuedAt scheduledAt startedAt endedAt hasAI
      eventName cronSchedule isBatch batchID functionVersion
      cancelReason cancelEventID skipReason skipExistingRunID
      originRunID parentRunID replayID
      app { id name externalID method }
      function { name slug }
    }
  }
`);

export type RunFacts = NonNullable<ResultOf<typeof RunQuery>['run']>;

/** What each queue item of a run waits for. */
export const RunWaitingQuery = graphql(`
  query RunWaiting($runID: String!) {
    runWaiting(runID: $runID) {
      id stepID underWay constraint key value limit inUse ahead startsAt message
    }
  }
`);

export type Waiting = ResultOf<typeof RunWaitingQuery>['runWaiting'][number];

/** What is shown of a span in the timeline and in the panel beside it. */
const SpanFields = graphql(`
  fragment SpanFields on RunTraceSpan @_unmask {
    spanID name status groupID attempts outputID isUserland
    queuedAt scheduledAt startedAt endedAt duration
    stepOp stepID stepType
    stepInfo {
      __typename
      ... on InvokeStepInfo { triggeringEventID functionID invokeTimeout: timeout returnEventID runID invokeTimedOut: timedOut }
      ... on SleepStepInfo { sleepUntil }
      ... on WaitForEventStepInfo { eventName expression waitTimeout: timeout foundEventID waitTimedOut: timedOut }
      ... on WaitForSignalStepInfo { signal signalTimeout: timeout signalTimedOut: timedOut }
    }
    metadata { scope kind values updatedAt }
    response { statusCode }
  }
`);

/** The steps of a run: their attempts, and the spans of the app below those. */
export const RunTraceQuery = graphql(
  `
  query RunTrace($runID: String!) {
    runTrace(runID: $runID) {
      ...SpanFields
      childrenSpans { ...SpanFields
        childrenSpans { ...SpanFields
          childrenSpans { ...SpanFields
            childrenSpans { ...SpanFields
              childrenSpans { ...SpanFields
                childrenSpans { ...SpanFields }
              }
            }
          }
        }
      }
    }
  }
`,
  [SpanFields],
);

/** A node of the tree that the server sends. */
export type Span = ResultOf<typeof SpanFields> & { childrenSpans?: Span[] };
export type SpanMetadata = Span['metadata'][number];
export type StepInfo = NonNullable<Span['stepInfo']>;

/** What a span took and brought. */
export const SpanOutputQuery = graphql(`
  query SpanOutput($outputID: String!) {
    runTraceSpanOutputByID(outputID: $outputID) {
      input data
      error { message name stack cause }
    }
  }
`);

export type SpanOutput = ResultOf<typeof SpanOutputQuery>['runTraceSpanOutputByID'];
export type SpanError = NonNullable<SpanOutput['error']>;

/** What is shown of one span only when it is looked at: it would make the tree large. */
const SpanDetailFields = graphql(`
  fragment SpanDetailFields on RunTraceSpan @_unmask {
    spanID
    response { statusCode headers }
    userlandSpan { spanName spanKind serviceName scopeName scopeVersion spanAttrs resourceAttrs }
  }
`);

export const SpanDetailsQuery = graphql(
  `
  query SpanDetails($runID: String!) {
    runTrace(runID: $runID) {
      ...SpanDetailFields
      childrenSpans { ...SpanDetailFields
        childrenSpans { ...SpanDetailFields
          childrenSpans { ...SpanDetailFields
            childrenSpans { ...SpanDetailFields
              childrenSpans { ...SpanDetailFields
                childrenSpans { ...SpanDetailFields }
              }
            }
          }
        }
      }
    }
  }
`,
  [SpanDetailFields],
);

export type SpanDetails = ResultOf<typeof SpanDetailFields> & { childrenSpans?: SpanDetails[] };

/** What started a run. */
export const RunTriggerQuery = graphql(`
  query RunTrigger($runID: String!) {
    runTrigger(runID: $runID) { eventName IDs payloads timestamp isBatch batchID cron }
  }
`);

export type RunTrigger = ResultOf<typeof RunTriggerQuery>['runTrigger'];

/** A run that another one leads to. */
const LinkedRun = graphql(`
  fragment LinkedRun on FunctionRunV2 @_unmask {
    id status queuedAt startedAt endedAt function { name slug }
  }
`);

/** The runs around a run. */
export const LinkedRunsQuery = graphql(
  `
  query LinkedRuns($runID: String!, $others: [ULID!]!) {
    run(runID: $runID) { id status childRuns(first: 200) { ...LinkedRun } }
    runsByID(runIDs: $others) { ...LinkedRun }
  }
`,
  [LinkedRun],
);

export type LinkedRunFacts = ResultOf<typeof LinkedRun>;
