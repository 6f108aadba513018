"""`stepwell apps`: what apps there are, and having them register."""

from collections.abc import Sequence
from typing import Final

import click

from stepwell.cli.client import Client, Json
from stepwell.cli.named import app_named, apps_of
from stepwell.cli.operator_errors import RequestRefused
from stepwell.cli.operators import Console, operator_group, pass_console
from stepwell.cli.tables import Column, table
from stepwell.cli.times import age_text

__all__ = ["apps"]

_APP: Final = "id externalID name url error functionCount syncedAt sdkLanguage sdkVersion"
_SYNC: Final = f"mutation ($id: String!) {{ syncApp(id: $id) {{ {_APP} }} }}"
_CREATE: Final = f"mutation ($url: String!) {{ createApp(input: {{url: $url}}) {{ {_APP} }} }}"

_APPS: Final = (
    Column("APP", gives_way=True),
    Column("STATE", gives_way=True),
    Column("FUNCTIONS", is_number=True),
    Column("SDK"),
    Column("SYNCED"),
    Column("URL", gives_way=True),
)

apps = operator_group("apps", "List apps, and have them register.")


@apps.command("list", short_help="List apps and what is wrong with them.")
@pass_console
def list_apps(console: Console) -> None:
    """List apps, and what is wrong with those that could not register."""
    with console.client() as client:
        found = apps_of(client)
    if console.as_json:
        for app in found:
            console.line(app)
        return
    console.lines(_app_table(found, now_ms=console.outside.now_ms()))
    for app in found:
        for problem in app["problems"]:
            place = " ".join(filter(None, (problem["function"], problem["field"])))
            console.remark(f"{app['externalID'] or app['url']}: {place}: {problem['message']}")
    if not found:
        console.remark("No app yet. Name one: stepwell apps sync http://localhost:3000/api/inngest")


@apps.command("sync", short_help="Ask an app to register now.")
@click.argument("app", metavar="URL|NAME")
@pass_console
def sync(console: Console, app: str) -> None:
    """Ask an app to register now, by its name, or a new one by the URL of its functions."""
    with console.client() as client:
        synced = _synced(client, app)
    if console.as_json:
        console.object(synced)
        return
    count = synced["functionCount"]
    functions = "1 function" if count == 1 else f"{count} functions"
    click.echo(f"{synced['externalID'] or synced['url']}  {functions}")


def _synced(client: Client, app: str) -> Json:
    known = apps_of(client)
    is_known = any(app in (each["id"], each["externalID"], each["url"]) for each in known)
    # Nothing but a URL has a slash or a colon.
    if not is_known and ("/" in app or ":" in app):
        return _asked(client, app, _CREATE, url=app)
    named = app_named(known, app)
    return _asked(client, named["url"] or app, _SYNC, id=named["id"])


def _asked(client: Client, shown_url: str, mutation: str, **variables: str) -> Json:
    try:
        (synced,) = client.ask(mutation, **variables).values()
        # It was reached, but what it registered may have been refused.
        reason = synced["error"]
    except RequestRefused as error:
        reason = error.reason
    if reason:
        advice = "The server asks the app itself: the URL must be one that it can reach"
        text = f"The app at {shown_url} did not register: {reason}"
        raise RequestRefused(text, advice=advice)
    return dict(synced)


def _app_table(found: Sequence[Json], *, now_ms: int) -> list[str]:
    rows = [
        (
            app["externalID"],
            _state(app),
            str(app["functionCount"]),
            " ".join(filter(None, (app["sdkLanguage"], app["sdkVersion"]))),
            age_text(app["syncedAt"], now_ms=now_ms) if app["syncedAt"] else "never",
            app["url"] or "",
        )
        for app in found
    ]
    return table(_APPS, rows) if rows else []


def _state(app: Json) -> str:
    if app["error"]:
        return str(app["error"])
    return "drained" if app["drainedAt"] else "ok"
