"""`stepwell runs`: what runs there are, what became of one, and changing them."""

from collections.abc import Sequence
from typing import Any, Final

import click
import msgspec

from stepwell.cli.arguments import limit_option, search_option, when
from stepwell.cli.client import Client, Json
from stepwell.cli.json_text import json_text
from stepwell.cli.named import app_named, apps_of, function_named
from stepwell.cli.operator_errors import RequestRefused
from stepwell.cli.operators import Console, operator_group, pass_console
from stepwell.cli.pages import nodes_of
from stepwell.cli.run_facts import run_lines, with_json_output
from stepwell.cli.run_following import tail_runs
from stepwell.cli.run_steps import failures_of
from stepwell.cli.run_texts import LISTED_RUN, run_table
from stepwell.cli.times import BEGINNING

__all__ = ["STATUSES", "runs"]

#: Skipped runs are never listed; `events get` shows them.
STATUSES: Final = ("queued", "running", "completed", "failed", "cancelled")

#: As many runs as the server puts on a page.
_PAGE_MAX: Final = 399

_LIST: Final = f"""
query ($first: Int!, $after: String, $orderBy: [RunsV2OrderBy!]!, $filter: RunsFilterV2!) {{
  runs(first: $first, after: $after, orderBy: $orderBy, filter: $filter) {{
    edges {{ node {{ {LISTED_RUN} }} }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}
"""
_COUNT: Final = """
query ($orderBy: [RunsV2OrderBy!]!, $filter: RunsFilterV2!) {
  runs(first: 1, orderBy: $orderBy, filter: $filter) { totalCount totalCountIsExact }
}
"""

_SPAN: Final = """
  name status attempts duration outputID queuedAt startedAt endedAt stepOp stepID stepType spanID
  isUserland groupID
  stepInfo {
    __typename
    ... on SleepStepInfo { sleepUntil }
    ... on WaitForEventStepInfo { eventName expression timeout foundEventID timedOut }
    ... on WaitForSignalStepInfo { signal timeout timedOut }
    ... on InvokeStepInfo { functionID runID timeout timedOut }
    ... on RunStepInfo { type }
  }
  response { statusCode }
"""


def _nested(levels: int) -> str:
    inner = f"childrenSpans {{ {_nested(levels - 1)} }}" if levels else ""
    return f"{_SPAN} {inner}"


#: Steps, their attempts, and four levels of what the app's own tracing tells of them.
_TRACE_LEVELS: Final = 6
_RUN: Final = f"""
query ($id: String!) {{
  run(runID: $id) {{
    id status functionVersion queuedAt scheduledAt startedAt endedAt
    eventName cronSchedule isBatch batchID triggerIDs
    originRunID parentRunID replayID
    cancelReason cancelEventID skipReason skipExistingRunID
    output
    function {{ slug name }}
    app {{ externalID name }}
    waiting {{ kind stepID attempt queuedAt dueAt underWay constraint key value message }}
    trace(preview: true) {{ {_nested(_TRACE_LEVELS)} }}
  }}
}}
"""
_OUTPUT: Final = "query ($id: String!) { run(runID: $id) { status output } }"
_CANCEL: Final = "mutation ($id: ULID!) { cancelRun(runID: $id) { id status } }"
_STATUS: Final = "query ($id: String!) { run(runID: $id) { id status } }"
_RERUN: Final = """
mutation ($id: ULID!, $fromStep: RerunFromStepInput) { rerun(runID: $id, fromStep: $fromStep) }
"""
#: What the server says when there is nothing to cancel any more.
_HAS_ENDED: Final = "cannot cancel an ended run"

_function_option = click.option(
    "--function",
    "functions",
    multiple=True,
    metavar="SLUG",
    help="Only runs of this function. Can be repeated.",
)

runs = operator_group("runs", "List, show, cancel, rerun and watch runs.")


