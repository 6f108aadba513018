"""An app whose functions declare limits, and which keeps a book of every request it was made.

Times are those of the wall clock, in ns since 1970, so that they can be compared with what the
server has recorded.
"""

import asyncio
import contextlib
import http.client
import time
import urllib.error
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

from tests.e2e.raw_app import (
    Call,
    NoAnswerError,
    Program,
    RawApp,
    Record,
    RunRecord,
    Sleeps,
    Step,
    hashed,
    main,
    opcode,
    post,
)

APP = "flow"
WORK, ARRIVAL, TIMED, PARK = "flow/work", "flow/arrival", "flow/timed", "flow/park"

KEY = "event.data.customer"
KEYED_LIMIT = 2
FUNCTION_LIMIT = 5
RUNS_LIMIT = 2
THROTTLE_LIMIT, THROTTLE_BURST, THROTTLE_PERIOD_MS = 2, 1, 1000
RATE_LIMIT, RATE_PERIOD_MS = 20, 4000
DEBOUNCE_MS, DEBOUNCE_LONGEST_MS = 1000, 3000
BATCH_SIZE, BATCH_MS = 5, 1000
START_MS, FINISH_MS = 1000, 1000

#: In the keys of events for which `finishing` takes longer than it may.
SLOW = "slow"
#: Longer than any test.
_FOREVER = "1h"
# The server counts its calls in the lower bits and its lives in the higher ones.
_COUNT_BITS = 32


class Takes(Step, frozen=True):
    """A step whose body needs some time."""

    time_ms: int = 0


class Naps(Sleeps, frozen=True):
    """A sleep."""

    time: str = ""


class Fetches(Sleeps, frozen=True):
    """A request that the server makes, to this app."""


class Listens(Sleeps, frozen=True):
    """A step that waits for the signal of `Signals`."""


class Signals(Step, frozen=True):
    """A step whose body sends the signal that the run waits for."""


_SINGLETON: Program = [[Step("one")], [Naps("nap", "300ms")], [Step("two")]]
PROGRAMS: dict[str, Program] = {
    "keyed": [[Takes("one", 40)], [Fetches("fetch")], [Takes("two", 40)]],
    "pool": [[Takes("one", 10)], [Naps("nap", "150ms")], [Takes("two", 10)]],
    "throttled": [[Step("one")]],
    "rated": [[Step("one")]],
    "debounced": [[Step("one")]],
    "batched": [[Step("one")], [Step("two")]],
    "skipping": _SINGLETON,
    "replacing": _SINGLETON,
    "starting": [[Takes("one", 150)]],
    "finishing": [[Step("one")], [Naps("nap", "50ms")], [Step("two")]],
    "signalled": [[Listens("signal"), Signals("ask")]],
    "parked": [[Naps("forever", _FOREVER)]],
}
#: What the functions declare.
OPTIONS: dict[str, dict[str, Any]] = {
    "keyed": {"concurrency": [{"limit": KEYED_LIMIT, "key": KEY}, {"limit": FUNCTION_LIMIT}]},
    "pool": {"concurrency": {"fn": [{"limit": RUNS_LIMIT, "key": KEY}]}},
    "throttled": {
        "throttle": {
            "limit": THROTTLE_LIMIT,
            "burst": THROTTLE_BURST,
            "period": f"{THROTTLE_PERIOD_MS}ms",
            "key": KEY,
        }
    },
    "rated": {"rateLimit": {"limit": RATE_LIMIT, "period": f"{RATE_PERIOD_MS}ms", "key": KEY}},
    "debounced": {
        "debounce": {
            "period": f"{DEBOUNCE_MS}ms",
            "timeout": f"{DEBOUNCE_LONGEST_MS}ms",
            "key": KEY,
        }
    },
    "batched": {"batchEvents": {"maxSize": BATCH_SIZE, "timeout": f"{BATCH_MS}ms", "key": KEY}},
    "skipping": {"singleton": {"mode": "skip", "key": KEY}},
    "replacing": {"singleton": {"mode": "cancel", "key": KEY}},
    "starting": {"concurrency": 1, "timeouts": {"start": f"{START_MS}ms"}},
    "finishing": {"timeouts": {"finish": f"{FINISH_MS}ms"}},
    "signalled": {},
    "parked": {},
}
#: Which functions each event starts.
LISTENERS = {
    WORK: ("keyed", "pool", "throttled"),
    ARRIVAL: ("rated", "debounced", "batched", "skipping", "replacing"),
    TIMED: ("starting", "finishing", "signalled"),
    PARK: ("parked",),
}
_FETCH_S = 0.04


class Booked(msgspec.Struct, frozen=True):
    """A request of the server, from its arrival until the answer was about to be sent.

    Attributes:
        function: What it was made for.
        incarnation: Which life of the server made it.
    """

    function: str
    run_id: str
    incarnation: int
    began_ns: int
    ended_ns: int


class FlowRecord(Record):
    """What this app has done and was told.

    Attributes:
        booked: All requests that have been answered.
        batches: Keys of the events of each run.
    """

    booked: list[Booked] = msgspec.field(default_factory=list)
    batches: dict[str, list[str]] = msgspec.field(default_factory=dict)


