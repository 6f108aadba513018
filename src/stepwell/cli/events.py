"""`stepwell events`: what events there are, what became of one, and sending them."""

import os
from collections.abc import Sequence
from typing import Any, Final

import click
import msgspec

from stepwell.cli.arguments import json_object, limit_option, search_option, when
from stepwell.cli.client import Client, Json
from stepwell.cli.json_text import json_text
from stepwell.cli.operator_errors import RequestRefused
from stepwell.cli.operators import Console, operator_group, pass_console
from stepwell.cli.pages import nodes_of
from stepwell.cli.tables import Column, clean, facts, painted, table
from stepwell.cli.times import BEGINNING, age_text, local_text, parse_point_ms

__all__ = ["events"]

#: As many events as the server puts on a page.
_PAGE_MAX: Final = 51
#: A development server takes any key.
_ANY_KEY: Final = "stepwell-cli"

_EVENT: Final = """
  id name idempotencyKey occurredAt receivedAt raw
  runs { id status function { slug } }
"""
_LIST: Final = f"""
query ($first: Int!, $after: String, $filter: EventsFilter!) {{
  eventsV2(first: $first, after: $after, filter: $filter) {{
    edges {{ node {{ {_EVENT} }} }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}
"""
_COUNT: Final = """
query ($filter: EventsFilter!) {
  eventsV2(first: 1, filter: $filter) { totalCount totalCountIsExact }
}
"""
_GET: Final = f"""
query ($id: ULID!) {{
  eventV2(id: $id) {{ {_EVENT} }}
  eventOutcomes(eventID: $id) {{
    slug functionID outcome message runID batchID existingRunID reason detail at dueAt notes
  }}
}}
"""

_EVENTS: Final = (
    Column("EVENT"),
    Column("NAME", gives_way=True),
    Column("RECEIVED"),
    Column("RUNS", gives_way=True),
)
_OUTCOMES: Final = (
    Column("FUNCTION", gives_way=True),
    Column("OUTCOME"),
    Column("RUN"),
    Column("", gives_way=True),
)

events = operator_group("events", "List, show and send events.")


@events.command("list")
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="NAME",
    help="Only events of exactly this name. Can be repeated.",
)
@click.option(
    "--from",
    "from_",
    metavar="TIME",
    help="Received from when, such as 2h for two hours ago, or an ISO 8601 time. Default: the beginning.",
)
@click.option(
    "--until", metavar="TIME", help="Received until when, in the same forms. Default: now."
)
@click.option(
    "--internal",
    is_flag=True,
    help="Also events of the server itself, such as inngest/function.failed.",
)
@search_option
@limit_option
@pass_console
def list_events(
    console: Console, *, names: Sequence[str], internal: bool, limit: int, **filters: str | None
) -> None:
    """List events, newest first."""
    chosen = _filter(console, names, internal=internal, **filters)
    with console.client() as client:

        def ask_page(first: int, after: str | None) -> Json:
            page: Json = client.ask(_LIST, first=first, after=after, filter=chosen)["eventsV2"]
            return page

        nodes = nodes_of(console, ask_page, limit=limit, page_max=_PAGE_MAX, noun="events")
        if console.as_json:
            for node in nodes:
                console.line(_with_event(node))
            return
        found = list(nodes)
        console.lines(_event_table(found, now_ms=console.outside.now_ms()))
        if not found:
            console.remark("No such event.")
        elif len(found) == limit:
            _tell_rest(console, client, chosen, len(found))


def _filter(
    console: Console,
    names: Sequence[str],
    *,
    internal: bool,
    from_: str | None,
    until: str | None,
    search: str | None,
) -> Json:
    now_ms = console.outside.now_ms()
    chosen: Json = {
        "from": when(from_, now_ms=now_ms, name="--from") or BEGINNING,
        "until": when(until, now_ms=now_ms, name="--until"),
        # Who asks for one of the server's events by name means it.
        "includeInternalEvents": internal or any(name.startswith("inngest/") for name in names),
        "query": search,
    }
    if names:
        chosen["eventNames"] = list(names)
    return chosen


def _tell_rest(console: Console, client: Client, chosen: Json, shown: int) -> None:
    total = client.ask(_COUNT, filter=chosen)["eventsV2"]
    count = total["totalCount"]
    if count > shown:
        more = "" if total["totalCountIsExact"] else "more than "
        console.remark(f"{shown:,} of {more}{count:,} events; --limit shows more.")


