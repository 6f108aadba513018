"""The operations of the Go suite. Source: GraphQL, 10.1."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.compat.graphql_client import Graphql, Node
from tests.compat.harness import wait_until

__all__ = ["ZERO_TIME", "GoClient"]

#: What Go sends for a time that was never set; it counts as "not given".
ZERO_TIME = "0001-01-01T00:00:00Z"

_EVENTS = """
query GetEventsV2(
  $pageSize: Int!
  $cursor: String
  $startTime: Time!
  $endTime: Time
  $celQuery: String = null
  $eventNames: [String!] = null
  $includeInternalEvents: Boolean = false
) {
  eventsV2(
    first: $pageSize
    after: $cursor
    filter: {
      from: $startTime
      until: $endTime
      query: $celQuery
      eventNames: $eventNames
      includeInternalEvents: $includeInternalEvents
    }
  ) {
    edges {
      node {
        name
        id
        occurredAt
        receivedAt
        raw
        runs { status id startedAt endedAt function { name slug } }
      }
    }
    totalCount
    pageInfo { hasNextPage endCursor hasPreviousPage startCursor }
  }
}
"""

_EVENT = """
query GetEvent($eventID: ULID!) {
  eventV2(id: $eventID) {
    id
    idempotencyKey
    name
    occurredAt
    raw
    receivedAt
    runs { id function { name } status }
    version
  }
}
"""

_FUNCTIONS = "query { functions { id name app { id externalID name } } }"

# Cursor and order are written into the text of this one.
_RUNS = """
query GetFunctionRunsV2(
  $startTime: Time!
  $endTime: Time!
  $timeField: RunsV2OrderByField = QUEUED_AT
  $status: [FunctionRunStatus!]
  $first: Int = 40
  $query: String
  $ids: [UUID!]
) {
  runs(
    first: $first
    after: %(cursor)s
    filter: {
      from: $startTime
      until: $endTime
      status: $status
      timeField: $timeField
      query: $query
      functionIDs: $ids
    }
    orderBy: [%(order)s]
    preview: true
  ) {
    edges {
      cursor
      node { id status traceID startedAt queuedAt endedAt }
    }
    pageInfo { startCursor endCursor hasNextPage }
    totalCount(preview: true)
  }
}
"""

_FUNCTION_RUN = """
query GetRun($runID: ID!) { functionRun(query: { functionRunId: $runID }) { output status } }
"""

_STATUS = "query ($runID: String!) { run(runID: $runID) { status } }"

_FIELDS = """
  name
  runID
  status
  attempts
  isRoot
  parentSpanID
  spanID
  startedAt
  endedAt
  duration
  outputID
  stepOp
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
  }
