"""The functions of the benchmark app, answering in the SDK protocol without an SDK."""

import hashlib
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import Raw, Struct

from bench.ledger import Ledger, Run

APP = "bench"
STEPS = 10
BRANCHES = 100
#: One more would be more than a run may have.
MANY_STEPS = 999
RETRIES = 3
WAKE_EVENT = "bench/wake"
EVENT_OF = {
    "noop": "bench/noop",
    "ten-steps": "bench/ten-steps",
    "many-steps": "bench/many-steps",
    "fanout-100": "bench/fanout-100",
    "sleeper": "bench/sleeper",
    "waiter": "bench/waiter",
    "keyed": "bench/keyed",
}
#: Between the name of a function and the number of a copy of it.
_COPY = "-copy-"
#: Calls of one tenant under way at the same time.
TENANT_LIMIT = 5
NO_COPIES: Mapping[str, str] = MappingProxyType({})
_OPTIONS: dict[str, dict[str, object]] = {
    "keyed": {"concurrency": [{"limit": TENANT_LIMIT, "key": "event.data.tenant"}]},
}

_SDK = "py:v0.5.18"
_HEAD = (
    "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nx-inngest-sdk: inngest-" + _SDK + "\r\n"
    "x-inngest-req-version: 2\r\ncontent-length: {length}\r\n\r\n"
)


def http_answer(status: str, body: bytes) -> bytes:
    """A complete HTTP response with the headers every SDK answer has."""
    return _HEAD.format(status=status, length=len(body)).encode() + body


def _opcodes(*opcodes: Mapping[str, object]) -> bytes:
    return http_answer("206 Partial Content", msgspec.json.encode(opcodes))


def _hashed(name: str) -> str:
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()


def _step(step_id: str, name: str, result: int) -> bytes:
    return _opcodes(
        {"op": "StepRun", "id": step_id, "name": name, "displayName": name, "data": result}
    )


class _Data(Struct):
    s: str = ""
    i: int = -1
    t: int = 0
    nap: str = "30d"
    shared: bool = False


class _Event(Struct):
    data: _Data | None = None


class _Context(Struct):
    run_id: str
    attempt: int = 0
    disable_immediate_execution: bool = False


class _Call(Struct):
    event: _Event
    ctx: _Context
    steps: dict[str, Raw] = {}


class _Memo(Struct):
    data: Raw = Raw()


class _Endpoint(Struct, frozen=True):
    function: str
    step_id: str | None


_DONE = http_answer("200 OK", b"null")
_UNREADABLE = http_answer(
    "500 Internal Server Error", b'{"name":"Error","message":"request not understood"}'
)
_TEN = [_hashed(f"step {index}") for index in range(STEPS)]
_TEN_ANSWERS = [_step(step_id, f"step {index}", index) for index, step_id in enumerate(_TEN)]
_MANY = [_hashed(f"of many {index}") for index in range(MANY_STEPS)]
_BRANCH = [_hashed(f"branch {index}") for index in range(BRANCHES)]
_RESULT_OF = {step_id: index for ids in (_TEN, _MANY, _BRANCH) for index, step_id in enumerate(ids)}
_BRANCH_ANSWERS = {
    step_id: _step(step_id, f"branch {index}", index) for index, step_id in enumerate(_BRANCH)
}
_NAP = _hashed("nap")
_WAIT = _hashed("wait")
_SAME_INDEX = "event.data.i == async.data.i"
_SAME_SESSION = "event.data.s == async.data.s"


def _wait(condition: str) -> bytes:
    options = {"event": WAKE_EVENT, "timeout": "1h", "if": condition}
    wait = {"op": "WaitForEvent", "id": _WAIT, "name": WAKE_EVENT, "displayName": "wait"}
    return _opcodes({**wait, "opts": options})


_WAIT_ANSWER = _wait(_SAME_INDEX)
# Every waiting run has the first value in common; only the second tells them apart.
_WAIT_SHARED_ANSWER = _wait(f"{_SAME_SESSION} && {_SAME_INDEX}")


def _planned(step_ids: list[str]) -> bytes:
    return _opcodes(
        *(
            {"op": "StepPlanned", "id": step_id, "name": step_id, "displayName": step_id}
            for step_id in step_ids
        )
    )


_ALL_PLANNED = _planned(_BRANCH)