@runs.command("list")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice(STATUSES, case_sensitive=False),
    help="Only runs in this status. Can be repeated.",
)
@_function_option
@click.option(
    "--app", "apps", multiple=True, metavar="NAME", help="Only runs of this app. Can be repeated."
)
@click.option(
    "--from",
    "from_",
    metavar="TIME",
    help="From when, such as 2h for two hours ago, or an ISO 8601 time. Default: the beginning.",
)
@click.option("--until", metavar="TIME", help="Until when, in the same forms. Default: now.")
@click.option(
    "--time-field",
    type=click.Choice(("queued", "started", "ended"), case_sensitive=False),
    default="queued",
    help="The time by which runs are chosen and sorted, newest first. Default: queued.",
)
@search_option
@limit_option
@pass_console
def list_runs(
    console: Console,
    *,
    statuses: Sequence[str],
    functions: Sequence[str],
    apps: Sequence[str],
    limit: int,
    time_field: str,
    **times: str | None,
) -> None:
    """List runs, newest first."""
    filters = _filter(console, statuses, time_field, **times)
    order = [{"field": filters["timeField"], "direction": "DESC"}]
    with console.client() as client:
        filters |= _chosen(client, functions, apps)

        def ask_page(first: int, after: str | None) -> Json:
            answer = client.ask(_LIST, first=first, after=after, orderBy=order, filter=filters)
            page: Json = answer["runs"]
            return page

        nodes = nodes_of(console, ask_page, limit=limit, page_max=_PAGE_MAX, noun="runs")
        if console.as_json:
            for node in nodes:
                console.line(node)
            return
        found = list(nodes)
        console.lines(run_table(found, now_ms=console.outside.now_ms()))
        if not found:
            console.remark("No such run.")
        elif len(found) == limit:
            total = client.ask(_COUNT, orderBy=order, filter=filters)["runs"]
            _tell_rest(console, len(found), total)


def _filter(
    console: Console,
    statuses: Sequence[str],
    time_field: str,
    *,
    from_: str | None,
    until: str | None,
    search: str | None,
) -> Json:
    now_ms = console.outside.now_ms()
    filters: Json = {
        "from": when(from_, now_ms=now_ms, name="--from") or BEGINNING,
        "until": when(until, now_ms=now_ms, name="--until"),
        "timeField": f"{time_field.upper()}_AT",
        "query": search,
    }
    if statuses:
        filters["status"] = [status.upper() for status in statuses]
    return filters


def _chosen(client: Client, functions: Sequence[str], apps: Sequence[str]) -> Json:
    """The part of the filter that names functions and apps."""
    filters: Json = {}
    if functions:
        found = [function_named(client, name, archived=True) for name in functions]
        filters["functionIDs"] = [each["id"] for each in found]
    if apps:
        known = apps_of(client)
        filters["appIDs"] = [app_named(known, name)["id"] for name in apps]
    return filters


def _tell_rest(console: Console, shown: int, total: Json) -> None:
    count = total["totalCount"]
    if count > shown:
        more = "" if total["totalCountIsExact"] else "more than "
        console.remark(f"{shown:,} of {more}{count:,} runs; --limit shows more.")


@runs.command("get", short_help="Show a run with its steps, errors and output.")
@click.argument("run_id")
@click.option(
    "--output",
    "only_output",
    is_flag=True,
    help="Print only what the run returned, or its error, as JSON.",
)
@click.option(
    "--trace",
    "whole_trace",
    is_flag=True,
    help="Show every span instead of the steps: calls to the app, and what its own tracing tells.",
)
@pass_console
def get_run(console: Console, run_id: str, *, only_output: bool, whole_trace: bool) -> None:
    """Show a run: its steps with attempts, times and errors, and what it waits for.

    Long outputs are cut, unless --output or --json asks for them.
    """
    with console.client() as client:
        if only_output:
            _print_output(_run_of(client, _OUTPUT, run_id))
            return
        run = with_json_output(_run_of(client, _RUN, run_id))
        if console.as_json:
            console.object(run)
            return
        errors = failures_of(client, run["trace"])
        console.lines(
            run_lines(run, errors, now_ms=console.outside.now_ms(), whole_trace=whole_trace)
        )


def _run_of(client: Client, query: str, run_id: str) -> Json:
    """The run.

    Raises:
        RequestRefused: There is none, or that is no id.
    """
    try:
        run: Json = client.ask(query, id=run_id)["run"]
    except RequestRefused as error:
        if _is_no_id(error):
            raise _no_run(client, run_id) from error
        raise
    return run