"""

_TRACE = f"""
query GetTraceRun($runID: String!, $preview: Boolean) {{
  run(runID: $runID) {{
    status
    traceID
    isBatch
    batchCreatedAt
    cronSchedule
    endedAt
    trace(preview: $preview) {{
      {_FIELDS}
      childrenSpans {{
        {_FIELDS}
        childrenSpans {{ {_FIELDS} }}
      }}
    }}
  }}
}}
"""

_OUTPUT = """
query GetTraceSpanOutput($outputID: String!) {
  output: runTraceSpanOutputByID(outputID: $outputID) {
    data
    error { name message stack }
  }
}
"""

_TRIGGER = """
query GetTraceRunTrigger($runID: String!) {
  trigger: runTrigger(runID: $runID) {
    eventName
    IDs
    timestamp
    payloads
    isBatch
    batchID
    cron
  }
}
"""

_RUNS_OF_EVENT = """
query ($eventID: ID!) { event(query: { eventId: $eventID }) { functionRuns { id } } }
"""


class GoClient(Graphql):
    """Asks as the Go suite asks, only more often."""

    def events(
        self, *, start: str, page_size: int = 40, cursor: str | None = None, **filters: Any
    ) -> Node:
        """A page of events; `filters` are other variables of the operation."""
        variables = {"pageSize": page_size, "cursor": cursor, "startTime": start, **filters}
        found: Node = self.data(_EVENTS, variables, operation="GetEventsV2")["eventsV2"]
        return found

    def event(self, event_id: str) -> Node:
        event: Node = self.data(_EVENT, {"eventID": event_id})["eventV2"]
        return event

    def function_id(self, app: str, name: str) -> str:
        """The id of the one function of that name which the app has."""
        (function,) = (
            function
            for function in self.data(_FUNCTIONS)["functions"]
            if function["app"]["externalID"] == app and function["name"] == name
        )
        found: str = function["id"]
        return found

    def runs(self, *, order: str, cursor: str | None = None, **variables: Any) -> Node:
        """A page of runs.

        Args:
            order: What stands in the brackets of `orderBy`.
            cursor: The end of the page before.
            variables: As the operation declares them.
        """
        literal = "null" if cursor is None else f'"{cursor}"'
        query = _RUNS % {"cursor": literal, "order": order}
        found: Node = self.data(query, variables, operation="GetFunctionRunsV2")["runs"]
        return found

    def ended_with(self, run_id: str, status: str) -> str:
        """The output of a run as soon as its older form has this status."""

        def ended() -> Node | None:
            run: Node = self.data(_FUNCTION_RUN, {"runID": run_id})["functionRun"]
            return run if run["status"] == status else None

        run = wait_until(ended, what=f"{status} of {run_id}", limit_s=60)
        assert run is not None
        output: str = run["output"]
        return output

    def status(self, run_id: str) -> str:
        status: str = self.data(_STATUS, {"runID": run_id})["run"]["status"]
        return status

    def traced(self, run_id: str, *, preview: bool | None = None) -> Node:
        """The run with its tree, asked for once; without `preview` the classic one."""
        variables: dict[str, Any] = {"runID": run_id}
        if preview is not None:
            variables["preview"] = preview
        run: Node = self.data(_TRACE, variables, operation="GetTraceRun")["run"]
        return run

    def trace(
        self,
        run_id: str,
        status: str,
        *,
        children: int = 0,
        preview: bool | None = None,
        limit_s: float = 10,
    ) -> Node:
        """The run with its tree as soon as both have the status and the tree has the children."""

        def arrived() -> Node | None:
            run = self.traced(run_id, preview=preview)
            root = run["trace"]
            is_there = (
                run["status"] == status
                and root is not None
                and root["status"] == status
                and root["isRoot"] is True
                and len(root["childrenSpans"]) >= children
            )
            return run if is_there else None

        try:
            run = wait_until(arrived, what=f"{status} of {run_id}", limit_s=limit_s)
        except AssertionError as error:
            raise AssertionError(f"{error}; is {self.traced(run_id, preview=preview)}") from None
        assert run is not None
        return run

    def output(self, node: Node) -> Node:
        """What a node gave, which must be there at the first time of asking."""
        assert node["outputID"] is not None, node
        found: Node = self.data(_OUTPUT, {"outputID": node["outputID"]})["output"]
        return found

    def assert_data(self, node: Node, text: str) -> None:
        """The node has data with this text in it, and no error."""
        output = self.output(node)
        assert output["error"] is None
        assert text in output["data"]

    def assert_error(self, node: Node, *, message: str = "", stack: str = "") -> Node:
        """The node has an error with these texts in it, and no data; the error."""
        output = self.output(node)
        assert output["data"] is None
        error: Node = output["error"]
        assert message in error["message"]
        assert stack in (error["stack"] or "")
        return error

    def trigger(self, run_id: str) -> Node:
        trigger: Node = self.data(_TRIGGER, {"runID": run_id})["trigger"]
        return trigger

    def runs_of(self, event_id: str, *, count: int = 1) -> Sequence[str]:
        """The ids of the runs of an event as soon as there are so many."""

        def enough() -> list[Mapping[str, str]] | None:
            answer = self.answer(_RUNS_OF_EVENT, {"eventID": event_id})
            if answer.get("errors") is not None:
                return None
            runs = answer["data"]["event"]["functionRuns"] or []
            return runs if len(runs) >= count else None

        runs = wait_until(enough, what=f"{count} runs of {event_id}")
        assert runs is not None
        assert len(runs) == count
        return [run["id"] for run in runs]
