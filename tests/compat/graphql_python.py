"""The operations of the Python suite. Source: GraphQL, 10.2.

Any `errors` and any status but 200 is a failure; only the search for runs goes on after errors.
"""

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from tests.compat.graphql_client import FieldErrors, Graphql, Node
from tests.compat.harness import wait_until

__all__ = ["PythonClient"]

_RUN_IDS = """
query GetRuns($event_id: ID!) {
  event(query: { eventId: $event_id }) {
    functionRuns { id }
  }
}
"""

_STATUS = """
query GetRun($run_id: String!) {
  run(runID: $run_id) {
    output
    status
  }
  runTrigger(runID: $run_id) {
    payloads
  }
}
"""

_STEPS = """
query GetSteps($run_id: String!) {
  run(runID: $run_id) {
    trace {
      childrenSpans {
        name
        outputID
      }
    }
  }
}
"""

_OUTPUT = """
query GetOutput($output_id: String!) {
  runTraceSpanOutputByID(outputID: $output_id) {
    data
    error {
      message
      name
      stack
    }
  }
}
"""

_TERMINAL = {"CANCELLED", "COMPLETED", "FAILED"}


class _Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event as a strict reader takes it."""

    id: str
    name: str
    ts: int
    data: dict[str, Any]
    user: dict[str, Any] = {}
    v: str = ""
    meta: dict[str, Any] = {}


class PythonClient(Graphql):
    """Asks as the Python suite asks, only more often."""

    def run_ids(self, event_id: str, *, count: int = 1) -> Sequence[str]:
        """The ids of the event's runs as soon as there are exactly so many."""

        def found() -> tuple[list[Any]] | None:
            try:
                event = self.data(_RUN_IDS, {"event_id": event_id})["event"]
            except FieldErrors:
                return None
            assert event is not None, "an event that is unknown has to be an error"
            runs = event["functionRuns"] or []
            return (runs,) if len(runs) == count else None

        found_runs = wait_until(found, what=f"{count} runs of {event_id}", limit_s=5)
        assert found_runs is not None
        return [run["id"] for run in found_runs[0]]

    def wait_for_run_status(self, run_id: str, status: str, *, limit_s: float = 20) -> Node:
        """The run as soon as it has this status; another one that is final is a failure."""

        def arrived() -> Node | None:
            try:
                data = self.data(_STATUS, {"run_id": run_id})
            except FieldErrors as error:
                # Unknown yet: then the trigger, which is never null, takes all data with it.
                if error.data is not None:
                    raise
                return None
            run: Node = data["run"]
            assert run is not None
            if run["status"] != status:
                assert run["status"] not in _TERMINAL, run
                return None
            payloads = data["runTrigger"]["payloads"]
            msgspec.json.decode(payloads[0], type=_Event, strict=True)
            return run

        run = wait_until(arrived, what=f"{status} of {run_id}", limit_s=limit_s)
        assert run is not None
        return run

    def ended(self, event_id: str, status: str = "COMPLETED") -> tuple[str, Any]:
        """The id of the event's one run once it has this status, and its output as a value."""
        (run_id,) = self.run_ids(event_id)
        output = self.wait_for_run_status(run_id, status)["output"]
        return run_id, None if output is None else json.loads(output)

    def step(self, run_id: str, name: str, *, index: int = 0) -> Node:
        """The output of the step of that name, or of the one after so many others of it.

        Everything is asked for once.
        """
        trace = self.data(_STEPS, {"run_id": run_id})["run"]["trace"]
        assert trace is not None
        of_name = [span for span in trace["childrenSpans"] if span["name"] == name]
        output_id = of_name[index]["outputID"]
        assert output_id is not None
        output: Node = self.data(_OUTPUT, {"output_id": output_id})["runTraceSpanOutputByID"]
        return output

    def step_data(self, run_id: str, name: str, *, index: int = 0) -> Any:
        """The value of a step that succeeded."""
        output = self.step(run_id, name, index=index)
        assert output["error"] is None
        return json.loads(output["data"])