def _is_no_id(error: RequestRefused) -> bool:
    return "no rows" in error.reason or "not a ULID" in error.reason or error.reason == "not found"


def _no_run(client: Client, run_id: str) -> RequestRefused:
    return RequestRefused(
        f"There is no run {run_id} on {client.target.url}",
        advice="`stepwell runs list` shows what there is; old runs are deleted after a while",
    )


def _print_output(run: Json) -> None:
    if run["output"] is None:
        status = run["status"].lower()
        raise RequestRefused(f"The run has no output: it is {status}")
    click.echo(json_text(with_json_output(run)["output"]))


@runs.command("cancel")
@click.argument("run_ids", metavar="RUN_ID...", nargs=-1, required=True)
@pass_console
def cancel_runs(console: Console, run_ids: Sequence[str]) -> None:
    """Cancel runs.

    A run that has ended is left as it is; that is not an error.
    """
    failed: list[RequestRefused] = []
    with console.client() as client:
        for run_id in run_ids:
            try:
                _cancel(console, client, run_id)
            except RequestRefused as error:
                # The others are still to be cancelled.
                failed.append(error)
    if failed:
        for earlier in failed[:-1]:
            console.remark(f"Error: {earlier}")
        raise failed[-1]


def _cancel(console: Console, client: Client, run_id: str) -> None:
    try:
        run = client.ask(_CANCEL, id=run_id)["cancelRun"]
        has_ended = False
    except RequestRefused as error:
        if _is_no_id(error):
            raise _no_run(client, run_id) from error
        if error.reason != _HAS_ENDED:
            raise
        run = _run_of(client, _STATUS, run_id)
        has_ended = True
    if console.as_json:
        console.line({**run, "hadEnded": has_ended})
        return
    click.echo(f"{run['id']}  {run['status']}")
    if has_ended:
        console.remark(f"{run['id']} had ended before; nothing was cancelled.")


@runs.command("rerun", short_help="Run a run again, whole or from a step.")
@click.argument("run_id")
@click.option(
    "--from-step",
    metavar="STEP",
    help="Keep the results of the steps before this one: its id in the code, or the hashed one.",
)
@click.option(
    "--input",
    "input_",
    metavar="JSON",
    help="A JSON array of other arguments for that step; for apps in TypeScript.",
)
@pass_console
def rerun(console: Console, run_id: str, *, from_step: str | None, input_: str | None) -> None:
    """Run a run again, with the events of the old one, and print the id of the new run."""
    choice: Json | None = None
    if input_ is not None and from_step is None:
        raise click.UsageError("--input is for the step that --from-step names.")
    if from_step is not None:
        choice = {"stepID": from_step}
        if input_ is not None:
            choice["input"] = _array(input_)
    with console.client() as client:
        try:
            new_id = client.ask(_RERUN, id=run_id, fromStep=choice)["rerun"]
        except RequestRefused as error:
            if _is_no_id(error):
                raise _no_run(client, run_id) from error
            raise
    if console.as_json:
        console.object({"id": new_id, "rerunOf": run_id})
    else:
        click.echo(new_id)


def _array(text: str) -> str:
    try:
        value: Any = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise click.BadParameter(f"this is not JSON: {error}", param_hint="--input") from error
    if not isinstance(value, list):
        message = 'it must be a JSON array of arguments, such as [{"order":17}]'
        raise click.BadParameter(message, param_hint="--input")
    # The server tells an array by its first character.
    return text.strip()


@runs.command("tail", short_help="Print a line for each change of a run.")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice(STATUSES, case_sensitive=False),
    help="Only when a run comes into this status. Can be repeated.",
)
@_function_option
@pass_console
def tail(console: Console, *, statuses: Sequence[str], functions: Sequence[str]) -> None:
    """Print a line whenever a run begins, goes on to another status or ends, until Ctrl-C.

    If the connection is lost it is made again; what changed meanwhile is not shown.
    """
    tail_runs(console, statuses=[each.upper() for each in statuses], functions=functions)
