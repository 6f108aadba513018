"""Everything a function can declare, while the server is killed again and again."""

import json
import os
import random
import secrets
import signal
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stepwell.core.status import RunStatus
from tests.e2e import flow_app
from tests.e2e.checkers import read, wait_until_nothing_is_queued
from tests.e2e.flow_app import APP, ARRIVAL, LISTENERS, PARK, SLOW, TIMED, WORK, FlowRecord
from tests.e2e.flow_book import Book
from tests.e2e.flow_checkers import (
    Outcome,
    assert_api_agrees,
    assert_app_agrees,
    assert_cancelled,
    assert_ends,
    assert_nothing_left,
    assert_one_outcome_each,
    assert_replayed,
    outcomes_of,
)
from tests.e2e.flow_limits import (
    Order,
    assert_batches,
    assert_concurrency,
    assert_debounces,
    assert_rate,
    assert_singletons,
    assert_throttle,
)
from tests.e2e.flow_samples import Samples
from tests.e2e.load import Load
from tests.e2e.processes import ServerProcess, Servers, free_port, get, wait_until
from tests.e2e.raw_app_process import RawAppProcess

_KILLS = 6
_BURSTS = 3  # per round
# What a burst leads to at least: events, calls, and runs that end.
_REQUESTS = 4
_EVENTS, _CALLS, _ENDS = 16, 35, 9
_PARKED = 240
# So that a replay takes longer than a server lives.
_REPLAYED_PER_S = 8

_FLAGS = ("--retry-interval", "1")
# What is sent with one request, in turn: the event, how many, and of how many customers.
_BATCHES = ((WORK, 3, 4), (ARRIVAL, 6, 2), (TIMED, 3, 3), (ARRIVAL, 4, 3))


def events_of(number: int) -> list[dict[str, Any]]:
    """The events of a request; their ids say which, and in which order they were sent."""
    name, count, customers = _BATCHES[number % len(_BATCHES)]
    return [
        _event(
            name,
            f"event-{number}-{index}-{SLOW if (number + index) % 3 == 0 else 'quick'}",
            f"c{(number // len(_BATCHES) + index) % customers}",
        )
        for index in range(count)
    ]


def _event(name: str, key: str, customer: str, **data: object) -> dict[str, Any]:
    return {"name": name, "id": key, "data": {"key": key, "customer": customer, **data}}


