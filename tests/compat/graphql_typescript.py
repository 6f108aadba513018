"""The operations of the TypeScript harness and tests. Source: GraphQL, 10.3."""

import json
from collections.abc import Iterator
from typing import Any

from tests.compat.graphql_client import FieldErrors, Graphql, Node, depth_first
from tests.compat.harness import wait_until

__all__ = ["TypescriptClient"]

_STATE = """
query ($runID: String!) {
  run(runID: $runID) {
    status
    trace(preview: true) { status outputID }
  }
}
"""

_RESULT = """
query ($outputID: String!) {
  runTraceSpanOutputByID(outputID: $outputID) { data error { message name } }
}
"""

_METADATA = """
fragment SpanFields on RunTraceSpan {
  name
  stepID
  spanID
  metadata { scope kind values updatedAt }
}

query RunMetadata($runID: String!) {
  run(runID: $runID) {
    trace(preview: true) {
      ...SpanFields
      childrenSpans {
        ...SpanFields
        childrenSpans { ...SpanFields }
      }
    }
  }
}
"""

_QUERY = """
query Query($runID: String!, $preview: Boolean) {
  run(runID: $runID) {
    trace(preview: $preview) {
      childrenSpans { metadata { scope kind values } name }
    }
  }
}
"""

_EVENTS = "query Events($query: EventsQuery!) { events(query: $query) { id name payload } }"

_STREAM = """
query GetEventStream {
  stream(query: { limit: 999, includeInternalEvents: false }) {
    id
    trigger
    runs { id function { name } }
  }
}
"""

_NODE = "name stepType attempts outputID status"

_TIMELINE = f"""
query GetRunTimeline($runID: String!) {{
  run(runID: $runID) {{
    trace(preview: true) {{
      {_NODE}
      childrenSpans {{
        {_NODE}
        childrenSpans {{ {_NODE} }}
      }}
    }}
  }}
}}
"""

_TIMELINE_OUTPUT = """
query GetRunTimelineOutput($outputID: String!) {
  runTraceSpanOutputByID(outputID: $outputID) {
    data
    error { name message stack cause }
  }
}
"""

_EVENT = "query Event($id: ULID!) { eventV2(id: $id) { idempotencyKey name raw } }"


class TypescriptClient(Graphql):
    """Asks as the TypeScript harness asks, only more often."""

    def result(self, run_id: str) -> tuple[str, Any]:
        """How a run ended, and then its result or error, asked for once.

        The run's own status has to agree, and everything has to be there in the same answer.
        """

        def ended() -> Node | None:
            run: Node = self.data(_STATE, {"runID": run_id})["run"]
            return run if run["trace"]["status"] in {"COMPLETED", "FAILED"} else None

        run = wait_until(ended, what=f"end of {run_id}", limit_s=20)
        assert run is not None
        status: str = run["trace"]["status"]
        assert run["status"] == status
        output_id = run["trace"]["outputID"]
        if output_id is None:
            assert status == "COMPLETED"
            return status, None
        output = self.data(_RESULT, {"outputID": output_id})["runTraceSpanOutputByID"]
        if status == "FAILED":
            assert output["error"] is not None
            return status, output["error"]
        return status, None if output["data"] is None else json.loads(output["data"])

    def metadata(self, run_id: str, name: str | None = None) -> list[Node]:
        """What is attached to the root, or to the first node of a name from the root down.

        Asked for once: it must be there when whoever wrote it has been answered.
        """
        run = self.data(_METADATA, {"runID": run_id}, operation="RunMetadata")["run"]
        nodes = depth_first(run["trace"])
        node = next(node for node in nodes if name in {None, node["name"]})
        found: list[Node] = node["metadata"]
        assert isinstance(found, list)
        return found

    def children(self, run_id: str, *, preview: bool | None) -> list[Node]:
        """The nodes below the root with what is attached to them."""
        variables = {"runID": run_id, "preview": preview}
        trace = self.data(_QUERY, variables, operation="Query")["run"]["trace"]
        assert trace is not None
        found: list[Node] = trace["childrenSpans"]
        assert all(isinstance(node["metadata"], list) for node in found)
        return found

    def event_named(self, name: str) -> Node:
        """The newest event of a name, with its payload as a value."""

        def found() -> Node | None:
            events = self.data(_EVENTS, {"query": {}})["events"]
            return next((event for event in events if event["name"] == name), None)

        event = wait_until(found, what=f"event {name}")
        assert event is not None
        return {**event, "payload": json.loads(event["payload"])}

    def run_of(self, event_id: str, function: str) -> str:
        """The id of the run which the event started of a function, by the function's name."""

        def found() -> str | None:
            for item in self.data(_STREAM, operation="GetEventStream")["stream"]:
                for run in item["runs"] if item["id"] == event_id else ():
                    if run["function"]["name"] == function:
                        run_id: str = run["id"]
                        return run_id
            return None

        run_id = wait_until(found, what=f"run of {function} for {event_id}")
        assert run_id is not None
        return run_id

    def node(self, run_id: str, **wanted: Any) -> Node:
        """The first node, from the root down, all of whose wanted fields are equal."""

        def found() -> Node | None:
            return next(self.nodes(run_id, **wanted), None)

        try:
            node = wait_until(found, what=f"node {wanted} of {run_id}")
        except AssertionError as error:
            nodes = list(self.nodes(run_id))
            raise AssertionError(f"{error}; there are {nodes}") from None
        assert node is not None
        return node

    def nodes(self, run_id: str, **wanted: Any) -> Iterator[Node]:
        """The nodes of this moment all of whose wanted fields are equal, from the root down."""
        root = self.data(_TIMELINE, {"runID": run_id}, operation="GetRunTimeline")["run"]["trace"]
        for node in depth_first(root):
            if all(node[name] == value for name, value in wanted.items()):
                yield node

    def node_output(self, run_id: str, **wanted: Any) -> Node:
        """What the node gave; data is read as JSON."""
        node = self.node(run_id, **wanted)
        assert node["outputID"] is not None, node
        answer = self.data(_TIMELINE_OUTPUT, {"outputID": node["outputID"]})
        output: dict[str, Any] = dict(answer["runTraceSpanOutputByID"])
        if output["data"] is not None:
            output["data"] = json.loads(output["data"])
        return output

    def event(self, event_id: str) -> Node:
        """An event by its internal id, as soon as it can be read; `raw` as a value."""

        def found() -> Node | None:
            try:
                event: Node = self.data(_EVENT, {"id": event_id}, operation="Event")["eventV2"]
            except FieldErrors:
                return None
            return event

        event = wait_until(found, what=f"event {event_id}")
        assert event is not None
        assert isinstance(event["idempotencyKey"], str)
        raw = json.loads(event["raw"])
        assert isinstance(raw["data"], dict)
        return {**event, "raw": raw}
