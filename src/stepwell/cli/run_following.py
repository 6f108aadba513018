"""`stepwell runs tail`: a line for each change of a run."""

from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from stepwell.cli.client import Client, Json
from stepwell.cli.following import following
from stepwell.cli.named import function_named
from stepwell.cli.operators import Console
from stepwell.cli.run_texts import LISTED_RUN, change_line

__all__ = ["REMEMBERED_MAX", "tail_runs"]

#: Runs whose last status is known; one that was forgotten is told about once more.
REMEMBERED_MAX: Final = 10_000
#: Runs that are asked for at a time.
_ASKED_MAX: Final = 100


def tail_runs(console: Console, *, statuses: Collection[str], functions: Sequence[str]) -> None:
    """Print changes until Ctrl-C.

    Args:
        console: Where they are printed.
        statuses: Only when a run comes into one of these; all if empty.
        functions: Only runs of these; all if empty.
    """
    with console.client() as client:
        chosen = {function_named(client, name, archived=True)["id"] for name in functions}
        tail = _Tail(console, client, statuses, chosen)
        if not console.as_json:
            console.remark(f"Watching runs on {client.target.url}; Ctrl-C ends it.")
        try:
            for change in following(console, client):
                if change is not None:
                    tail.show(change)
        except KeyboardInterrupt:
            # The usual way to end it.
            return


class _Tail:
    def __init__(
        self,
        console: Console,
        client: Client,
        statuses: Collection[str],
        function_ids: Collection[str],
    ) -> None:
        self._console = console
        self._client = client
        self._statuses = statuses
        self._function_ids = function_ids
        self._last: OrderedDict[str, str] = OrderedDict()
        self._has_told_cut = False

    def show(self, change: Json) -> None:
        """Print what is new about the runs that changed."""
        run_ids = [
            run_id
            for run_id, function_id in change["runs"].items()
            # The change does not always know the function.
            if not self._function_ids or not function_id or function_id in self._function_ids
        ]
        for run in sorted(self._asked(run_ids), key=_at):
            if self._is_news(run):
                self._print(run)
        if change["cut"] and not self._has_told_cut:
            # A server among others says so every few seconds.
            self._has_told_cut = True
            self._console.remark("More runs changed than can be told.")

    def _asked(self, run_ids: Sequence[str]) -> Iterator[Json]:
        for first in range(0, len(run_ids), _ASKED_MAX):
            some = run_ids[first : first + _ASKED_MAX]
            declared = ", ".join(f"$r{index}: String!" for index in range(len(some)))
            parts = " ".join(
                f"r{index}: run(runID: $r{index}) {{ {LISTED_RUN} }}" for index in range(len(some))
            )
            variables = {f"r{index}": run_id for index, run_id in enumerate(some)}
            # A run may have been deleted since.
            answer = self._client.ask_partly(f"query ({declared}) {{ {parts} }}", **variables)
            yield from (run for run in answer.data.values() if run is not None)

    def _is_news(self, run: Json) -> bool:
        if self._function_ids and run["function"]["id"] not in self._function_ids:
            return False
        run_id, status = run["id"], run["status"]
        if self._last.get(run_id) == status:
            return False
        self._last[run_id] = status
        self._last.move_to_end(run_id)
        if len(self._last) > REMEMBERED_MAX:
            self._last.popitem(last=False)
        return not self._statuses or status in self._statuses

    def _print(self, run: Json) -> None:
        if self._console.as_json:
            self._console.line(run)
        else:
            self._console.lines([change_line(run, at=_at(run))])


def _at(run: Json) -> str:
    """When the run came into its status."""
    if run["endedAt"]:
        return str(run["endedAt"])
    is_begun = run["startedAt"] and run["status"] == "RUNNING"
    return str(run["startedAt"] if is_begun else run["queuedAt"])