class Lives:
    """A server that lives many times, at one address and with one database."""

    def __init__(self, servers: Servers, database: Path, draws: random.Random) -> None:
        self._servers = servers
        self._draws = draws
        self._port = free_port()
        self.server = self._start()
        self.app = RawAppProcess(self.server, flow_app)
        self.load = Load(self.server.url, events=events_of)
        self.samples = Samples(database, throttled=f"{APP}-throttled")

    def go_on(self) -> None:
        """Send bursts of events, each when enough has been seen of the one before."""
        for _ in range(_BURSTS):
            acknowledged, counts = len(self.load.acknowledged), self._counts()
            self.load.allow(_REQUESTS)
            match self._draws.randrange(3):
                case 0:
                    self.load.wait_for(acknowledged + self._draws.randint(1, _EVENTS))
                case 1:
                    self.app.wait(calls=counts["calls"] + self._draws.randint(1, _CALLS))
                case _:
                    self.app.wait(ended=counts["ended"] + self._draws.randint(1, _ENDS))

    def kill(self) -> None:
        self.load.pause()
        self.server.kill()
        self._restart()

    def terminate(self) -> None:
        self.server.signal(signal.SIGTERM)
        self.load.pause()
        assert self.server.wait() == 0
        self._restart()

    def stop_and_continue(self) -> None:
        """Stop the server until all that it has asked for is answered, and nobody reads it."""
        self.server.signal(signal.SIGSTOP)
        _, status = os.waitpid(self.server.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        assert get(f"{self.app.url}/idle").status == 200
        self.server.signal(signal.SIGCONT)

    def park(self) -> None:
        """Start runs that only end when they are cancelled, every other one of one half."""
        events = [_event(PARK, f"park-0-{index}", "c0", half=index % 2) for index in range(_PARKED)]
        assert self.server.post("/e/test", events).status == 200

    def cancel(self, half: int) -> None:
        """Begin to cancel one half of the parked runs."""
        self._operate(
            "/v1/cancellations",
            app_id=APP,
            function_id="parked",
            started_before=_date(time.time()),
            **{"if": f"event.data.half == {half}"},
        )

    def replay(self, function: str, **fields: object) -> str:
        """Begin to run again what has ended; the replay's id."""
        now_s = time.time()
        made = self._operate(
            f"/v1/functions/{APP}-{function}/replays",
            **{"from": _date(now_s - 600), "until": _date(now_s + 600), **fields},
        )
        replay_id: str = made["id"]
        return replay_id

    def told(self, path: str) -> Any:
        """What the API says."""
        answer = self.server.get(path)
        assert answer.status == 200, answer
        return answer.json()["data"]

    def is_idle(self) -> bool:
        """Whether the server says that it has nothing to do for any function."""
        return not any(
            queue[name]
            for names in LISTENERS.values()
            for queue in (self.told(f"/v1/functions/{APP}-{function}/queue") for function in names)
            for name in ("runs", "requests", "decisions", "running", "timers", "waiting")
        )

    def problems(self) -> list[dict[str, Any]]:
        """What any of the servers has said that somebody should act on."""
        log = (self.server.directory / "server.log").read_text()
        entries = [json.loads(line) for line in log.splitlines()]
        return [entry for entry in entries if entry["level"] in {"warning", "error"}]

    def close(self) -> None:
        self.samples.close()
        self.load.close()
        self.app.close()

    def _operate(self, path: str, **fields: object) -> Any:
        answer = self.server.post(path, fields)
        assert answer.status == 200, answer
        return answer.json()["data"]

    def _counts(self) -> dict[str, int]:
        counts: dict[str, int] = get(f"{self.app.url}/wait?calls=0&ended=0").json()
        return counts

    def _restart(self) -> None:
        self.server = self._start()
        self.load.resume()

    def _start(self) -> ServerProcess:
        return self._servers.dev(*_FLAGS, port=self._port)


def _date(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat()


@pytest.mark.timeout(120)
def test_limits_hold_and_every_event_has_its_outcome_whatever_happens_to_the_server(
    servers: Servers, tmp_path: Path
) -> None:
    """Limits are never exceeded, no event is lost or counted twice, and operations are exact."""
    seed = secrets.randbits(32)
    sys.stdout.write(f"seed {seed}\n")
    draws = random.Random(seed)
    database = tmp_path / ".stepwell" / "main.db"
    began_s = time.monotonic()

    with closing(Lives(servers, database, draws)) as lives:
        lives.park()
        replays = _live_through(lives, draws)
        lives.load.wait_for(len(_all_events()))
        lives.cancel(1)
        wait_until_nothing_is_queued(database)
        wait_until(lives.is_idle, what="an idle server")
        operations = [lives.told(f"/v1/replays/{replay_id}") for replay_id in replays]
        cancellations = lives.told("/v1/cancellations")
        told: dict[str, list[Outcome]] = {
            event_id: outcomes_of(lives.server, event_id)
            for event_id in lives.load.acknowledged.values()
        }
        record = msgspec.json.decode(get(f"{lives.app.url}/record").body, type=FlowRecord)
        assert lives.server.stop() == 0
        samples = lives.samples.finish()

    book = Book(database, record)
    load = lives.load
    assert lives.problems() == []
    assert_nothing_left(database)
    assert_one_outcome_each(book, load.acknowledged)
    assert_api_agrees(book, told)
    assert_app_agrees(book)
    assert_ends(book)
    assert_cancelled(book, cancellations)
    assert_replayed(book, operations[0], {RunStatus.COMPLETED})
    assert_replayed(book, operations[1], {RunStatus.COMPLETED, RunStatus.CANCELLED})
    most = assert_concurrency(book)
    assert_singletons(book, samples)
    assert_rate(book)
    assert_throttle(book, samples)
    assert_batches(book, Order(load))
    assert_debounces(book)
    sys.stdout.write(
        f"{_KILLS} kills, {len(load.acknowledged)} events ({load.repeated} requests repeated),"
        f" {len(book.runs)} runs, {len(book.skips)} skips, {len(record.booked)} requests,"
        f" most together {most}, {len(samples)} samples, {time.monotonic() - began_s:.1f} s\n"
        f"{_summary(database)}\n"
    )


def _all_events() -> list[dict[str, Any]]:
    return [
        event for number in range((_KILLS + 2) * _BURSTS * _REQUESTS) for event in events_of(number)
    ]


def _live_through(lives: Lives, draws: random.Random) -> list[str]:
    """The rounds, and in some of them an operation that has just begun; the ids of the replays."""
    rounds = [lives.kill] * (_KILLS - 3) + [lives.terminate, lives.stop_and_continue]
    draws.shuffle(rounds)
    replays: list[str] = []

    def replay(function: str, **fields: object) -> None:
        replays.append(lives.replay(function, **fields))

    begins: list[Callable[[], None]] = [
        lambda: lives.cancel(0),
        lambda: replay("batched", statuses=["Completed"], rate_per_second=_REPLAYED_PER_S),
        lambda: replay("replacing", statuses=["Completed", "Cancelled"]),
    ]
    for end_life in rounds[:3]:
        lives.go_on()
        end_life()
    for begin in begins:
        lives.go_on()
        begin()
        lives.kill()
    for end_life in rounds[3:]:
        lives.go_on()
        end_life()
    return replays


def _summary(database: Path) -> str:
    """How runs ended and why events started none, by function."""
    ends = read(
        database,
        "SELECT f.name, r.status, count(*) FROM runs r JOIN functions f ON f.id = r.function_id"
        " GROUP BY 1, 2",
    )
    skips = read(
        database,
        "SELECT f.name, s.reason, count(*) FROM skips s JOIN functions f ON f.id = s.function_id"
        " GROUP BY 1, 2",
    )
    return " ".join(f"{name}:{RunStatus(status).name}={count}" for name, status, count in ends) + (
        " " + " ".join(f"{name}:{reason}={count}" for name, reason, count in skips)
    )
