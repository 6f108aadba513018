"""`stepwell functions`: what functions there are, and pausing and starting them."""

from collections.abc import Sequence
from typing import Final

import click

from stepwell.cli.arguments import json_object
from stepwell.cli.client import Client, Json
from stepwell.cli.function_facts import FUNCTION_FACTS, QUEUE_FACTS, function_lines, function_table
from stepwell.cli.invoking import ended_run, invoked
from stepwell.cli.named import all_functions, app_named, apps_of, function_named
from stepwell.cli.operators import Console, operator_group, pass_console
from stepwell.cli.run_facts import output_lines, with_json_output
from stepwell.cli.run_texts import took_text
from stepwell.cli.tables import status_word

__all__ = ["functions"]

_GET: Final = f"""
query ($slug: String!) {{
  functionList(first: 1000, search: $slug, includeArchived: true) {{
    nodes {{ {FUNCTION_FACTS} }}
  }}
  functionQueue(functionSlug: $slug) {{ {QUEUE_FACTS} }}
}}
"""
_CHANGED: Final = "function { slug pause { since newRuns running isDrain } } cancellationID"
_PAUSE: Final = f"""
mutation ($slug: String!, $newRuns: PausedNewRuns!, $running: PausedRunningRuns!) {{
  pauseFunction(functionSlug: $slug, newRuns: $newRuns, running: $running) {{ {_CHANGED} }}
}}
"""
_RESUME: Final = f"""
mutation ($slug: String!) {{ resumeFunction(functionSlug: $slug) {{ {_CHANGED} }} }}
"""

functions = operator_group("functions", "List, show, pause, resume and invoke functions.")


@functions.command("list")
@click.option("--app", metavar="NAME", help="Only functions of this app.")
@click.option("--search", metavar="TEXT", help="Only functions with this in their name or slug.")
@click.option("--archived", is_flag=True, help="Also functions that are archived.")
@pass_console
def list_functions(
    console: Console, *, app: str | None, search: str | None, archived: bool
) -> None:
    """List functions by slug."""
    with console.client() as client:
        app_id = None if app is None else app_named(apps_of(client), app)["id"]
        found = all_functions(client, search=search, app_id=app_id, archived=archived)
    if console.as_json:
        for function in found:
            console.line(function)
        return
    console.lines(function_table(found))
    if not found:
        console.remark("No such function. `stepwell apps list` shows apps that could not register.")


@functions.command("get", short_help="Show a function and its queue.")
@click.argument("function")
@pass_console
def get_function(console: Console, function: str) -> None:
    """Show a function: its configuration, what is queued for it, and what holds that up."""
    with console.client() as client:
        slug = function_named(client, function, archived=True)["slug"]
        answer = client.ask(_GET, slug=slug)
    nodes: Sequence[Json] = answer["functionList"]["nodes"]
    shown = next(node for node in nodes if node["slug"] == slug)
    if console.as_json:
        console.object({**shown, "queue": answer["functionQueue"]})
    else:
        now_ms = console.outside.now_ms()
        console.lines(function_lines(shown, answer["functionQueue"], now_ms=now_ms))


@functions.command("pause")
@click.argument("function")
@click.option(
    "--new-runs",
    type=click.Choice(("skip", "wait"), case_sensitive=False),
    default="skip",
    help="Whether events are skipped, or start their runs when the function is resumed. Default: skip.",
)
@click.option(
    "--running",
    type=click.Choice(("finish", "hold", "cancel"), case_sensitive=False),
    default="finish",
    help="Whether runs that have begun go on, stand still until the function is resumed, or are "
    "cancelled. Default: finish.",
)
@pass_console
def pause(console: Console, function: str, *, new_runs: str, running: str) -> None:
    """Let a function start no new runs."""
    with console.client() as client:
        slug = function_named(client, function)["slug"]
        changed = client.ask(_PAUSE, slug=slug, newRuns=new_runs.upper(), running=running.upper())[
            "pauseFunction"
        ]
    if console.as_json:
        console.object(changed)
        return
    click.echo(f"{slug}  paused")
    if changed["cancellationID"]:
        console.remark(f"Its runs are being cancelled (cancellation {changed['cancellationID']}).")


@functions.command("resume")
@click.argument("function")
@pass_console
def resume(console: Console, function: str) -> None:
    """Let a paused function go on."""
    with console.client() as client:
        slug = function_named(client, function)["slug"]
        changed = client.ask(_RESUME, slug=slug)["resumeFunction"]
    if console.as_json:
        console.object(changed)
    else:
        click.echo(f"{slug}  resumed")


@functions.command("invoke", short_help="Start a function with data.")
@click.argument("function")
@click.option(
    "--data",
    metavar="JSON|@FILE|-",
    help="The data of its event: a JSON object, @ and a file that has one, or - for standard input.",
)
@click.option(
    "--wait",
    is_flag=True,
    help="Wait until the run has ended, and print its output; the exit status is 1 unless it completed.",
)
@pass_console
def invoke(console: Console, function: str, *, data: str | None, wait: bool) -> None:
    """Start a function with data, whatever its triggers are, and print the id of the run."""
    given = json_object(data, name="--data")
    with console.client() as client:
        slug = function_named(client, function)["slug"]
        invocation = invoked(client, slug, given)
        if wait:
            _wait(console, client, invocation)
            return
    if console.as_json:
        console.object(invocation)
    elif invocation["runID"]:
        click.echo(invocation["runID"])
    else:
        console.remark(
            f"No run has begun yet; `stepwell events get {invocation['eventID']}` tells why."
        )


def _wait(console: Console, client: Client, invocation: Json) -> None:
    if not console.as_json:
        console.remark(
            f"Run {invocation['runID'] or '(held back)'}; Ctrl-C ends waiting, not the run."
        )
    run = with_json_output(ended_run(console, client, invocation["eventID"]))
    if console.as_json:
        console.object(run)
    else:
        console.lines(output_lines(run))
        took = took_text(run, now_ms=0)
        console.remark(f"{run['id']}  {status_word(run['status'])}  {took}".rstrip())
    if run["status"] != "COMPLETED":
        click.get_current_context().exit(1)
