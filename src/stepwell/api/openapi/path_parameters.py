"""Parameters that stand in paths, by the names that routes give them."""

from collections.abc import Iterable
from typing import Final

from stepwell.api.openapi.declaration import Parameter
from stepwell.api.openapi.shapes import UlidInPath

__all__ = ["PATH_PARAMETERS"]

_ALL: Final = (
    Parameter("event_id", UlidInPath, "The server's id of an event, not the one its sender chose"),
    Parameter("run_id", UlidInPath, "Id of a run"),
    Parameter("cancellation_id", UlidInPath, "Id of a bulk cancellation"),
    Parameter("replay_id", UlidInPath, "Id of a replay"),
    Parameter("slug", str, "A function: `<app id>-<function id>`, or its id"),
    Parameter("app", str, "An app: its own id, or the one the server gave it"),
    Parameter("app_id", str, "An app: its own id"),
    Parameter("env", str, "An environment: its id or its name"),
)


def _in_paths(parameters: Iterable[Parameter]) -> dict[str, Parameter]:
    return {
        each.name: Parameter(each.name, each.kind, each.text, place="path", is_required=True)
        for each in parameters
    }


#: What a name in a path means. Declarations can name others among their own parameters.
PATH_PARAMETERS: Final = _in_paths(_ALL)
