"""The database of a running server: copied under load, restored elsewhere, looked at, and kept small."""

import json
import subprocess
import sys
import urllib.request
from contextlib import closing
from pathlib import Path

from tests.e2e.clocks import SetClock
from tests.e2e.load import Load
from tests.e2e.processes import Servers, wait_until

_LIMIT_S = 60.0
_BEFORE = 60
_DURING = 60


def _db(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What a command comes to."""
    return subprocess.run(
        [sys.executable, "-m", "stepwell", "db", *arguments],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )


def _lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, object]]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_backup_under_load_has_everything_accepted_before_it_began(
    servers: Servers, tmp_path: Path
) -> None:
    """And the server it is restored to has it, and goes on from there."""
    server = servers.dev()
    copy, elsewhere = tmp_path / "copy.db", tmp_path / "elsewhere"
    elsewhere.mkdir()
    with closing(Load(server.url)) as load:
        load.allow(_BEFORE)
        load.wait_for(_BEFORE)
        accepted = set(load.acknowledged.values())
        load.allow(_DURING)
        backed_up = _db(tmp_path, "backup", str(copy), "--json")
        load.wait_for(_BEFORE + _DURING)

    assert backed_up.returncode == 0, backed_up.stderr
    assert copy.stat().st_mode & 0o777 == 0o600
    restored = _db(elsewhere, "restore", str(copy), "--json")
    assert restored.returncode == 0, restored.stderr
    found = {str(event["internal_id"]) for event in _lines(_db(elsewhere, "export", "events"))}
    assert len(accepted) == _BEFORE
    assert found >= accepted
    assert _lines(_db(elsewhere, "export", "runs")) == []

    server.stop()
    again = servers("dev", "--no-discovery", directory=elsewhere).wait_until_healthy()
    known = {event["internal_id"] for event in again.get("/v1/events?limit=100").json()["data"]}
    assert again.send("e2e/after") not in known


def test_a_running_server_is_not_written_past(servers: Servers, tmp_path: Path) -> None:
    server = servers.dev()
    event_id = server.send("e2e/before")
    _db(tmp_path, "backup", "copy.db")

    refused = [_db(tmp_path, *each) for each in (("vacuum",), ("migrate",), ("restore", "copy.db"))]

    assert [each.returncode for each in refused] == [1, 1, 1]
    assert all("SW2003" in each.stderr for each in refused)
    told = json.loads(_db(tmp_path, "status", "--json").stdout)
    assert (told["is_held"], told["holder"]) == (True, str(server.process.pid))
    assert server.get(f"/v1/events/{event_id}").status == 200


def test_what_is_old_is_deleted_and_counted(servers: Servers, tmp_path: Path) -> None:
    """With the shortest time there is, which a running server can be given; it has passed."""
    clock = SetClock(tmp_path)
    server = servers.dev("--json", environ=clock.environ)
    event_id = server.send("e2e/old")
    clock.set(wrong_by_s=61)

    request = urllib.request.Request(
        f"{server.url}/v1/retention", data=b'{"events":"1m"}', method="PUT"
    )
    with urllib.request.urlopen(request, timeout=_LIMIT_S) as answer:
        assert answer.status == 200

    wait_until(
        lambda: server.get(f"/v1/events/{event_id}").status == 404,
        what="deletion of the event",
    )
    assert server.entry("retention.deleted")["events"] >= 1
    last = server.get("/v1/retention").json()["data"]["last_pass"]
    assert last["deleted"]["events"] >= 1
    metrics = server.get("/metrics").body.decode()
    assert 'stepwell_retention_deleted_rows_total{kind="events"}' in metrics
