"""The operations of the reference's own web page. Source: GraphQL, 11.

It sends more variables than some operations declare, and null for what is not chosen.
"""

from collections.abc import Mapping
from typing import Final

__all__ = ["OPERATIONS"]

_PAGE_INFO = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"

_TRACE_DETAILS = """
fragment TraceDetails on RunTraceSpan {
  name
  status
  attempts
  queuedAt
  scheduledAt
  startedAt
  endedAt
  isRoot
  isUserland
  userlandSpan {
    spanName
    spanKind
    serviceName
    scopeName
    scopeVersion
    spanAttrs
    resourceAttrs
  }
  metadata { scope kind values updatedAt }
  outputID
  groupID
  debugRunID
  debugSessionID
  spanID
  stepID
  stepOp
  stepType
  stepInfo {
    __typename
    ... on InvokeStepInfo {
      triggeringEventID
      functionID
      timeout
      returnEventID
      runID
      timedOut
    }
    ... on SleepStepInfo { sleepUntil }
    ... on WaitForEventStepInfo { eventName expression timeout foundEventID timedOut }
    ... on RunStepInfo { type }
    ... on WaitForSignalStepInfo { signal timeout timedOut }
  }
  response { statusCode headers }
}
"""


def _levels(count: int) -> str:
    """Children in children, so many levels of them."""
    inner = _levels(count - 1) if count > 1 else ""
    return f"childrenSpans {{ ...TraceDetails {inner} }}"


_APP = """
  id
  name
  appVersion
  sdkLanguage
  sdkVersion
  framework
  url
  error
  connected
  functionCount
  autodiscovered
  method
  sdkFeatureReadiness {
    aiMetadataExtraction { ready reason }
    extendedTraces { ready reason }
  }
"""

_LINKED = """
  hashedDeferID
  userlandDeferID
  fnSlug
  status
  function { name slug }
  run { id status }
"""