class Functions:
    """Answers calls and books them in the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._decode = msgspec.json.Decoder(_Call).decode
        self._decode_memo = msgspec.json.Decoder(_Memo).decode
        self._decode_event = msgspec.json.Decoder(_Event).decode
        self._endpoints: dict[bytes, _Endpoint] = {}
        self._naps: dict[str, bytes] = {}
        self._answers: dict[str, Callable[[Run, _Call, str | None, int], bytes]] = {
            "noop": self._noop,
            "ten-steps": self._ten_steps,
            "many-steps": self._many_steps,
            "fanout-100": self._fanout,
            "sleeper": self._sleeper,
            "waiter": self._waiter,
            "keyed": self._noop,
        }

    def answer(self, url: bytes, body: bytes, now_ns: int) -> tuple[bytes, Run | None]:
        """The answer to one call, and the run it belongs to if that is being measured."""
        endpoint = self._endpoints.get(url)
        if endpoint is None:
            endpoint = self._endpoints[url] = _endpoint(url)
        function = self._answers.get(endpoint.function)
        try:
            call = self._decode(body)
        except msgspec.DecodeError:
            return _UNREADABLE, None
        if function is None:
            return _UNREADABLE, None
        data = call.event.data
        if data is None or data.s != self._ledger.session:
            return _DONE, None
        run = self._ledger.run(
            call.ctx.run_id, data.i, data.t, attempt=call.ctx.attempt, now_ns=now_ns
        )
        if run is None:
            return _DONE, None
        return function(run, call, endpoint.step_id, now_ns), run

    def _noop(self, run: Run, _call: _Call, _step_id: str | None, now_ns: int) -> bytes:
        self._ledger.end(run, now_ns=now_ns)
        return _DONE

    def _ten_steps(self, run: Run, call: _Call, step_id: str | None, now_ns: int) -> bytes:
        done = len(call.steps)
        if step_id is not None:
            index = _RESULT_OF[step_id]
        elif done < STEPS:
            index = next(i for i in range(STEPS) if _TEN[i] not in call.steps)
            if call.ctx.disable_immediate_execution:
                return _planned([_TEN[index]])
        else:
            self._check_results(run, call)
            self._ledger.end(run, now_ns=now_ns)
            return _DONE
        self._ledger.step(run, _TEN[index], index, now_ns=now_ns)
        return _TEN_ANSWERS[index]

    def _many_steps(self, run: Run, call: _Call, _step_id: str | None, now_ns: int) -> bytes:
        done = len(call.steps)
        if done == MANY_STEPS:
            self._check_results(run, call)
            self._ledger.end(run, now_ns=now_ns)
            return _DONE
        self._ledger.step(run, _MANY[done], done, now_ns=now_ns)
        return _step(_MANY[done], f"of many {done}", done)

    def _fanout(self, run: Run, call: _Call, step_id: str | None, now_ns: int) -> bytes:
        if step_id is not None:
            self._ledger.step(run, step_id, _RESULT_OF[step_id], now_ns=now_ns)
            if len(run.executed) == BRANCHES:
                self._ledger.joined(run)
            return _BRANCH_ANSWERS[step_id]
        if not call.steps:
            self._ledger.planned(run)
            return _ALL_PLANNED
        missing = [branch for branch in _BRANCH if branch not in call.steps]
        if missing:
            return _planned(missing)
        self._check_results(run, call)
        self._ledger.end(run, now_ns=now_ns)
        return _DONE

    def _sleeper(self, run: Run, call: _Call, _step_id: str | None, now_ns: int) -> bytes:
        if _NAP in call.steps:
            self._ledger.end(run, now_ns=now_ns)
            return _DONE
        self._ledger.parked(run)
        duration = call.event.data.nap if call.event.data else "30d"
        answer = self._naps.get(duration)
        if answer is None:
            nap = {"op": "Sleep", "id": _NAP, "name": duration, "displayName": "nap"}
            answer = self._naps[duration] = _opcodes({**nap, "opts": {"duration": duration}})
        return answer

    def _waiter(self, run: Run, call: _Call, _step_id: str | None, now_ns: int) -> bytes:
        memo = call.steps.get(_WAIT)
        if memo is None:
            self._ledger.parked(run)
            shared = call.event.data is not None and call.event.data.shared
            return _WAIT_SHARED_ANSWER if shared else _WAIT_ANSWER
        event = self._decode_event(memo) if bytes(memo) != b"null" else _Event()
        if event.data is None or event.data.i != run.event_index:
            self._ledger.wrong_result()
        else:
            self._ledger.resumed(event.data.t, now_ns=now_ns)
        self._ledger.end(run, now_ns=now_ns)
        return _DONE

    def _check_results(self, run: Run, call: _Call) -> None:
        for step_id, memo in call.steps.items():
            if bytes(self._decode_memo(memo).data) != b"%d" % run.executed.get(step_id, -1):
                self._ledger.wrong_result()


def _endpoint(url: bytes) -> _Endpoint:
    query = parse_qs(urlsplit(url.decode()).query)
    slug = query.get("fnId", [""])[0]
    step_id = query.get("stepId", ["step"])[0]
    # The composite id, or the function's own id where a server sends only that.
    function, _, _ = slug.removeprefix(f"{APP}-").partition(_COPY)
    return _Endpoint(function, None if step_id == "step" else step_id)


def copies_of(function: str, count: int) -> dict[str, str]:
    """So many functions that do the same, and the event of each."""
    return {
        f"{function}{_COPY}{number}": f"{EVENT_OF[function]}{_COPY}{number}"
        for number in range(count)
    }


def registration(app_url: str, copies: Mapping[str, str] = NO_COPIES) -> bytes:
    """Body of the request that registers the app's functions at a server.

    Source: SDK protocol, 4.3.
    """
    functions = [
        {
            "id": f"{APP}-{function}",
            "name": function,
            "triggers": [{"event": event}],
            **_OPTIONS.get(function, {}),
            "steps": {
                "step": {
                    "id": "step",
                    "name": "step",
                    "runtime": {
                        "type": "http",
                        "url": f"{app_url}?fnId={APP}-{function}&stepId=step",
                    },
                    "retries": {"attempts": RETRIES},
                }
            },
        }
        for function, event in {**EVENT_OF, **copies}.items()
    ]
    return msgspec.json.encode(
        {
            "v": "0.1",
            "deployType": "ping",
            "url": app_url,
            "sdk": _SDK,
            "framework": "bench",
            "appName": APP,
            "functions": functions,
            "capabilities": {},
        }
    )


def answered(run: Run) -> None:
    """Note that the answer of a call has been handed to the kernel."""
    run.answered_ns = time.monotonic_ns()
