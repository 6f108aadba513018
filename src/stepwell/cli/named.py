"""Functions and apps, found by what an operator calls them."""

from collections.abc import Callable, Sequence
from typing import Final

from stepwell.cli.client import Client, Json
from stepwell.cli.operator_errors import RequestRefused

__all__ = ["all_functions", "app_named", "apps_of", "function_named"]

#: So many names are suggested for one that is not known.
_SUGGESTIONS: Final = 5

_FUNCTIONS: Final = """
query ($after: String, $search: String, $appID: UUID, $archived: Boolean!) {
  functionList(first: 1000, after: $after, search: $search, appID: $appID,
               includeArchived: $archived) {
    nodes {
      id slug name version archived
      app { externalID }
      triggers { type value condition }
      pause { since newRuns running isDrain }
    }
    endCursor
    hasNextPage
  }
}
"""

_APPS: Final = """
{
  apps {
    id externalID name url method sdkLanguage sdkVersion framework appVersion error
    functionCount createdAt syncedAt drainedAt
    problems { function field code message }
  }
}
"""


def all_functions(
    client: Client, *, search: str | None = None, app_id: str | None = None, archived: bool = False
) -> list[Json]:
    """Functions by slug.

    Args:
        client: The server.
        search: Part of the name or slug.
        app_id: Only those of this app.
        archived: Also those that are archived.
    """
    found: list[Json] = []
    after: str | None = None
    while True:
        answer = client.ask(_FUNCTIONS, after=after, search=search, appID=app_id, archived=archived)
        page = answer["functionList"]
        found += page["nodes"]
        after = page["endCursor"]
        if not page["hasNextPage"] or after is None:
            return found


def apps_of(client: Client) -> list[Json]:
    """The apps that are not archived."""
    apps: list[Json] = client.ask(_APPS)["apps"]
    return apps


def function_named(client: Client, name: str, *, archived: bool = False) -> Json:
    """The function with that id or slug, or, if only one has it, that slug without the app.

    Raises:
        RequestRefused: There is none, or more than one.
    """
    functions = all_functions(client, archived=archived)
    exact = [each for each in functions if name in (each["slug"], each["id"])]
    return _only(
        name,
        exact or [each for each in functions if _short_slug(each) == name],
        kind="function",
        known=[each["slug"] for each in functions],
        shown=lambda each: str(each["slug"]),
    )


def app_named(apps: Sequence[Json], name: str) -> Json:
    """The app with that id, name or URL.

    Raises:
        RequestRefused: There is none, or more than one.
    """
    return _only(
        name,
        [each for each in apps if name in (each["id"], each["externalID"], each["url"])],
        kind="app",
        known=[each["externalID"] or each["url"] or each["id"] for each in apps],
        shown=lambda each: str(each["id"]),
    )


def _only(
    name: str,
    found: Sequence[Json],
    *,
    kind: str,
    known: Sequence[str],
    shown: Callable[[Json], str],
) -> Json:
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(shown(each) for each in found[:_SUGGESTIONS])
        raise RequestRefused(f"There is more than one {kind} {name}", advice=f"Name one: {names}")
    similar = _similar(name, known)
    advice = f"Perhaps {similar}" if similar else f"`stepwell {kind}s list` shows what there is"
    raise RequestRefused(f"There is no {kind} {name}", advice=advice)


def _similar(name: str, known: Sequence[str]) -> str:
    # Only a mistyped name needs it.
    from difflib import get_close_matches  # noqa: PLC0415

    containing = [each for each in known if name.casefold() in each.casefold()]
    return " or ".join(containing[:_SUGGESTIONS] or get_close_matches(name, known, n=2))


def _short_slug(function: Json) -> str:
    return str(function["slug"]).removeprefix(f"{function['app']['externalID']}-")
