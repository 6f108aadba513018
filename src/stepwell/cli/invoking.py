"""Starting a function by hand, and waiting for the run."""

from typing import Final

from stepwell.cli.client import Client, Json
from stepwell.cli.following import following
from stepwell.cli.operator_errors import RequestRefused
from stepwell.cli.operators import Console
from stepwell.cli.run_texts import LISTED_RUN

__all__ = ["ended_run", "invoked"]

_INVOKE: Final = """
mutation ($slug: String!, $data: Map) {
  invoke(functionSlug: $slug, data: $data) { eventID runID }
}
"""
_STATE: Final = f"""
query ($id: ULID!) {{
  eventV2(id: $id) {{ runs {{ {LISTED_RUN} output }} }}
  eventOutcomes(eventID: $id) {{ outcome message }}
}}
"""
_ENDED: Final = frozenset({"COMPLETED", "FAILED", "CANCELLED", "SKIPPED"})
#: Outcomes after which there may still be a run.
_OPEN: Final = frozenset({"run", "batched", "pending", "skipped"})


def invoked(client: Client, slug: str, data: Json | None) -> Json:
    """The event that started a function, and the run, if there is one already."""
    invocation: Json = client.ask(_INVOKE, slug=slug, data=data)["invoke"]
    return invocation


def ended_run(console: Console, client: Client, event_id: str) -> Json:
    """The run of an invocation, once it has ended, with its output.

    Raises:
        RequestRefused: There will be no run: it was dropped by a limit, for example.
    """
    for change in following(console, client):
        run = None
        # What another run did cannot have ended ours.
        if change is None or change["runs"] or change["cut"]:
            run = _run_of(client, event_id)
        if run is not None and run["status"] in _ENDED:
            return run
    raise AssertionError("following ends with an error or not at all")


def _run_of(client: Client, event_id: str) -> Json | None:
    answer = client.ask(_STATE, id=event_id)
    for outcome in answer["eventOutcomes"]:
        if outcome["outcome"] not in _OPEN:
            raise RequestRefused(f"The function was not run: {outcome['message']}")
    runs: list[Json] = answer["eventV2"]["runs"]
    return runs[0] if runs else None