def _event_table(found: Sequence[Json], *, now_ms: int) -> list[str]:
    rows = [
        (
            event["id"],
            event["name"],
            age_text(event["receivedAt"], now_ms=now_ms),
            ", ".join(
                f"{run['function']['slug']} {run['status'].lower()}" for run in event["runs"]
            ),
        )
        for event in found
    ]
    return table(_EVENTS, rows) if rows else []


def _with_event(node: Json) -> Json:
    """The event with what was sent as JSON instead of a text of it."""
    shown = dict(node)
    shown["event"] = msgspec.Raw(shown.pop("raw").encode())
    return shown


@events.command("get", short_help="Show an event and what became of it.")
@click.argument("event_id")
@pass_console
def get_event(console: Console, event_id: str) -> None:
    """Show an event: what was sent, and what became of it at each function."""
    with console.client() as client:
        answer = client.ask_partly(_GET, id=event_id)
        event, outcomes = answer.data.get("eventV2"), answer.data.get("eventOutcomes")
        if event is None or outcomes is None:
            raise _no_event(client, event_id, answer.failures)
    if console.as_json:
        console.object({**_with_event(event), "outcomes": outcomes})
        return
    now_ms = console.outside.now_ms()
    sent: Any = msgspec.json.decode(event["raw"])
    own_id = sent.get("id")
    lines = [f"Event {event['id']}  {clean(event['name'])}"]
    lines += facts(
        [
            ("Received", _moment(event["receivedAt"], now_ms=now_ms)),
            ("Happened", _moment(event["occurredAt"], now_ms=now_ms)),
            ("Sender's id", own_id if own_id != event["id"] else None),
        ],
        indent="  ",
    )
    data = json_text(sent.get("data")).split("\n")
    lines += ["", painted("Data", bold=True), *(f"  {line}" for line in data)]
    lines += ["", painted("Functions", bold=True)]
    lines += [f"  {line}" for line in _outcome_lines(outcomes)]
    console.lines(lines)


def _no_event(client: Client, event_id: str, failures: Any) -> RequestRefused:
    reason = next(iter(failures.values()), "")
    if "not found" in reason or "ulid" in reason:
        return RequestRefused(
            f"There is no event {event_id} on {client.target.url}",
            advice="`stepwell events list` shows what there is; old events are deleted after a while",
        )
    return RequestRefused(reason)


def _moment(at: str, *, now_ms: int) -> str:
    return f"{local_text(at)} ({age_text(at, now_ms=now_ms)})"


def _outcome_lines(outcomes: Sequence[Json]) -> list[str]:
    if not outcomes:
        return ["No function listens to it."]
    rows = [
        (
            each["slug"] or each["functionID"],
            each["outcome"],
            each["runID"] or "",
            "; ".join([each["message"], *each["notes"]]),
        )
        for each in outcomes
    ]
    return table(_OUTCOMES, rows, indent=2)


@events.command("send")
@click.argument("name")
@click.option(
    "--data",
    metavar="JSON|@FILE|-",
    help="What it is about: a JSON object, @ and a file that has one, or - for standard input.",
)
@click.option(
    "--id", "own_id", metavar="TEXT", help="Your own id: a function runs once for each in 24 hours."
)
@click.option(
    "--ts",
    metavar="TIME",
    help="When it happened, in milliseconds since 1970 or ISO 8601; a later time delays the runs. Default: now.",
)
@click.option(
    "--event-key",
    metavar="KEY",
    help="The event key of a server in production; better given by the variable INNGEST_EVENT_KEY. Default: any, which a development server takes.",
)
@pass_console
def send_event(
    console: Console,
    name: str,
    *,
    data: str | None,
    own_id: str | None,
    ts: str | None,
    event_key: str | None,
) -> None:
    """Send an event and print its id, once it is durable."""
    event: Json = {"name": name, "data": json_object(data, name="--data") or {}}
    if own_id is not None:
        event["id"] = own_id
    if ts is not None:
        event["ts"] = _timestamp(ts, now_ms=console.outside.now_ms())
    key = event_key or _event_key_of_environment() or _ANY_KEY
    with console.client() as client:
        event_id = client.send_event(event, key=key)
    if console.as_json:
        console.object({"id": event_id})
    else:
        click.echo(event_id)


def _event_key_of_environment() -> str:
    return os.environ.get("STEPWELL_EVENT_KEY", "") or os.environ.get("INNGEST_EVENT_KEY", "")


def _timestamp(text: str, *, now_ms: int) -> int:
    if text.isascii() and text.isdigit():
        return int(text)
    ms = parse_point_ms(text, now_ms=now_ms)
    if ms is None:
        message = f'{text!r} is no time, such as 1795252035250 or "2026-11-21 09:30"'
        raise click.BadParameter(message, param_hint="--ts")
    return ms