OPERATIONS: Final[Mapping[str, str]] = {
    "GetEvent": """
query GetEvent($id: ID!) {
  event(query: { eventId: $id }) {
    id
    name
    createdAt
    status
    pendingRuns
    raw
    functionRuns {
      function { name }
      id
      status
      startedAt
      pendingSteps
      output
      waitingFor { expiryTime eventName expression }
    }
  }
}
""",
    "GetFunctions": """
query GetFunctions {
  functions {
    id
    slug
    name
    triggers { type value }
    app { name method }
    url
  }
}
""",
    "GetFunction": """
query GetFunction($functionSlug: String!) {
  functionBySlug(query: { functionSlug: $functionSlug }) {
    name
    id
    failureHandler { slug }
    concurrency
    config
    configuration {
      cancellations { event timeout condition }
      retries { value isDefault }
      priority
      eventsBatch { maxSize timeout key }
      concurrency { scope limit { value isPlanLimit } key }
      rateLimit { limit period key }
      debounce { period key }
      throttle { burst key limit period }
      singleton { mode key }
    }
    slug
    triggers { type value condition }
    app { name method }
    url
  }
}
""",
    "GetApps": f"""
query GetApps {{
  apps {{
    {_APP}
    functions {{ name id concurrency config slug url }}
  }}
}}
""",
    "GetApp": f"""
query GetApp($id: UUID!) {{
  app(id: $id) {{
    {_APP}
    functions {{ name id concurrency config slug url triggers {{ type value }} }}
  }}
}}
""",
    "GetRuns": f"""
query GetRuns(
  $appIDs: [UUID!]
  $startTime: Time!
  $status: [FunctionRunStatus!]
  $timeField: RunsV2OrderByField!
  $functionRunCursor: String = null
  $celQuery: String = null
  $preview: Boolean = false
  $isDeferred: Boolean = null
) {{
  runs(
    filter: {{
      appIDs: $appIDs
      from: $startTime
      status: $status
      timeField: $timeField
      query: $celQuery
      isDeferred: $isDeferred
    }}
    orderBy: [{{ field: $timeField, direction: DESC }}]
    after: $functionRunCursor
    preview: $preview
  ) {{
    edges {{
      node {{
        app {{ externalID name }}
        cronSchedule
        eventName
        function {{ name slug }}
        id
        isBatch
        queuedAt
        endedAt
        startedAt
        status
        hasAI
        isDeferred
        deferredFrom {{ runID function {{ name slug }} }}
      }}
    }}
    {_PAGE_INFO}
  }}
}}
""",
    "CountRuns": """
query CountRuns(
  $startTime: Time!
  $status: [FunctionRunStatus!]
  $timeField: RunsV2OrderByField!
  $preview: Boolean = false
  $isDeferred: Boolean = null
) {
  runs(
    filter: { from: $startTime, status: $status, timeField: $timeField, isDeferred: $isDeferred }
    orderBy: [{ field: $timeField, direction: DESC }]
    preview: $preview
  ) {
    totalCount(preview: $preview)
  }
}
""",
    "GetRun": f"""
query GetRun($runID: String!, $preview: Boolean) {{
  run(runID: $runID) {{
    function {{ app {{ name method }} id name slug }}
    status
    hasAI
    trace(preview: $preview) {{
      ...TraceDetails
      {_levels(4)}
    }}
  }}
}}
{_TRACE_DETAILS}
""",
    "GetRunTrace": f"""
query GetRunTrace($runID: String!) {{
  runTrace(runID: $runID) {{
    ...TraceDetails
    {_levels(4)}
  }}
}}
{_TRACE_DETAILS}
""",
    "GetRunLinkage": f"""
query GetRunLinkage($runID: String!) {{
  run(runID: $runID) {{
    defers {{ {_LINKED} }}
    siblingDefers {{ {_LINKED} }}
    deferredFrom {{ runID function {{ name slug }} run {{ id status }} }}
  }}
}}
""",
    "GetTraceResult": """
query GetTraceResult($traceID: String!) {
  runTraceSpanOutputByID(outputID: $traceID) {
    input
    data
    error { message name stack cause }
  }
}
""",
    "GetTrigger": """
query GetTrigger($runID: String!) {
  runTrigger(runID: $runID) { IDs payloads timestamp eventName isBatch batchID cron }
}
""",
    "GetWorkerConnections": f"""
query GetWorkerConnections(
  $appID: UUID!
  $startTime: Time
  $status: [ConnectV1ConnectionStatus!]
  $timeField: ConnectV1WorkerConnectionsOrderByField!
  $cursor: String = null
  $orderBy: [ConnectV1WorkerConnectionsOrderBy!] = []
  $first: Int!
) {{
  workerConnections(
    first: $first
    filter: {{ appIDs: [$appID], from: $startTime, status: $status, timeField: $timeField }}
    orderBy: $orderBy
    after: $cursor
  ) {{
    edges {{
      node {{
        id
        gatewayId
        instanceId
        workerIp
        maxWorkerConcurrency
        app {{ id }}
        connectedAt
        lastHeartbeatAt
        disconnectedAt
        disconnectReason
        status
        groupHash
        sdkLang
        sdkVersion
        sdkPlatform
        syncId
        appVersion
        functionCount
        cpuCores
        memBytes
        os
      }}
    }}
    {_PAGE_INFO}
    totalCount
  }}
}}
""",
    "CountWorkerConnections": """
query CountWorkerConnections(
  $appID: UUID!
  $startTime: Time!
  $status: [ConnectV1ConnectionStatus!]
) {
  workerConnections(
    filter: { appIDs: [$appID], from: $startTime, status: $status, timeField: CONNECTED_AT }
    orderBy: [{ field: CONNECTED_AT, direction: DESC }]
  ) {
    totalCount
  }
}
""",
    "GetEventsV2": f"""
query GetEventsV2(
  $cursor: String
  $startTime: Time!
  $endTime: Time
  $celQuery: String = null
  $eventNames: [String!] = null
  $includeInternalEvents: Boolean = false
) {{
  eventsV2(
    first: 50
    after: $cursor
    filter: {{
      from: $startTime
      until: $endTime
      query: $celQuery
      eventNames: $eventNames
      includeInternalEvents: $includeInternalEvents
    }}
  ) {{
    edges {{
      node {{
        name
        id
        receivedAt
        runs {{ status id startedAt endedAt function {{ name slug }} }}
      }}
    }}
    totalCount
    {_PAGE_INFO}
  }}
}}
""",
    "GetEventV2": """
query GetEventV2($eventID: ULID!) {
  eventV2(id: $eventID) {
    name
    id
    receivedAt
    idempotencyKey
    occurredAt
    version
    source { name }
  }
}
""",
    "GetEventV2Payload": """
query GetEventV2Payload($eventID: ULID!) { eventV2(id: $eventID) { raw } }
""",
    "GetEventV2Runs": """
query GetEventV2Runs($eventID: ULID!) {
  eventV2(id: $eventID) {
    name
    runs {
      status
      id
      startedAt
      endedAt
      function { name slug }
      trace(preview: true) { skipReason skipExistingRunID }
    }
  }
}
""",
    "InvokeFunction": """
mutation InvokeFunction(
  $functionSlug: String!
  $data: Map
  $user: Map
  $meta: Map
  $debugSessionID: ULID = null
  $debugRunID: ULID = null
) {
  invokeFunction(
    data: $data
    functionSlug: $functionSlug
    meta: $meta
    user: $user
    debugSessionID: $debugSessionID
    debugRunID: $debugRunID
  )
}
""",
    "CancelRun": """
mutation CancelRun($runID: ULID!) { cancelRun(runID: $runID) { id } }
""",
    "Rerun": """
mutation Rerun($runID: ULID!, $debugRunID: ULID = null, $debugSessionID: ULID = null) {
  rerun(runID: $runID, debugRunID: $debugRunID, debugSessionID: $debugSessionID)
}
""",
    "RerunFromStep": """
mutation RerunFromStep(
  $runID: ULID!
  $fromStep: RerunFromStepInput!
  $debugRunID: ULID = null
  $debugSessionID: ULID = null
) {
  rerun(
    runID: $runID
    fromStep: $fromStep
    debugRunID: $debugRunID
    debugSessionID: $debugSessionID
  )
}
""",
    "CreateApp": "mutation CreateApp($input: CreateAppInput!) { createApp(input: $input) { url } }",
    "UpdateApp": """
mutation UpdateApp($input: UpdateAppInput!) { updateApp(input: $input) { url id } }
""",
    "DeleteApp": "mutation DeleteApp($id: String!) { deleteApp(id: $id) }",
    "CreateDebugSession": """
mutation CreateDebugSession($input: CreateDebugSessionInput!) {
  createDebugSession(input: $input) { debugSessionID debugRunID }
}
""",
    "GetDebugRun": f"""
query GetDebugRun($query: DebugRunQuery!) {{
  debugRun(query: $query) {{ debugTraces {{ ...TraceDetails {_levels(3)} }} }}
}}
{_TRACE_DETAILS}
""",
    "GetDebugSession": """
query GetDebugSession($query: DebugSessionQuery!) {
  debugSession(query: $query) {
    debugRuns { status queuedAt startedAt endedAt debugRunID tags versions }
  }
}
""",
}
