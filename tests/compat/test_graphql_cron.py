"""A run that a schedule started, as the Go suite reads it. Source: GraphQL, 8.4 and 10.1.

No test waits for the minute to be over: the server is stopped, its next tick moved to the minute
that was, and the server started again.
"""

import json
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

import msgspec

from stepwell.core.item_bodies import CronBody
from stepwell.core.queue import ItemKind
from tests.compat.graphql_go import ZERO_TIME, GoClient
from tests.compat.graphql_raw_app import FunctionSpec, RawApp
from tests.compat.graphql_stage import children_of, ms_of
from tests.compat.harness import Server, wait_until

_CRON: Final = "* * * * *"
_APP: Final = "clock"
_MINUTE_MS: Final = 60_000


def test_a_run_of_a_schedule_names_it_and_its_times(tmp_path: Path) -> None:
    """One internal event; its id is the scheduled time, and nothing says batch."""
    with ExitStack() as stack:
        options = ["dev", "--no-discovery", "--no-poll", f"--sqlite-dir={tmp_path}"]
        first = Server(options, log=tmp_path / "first.log").wait_until_healthy()
        app = RawApp(
            first, _APP, {"ticks": FunctionSpec(lambda _steps: "tick", triggers=[{"cron": _CRON}])}
        )
        stack.callback(app.stop)
        app.register()
        first.stop()
        _move_tick_back(tmp_path / "main.db")
        second = Server(options, log=tmp_path / "second.log")
        stack.callback(second.stop)
        second.wait_until_healthy()
        client = GoClient(second.url)
        stack.callback(client.close)

        run_id = _first_run(client)
        run = client.trace(run_id, "COMPLETED", children=1)
        trigger = client.trigger(run_id)

    assert run["cronSchedule"] == _CRON
    assert (run["isBatch"], run["batchCreatedAt"]) == (False, None)
    assert children_of(run)[0]["name"] == "function success"
    assert (trigger["cron"], trigger["eventName"]) == (_CRON, None)
    assert (trigger["isBatch"], trigger["batchID"]) == (False, None)
    assert len(trigger["IDs"]) == 1
    (payload,) = map(json.loads, trigger["payloads"])
    data = payload["data"]
    assert payload["name"] == "inngest/scheduled.timer"
    assert (data["cron"], data["fireAt"]) == (_CRON, data["scheduledAt"])
    assert payload["id"] == data["scheduledAt"]
    assert payload["ts"] == ms_of(data["fireAt"])
    assert ms_of(data["scheduledAt"]) % _MINUTE_MS == 0
    assert data["scheduledAt"].endswith(":00Z")


def _move_tick_back(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        asked = "SELECT item_id, body FROM queue WHERE kind = ?"
        ((item_id, raw),) = connection.execute(asked, (ItemKind.CRON.value,)).fetchall()
        body = CronBody.decode(raw)
        moved = msgspec.structs.replace(body, tick_ms=body.tick_ms - 2 * _MINUTE_MS)
        connection.execute(
            "UPDATE queue SET due_ms = ?, body = ? WHERE item_id = ?",
            (moved.tick_ms, moved.encode(), item_id),
        )


def _first_run(client: GoClient) -> str:
    """The run of the tick that was moved; another minute may begin meanwhile."""

    def found() -> list[str]:
        page = client.events(
            start=ZERO_TIME, eventNames=["inngest/scheduled.timer"], includeInternalEvents=True
        )
        return [run["id"] for edge in page["edges"] for run in edge["node"]["runs"]]

    runs = wait_until(found, what="a run of the schedule")
    return min(runs)
