"""`stepwell nodes`: which servers share the work, and who does which part of it."""

from collections.abc import Iterable, Sequence
from typing import Final

import click

from stepwell.cli.client import Client, Json
from stepwell.cli.operator_errors import RequestRefused, ServerUnreachable
from stepwell.cli.operators import Console, operator_options, pass_console
from stepwell.cli.tables import Column, painted, table
from stepwell.cli.times import age_text

__all__ = ["nodes", "ranges_text"]

#: Between two looks of `--watch`.
_PAUSE_S: Final = 2.0

_NODES: Final = """
{ server {
  nodes { id name version joinedAt leaseUntil state isDraining isThis partitions }
  partitions { id nodeID owner }
} }
"""
_COLOURS: Final = {"live": "green", "draining": "yellow", "dead": "red"}


def _painted_state(cell: str) -> str:
    return painted(cell, fg=_COLOURS.get(cell.split(maxsplit=1)[0]))


_COLUMNS: Final = (
    Column("NODE", is_number=True),
    Column("NAME", gives_way=True),
    Column("STATE", paint=_painted_state),
    Column("VERSION"),
    Column("JOINED"),
    Column("OWNS", is_number=True),
    Column("PARTITIONS", gives_way=True),
)


@operator_options
@click.command(short_help="Show which servers share the work, and who does what.")
@click.option("--watch", is_flag=True, help="Look again every 2 s, until it is interrupted.")
@pass_console
def nodes(console: Console, *, watch: bool) -> None:
    """Show the servers that share a database, and which partitions each one owns.

    Any of them can be asked; the one that answered is marked. A server that is dead has not been
    heard of for longer than its lease, and others take over what it has.
    """
    with console.client() as client:
        seen = _looked(client)
        if console.as_json and not watch:
            console.object(seen)
            return
        _show(console, seen)
        while watch:
            console.outside.pause(_PAUSE_S)
            try:
                seen = _looked(client)
            except ServerUnreachable as error:
                console.remark(f"{error.reason}; looking again in {_PAUSE_S:g} s.")
                continue
            if not console.as_json:
                click.echo()
            _show(console, seen)


def ranges_text(numbers: Iterable[int]) -> str:
    """Ascending numbers as people write them.

    >>> ranges_text([0, 1, 2, 5, 7, 8])
    '0-2, 5, 7-8'
    """
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][-1] + 1:
            found[-1] = [found[-1][0], number]
        else:
            found.append([number])
    return ", ".join("-".join(map(str, ends)) for ends in found)


def _looked(client: Client) -> Json:
    seen: Json = client.ask(_NODES)["server"]
    if not seen["nodes"] and not seen["partitions"]:
        raise RequestRefused(
            "The server cannot say which servers there are",
            advice="It cannot use its database at present; its log says why",
        )
    return seen


def _show(console: Console, seen: Json) -> None:
    if console.as_json:
        console.line(seen)
        return
    now_ms = console.outside.now_ms()
    rows = [_row(node, now_ms=now_ms) for node in seen["nodes"]]
    if rows:
        console.lines(table(_COLUMNS, rows))
    for remark in _remarks(seen):
        console.remark(remark)


def _row(node: Json, *, now_ms: int) -> Sequence[str]:
    state = node["state"].lower()
    if state == "dead":
        state = f"dead {age_text(node['leaseUntil'], now_ms=now_ms)}"
    return (
        str(node["id"]),
        f"{node['name']} (this)" if node["isThis"] else node["name"],
        state,
        node["version"],
        age_text(node["joinedAt"], now_ms=now_ms),
        str(len(node["partitions"])),
        ranges_text(node["partitions"]),
    )


def _remarks(seen: Json) -> list[str]:
    """What an operator may have to do something about if it stays so."""
    found = []
    free = [each["id"] for each in seen["partitions"] if each["nodeID"] is None]
    if free:
        found.append(f"Nobody owns {_partitions(free)}; a server takes over within seconds.")
    for node in seen["nodes"]:
        if node["partitions"] and node["state"] == "DEAD":
            owned = _partitions(node["partitions"])
            found.append(f"{node['name']} is dead; others take over {owned} within seconds.")
        elif node["partitions"] and node["state"] == "DRAINING":
            owned = _partitions(node["partitions"])
            found.append(f"{node['name']} stops, and gives {owned} away when its calls have ended.")
    return found


def _partitions(numbers: Sequence[int]) -> str:
    return f"partition{'' if len(numbers) == 1 else 's'} {ranges_text(numbers)}"