class FlowApp(RawApp):
    """The functions, and the record of what happened to them."""

    name = APP
    programs = PROGRAMS

    def __init__(self, server_url: str) -> None:
        super().__init__(server_url)
        self.record: FlowRecord = FlowRecord()
        self._url = ""
        self._under_way = 0
        # Of these, how many wait for the server themselves.
        self._asking = 0
        # The latest call; steps are reported before the next one is looked at.
        self._latest = ("", 0)
        # Runs whose signal may have been received, though nobody was told.
        self._signalled: set[str] = set()

    async def other(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        if path == "/fetched":
            return await self._fetched(query["run"], int(query["incarnation"]))
        if path == "/idle":
            async with self._changed:
                await self._changed.wait_for(lambda: self._under_way <= self._asking)
            return 200, None
        return await super().other(path, query)

    def registration(self, url: str) -> dict[str, Any]:
        self._url = url
        functions = [
            {
                "id": f"{APP}-{name}",
                "name": name,
                "triggers": [{"event": event}],
                "steps": {
                    "step": {
                        "id": "step",
                        "name": "step",
                        "runtime": {"type": "http", "url": f"{url}?fnId={APP}-{name}&stepId=step"},
                        "retries": {"attempts": 20},
                    }
                },
                **OPTIONS[name],
            }
            for event, names in LISTENERS.items()
            for name in names
        ]
        return {
            "v": "0.1",
            "deployType": "ping",
            "url": url,
            "sdk": "py:v0.5.18",
            "framework": "none",
            "appName": APP,
            "functions": functions,
        }

    async def _called(self, function: str, step_id: str, call: Call) -> tuple[int, Any]:
        run_id = call.ctx.run_id
        self._note_batch(run_id, call)
        incarnation = call.ctx.generation_id >> _COUNT_BITS
        self._latest = run_id, incarnation
        with self._booked(function, run_id, incarnation):
            answer = await super()._called(function, step_id, call)
        await self._notify()
        return answer

    def _note_batch(self, run_id: str, call: Call) -> None:
        keys = [event.data["key"] for event in call.events]
        known = self.record.batches.setdefault(run_id, keys)
        if known != keys:
            self._violated(run_id, f"had the events {known}, has {keys}")

    @contextlib.contextmanager
    def _booked(self, function: str, run_id: str, incarnation: int) -> Iterator[None]:
        began_ns = time.time_ns()
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            booked = Booked(function, run_id, incarnation, began_ns, time.time_ns())
            self.record.booked.append(booked)

    async def _fetched(self, run_id: str, incarnation: int) -> tuple[int, Any]:
        run = self.record.runs[run_id]
        with self._booked(run.function, run_id, incarnation):
            await _passed(_FETCH_S)
            value = f"{run.function}.fetch {next(self._values)}"
            run.produced.setdefault(hashed(Fetches("fetch")), []).append(value)
        await self._notify()
        return 200, value

    async def _executed(self, run: RunRecord, step: Step) -> dict[str, Any]:
        if isinstance(step, Takes):
            await _passed(step.time_ms / 1000)
        answer = await super()._executed(run, step)
        if isinstance(step, Signals):
            await self._signal(run, answer["data"])
        return answer

    async def _signal(self, run: RunRecord, value: str) -> None:
        """Send the run's signal, until the step that waits for it has it."""
        run.produced.setdefault(hashed(Listens("signal")), []).append(value)
        signal = {"signal": _signal_name(run), "data": {"value": value}}
        self._asking += 1
        await self._notify()
        try:
            await asyncio.to_thread(post, f"{self._server_url}/v1/signals", signal)
        except (OSError, http.client.HTTPException) as error:
            if not isinstance(error, urllib.error.HTTPError) or error.code != 404:
                self._signalled.add(run.key)
                raise NoAnswerError from error
            if run.key not in self._signalled:
                self._violated(run.key, "nobody waits for the signal that was never sent")
        finally:
            self._asking -= 1
        self._signalled.add(run.key)

    def _reported(self, run: RunRecord, step: Step) -> dict[str, Any]:
        match step:
            case Naps():
                return {**opcode("Sleep", step), "name": _nap(run, step)}
            case Fetches():
                return {**opcode("Gateway", step), "opts": {"url": self._fetch_url()}}
            case Listens():
                options = {"signal": _signal_name(run), "timeout": _FOREVER}
                return {**opcode("WaitForSignal", step), "opts": options}
            case _:
                return super()._reported(run, step)

    def _fetch_url(self) -> str:
        """Names the life of the server that is told; a request does not outlive that."""
        run_id, incarnation = self._latest
        query = urlencode({"run": run_id, "incarnation": incarnation})
        return urlsplit(self._url)._replace(path="/fetched", query=query).geturl()


def _nap(run: RunRecord, step: Naps) -> str:
    return _FOREVER if run.function == "finishing" and SLOW in run.key else step.time


def _signal_name(run: RunRecord) -> str:
    return f"{APP}/{run.key}"


async def _passed(seconds: float) -> None:
    """What a body takes that has something to do; no test waits for it to be over."""
    over = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, over.set)
    await over.wait()


if __name__ == "__main__":
    main(FlowApp)
