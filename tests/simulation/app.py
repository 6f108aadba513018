"""The simulated app: functions written with an SDK, behind a network that loses and repeats things.

It is a driver. It reads the bytes of each call and answers with the bytes an SDK would send, so
everything between core and the wire is real.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from stepwell.core.checkpointing import CheckpointRefused
from stepwell.engine.checkpoints import Checkpointed
from stepwell.engine.driver import SdkCall
from stepwell.wire.response import (
    Outcome,
    SdkReply,
    connection_reset,
    read_reply,
    timed_out,
    unreachable,
)
from tests.simulation.faults import Faults
from tests.simulation.outside_world import SECRET, SITE
from tests.simulation.programs import (
    Fetch,
    Found,
    Infer,
    Invoke,
    Progress,
    Run,
    Signal,
    SimulatedFunction,
    Sleep,
    SleepUntil,
    Step,
    Wait,
    hashed,
)
from tests.simulation.virtual_loop import pause

__all__ = ["APP_URL", "Call", "SimulatedApp"]

APP_URL = "http://sim.test/api/inngest"

#: Sends an event (name, data, id or "") until it is acknowledged, as the SDK's client does.
Send = Callable[[str, dict[str, Any], str], Awaitable[object]]
#: Sends the body of a checkpoint for a run; None if there is no answer.
Save = Callable[[str, bytes], Awaitable[Checkpointed | CheckpointRefused | None]]


class Call(msgspec.Struct, frozen=True):
    """A call that reached the app."""

    at_ms: int
    function: str
    run_id: str
    step: str
    attempt: int
    job_id: str
    version: int
    only_plan: bool
    memos: int


class _Reply(msgspec.Struct):
    status: int
    body: bytes
    headers: dict[str, str] = {}


class _Handle:
    def __init__(self) -> None:
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class SimulatedApp:
    """The app, which lives on while servers crash.

    Attributes:
        calls: Every call that reached it.
        executions: The values that bodies of steps gave, by (run, step).
        sent: For (run, step) the memo that calls carried, which must never change.
        events: The ids of the events that calls carried, by run.
        broken: What must never happen and did.
    """

    def __init__(
        self,
        functions: list[SimulatedFunction],
        *,
        random: Random,
        faults: Faults,
        now_ms: Callable[[], int],
        send: Send,
        save: Save,
        note: Callable[[str], None],
    ) -> None:
        self.functions = {function.slug: function for function in functions}
        self.calls: list[Call] = []
        self.executions: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.sent: dict[tuple[str, str], bytes] = {}
        self.events: dict[str, list[str]] = {}
        self.broken: list[str] = []
        self._random = random
        self._faults = faults
        self._now_ms = now_ms
        self._send = send
        self._save = save
        self._note = note
        self._values = 0
        self._attempts: Counter[tuple[str, str]] = Counter()
        self._thrown: Counter[str] = Counter()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._served = 0

    def call(self, call: SdkCall, done: Callable[[Outcome], None]) -> _Handle:
        """`Driver.call` over a network with faults."""
        handle = _Handle()
        self._later(self._deliver(call, done, handle))
        return handle

    def close(self) -> list[asyncio.Task[None]]:
        """Stop everything; returns what to wait for."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        return tasks

    def _end(self, number: int, task: asyncio.Task[None]) -> None:
        del self._tasks[number]
        if not task.cancelled() and (error := task.exception()) is not None:
            self.broken.append(f"the app itself failed: {error!r}")

    async def _deliver(
        self, call: SdkCall, done: Callable[[Outcome], None], handle: _Handle
    ) -> None:
        faults = self._faults
        function = self.functions[parse_qs(urlsplit(call.url).query)["fnId"][0]]
        # Lost calls use up attempts, of which only some functions have plenty.
        is_lossy = function.is_robust and call.attempt < 8
        await pause(faults.network_s())
        if is_lossy and faults.happens("call_lost"):
            await pause(faults.network_s())
            self._report(done, handle, unreachable())
            return
        # The second of two calls would go on with results of its own, which nobody could notice.
        if not function.checkpoints and faults.happens("call_repeated"):
            await self._serve(call, function)
        reply = await self._serve(call, function)
        if is_lossy and faults.happens("answer_lost"):
            await pause(faults.network_s() * 20)
            lost = timed_out(7205) if self._random.random() < 0.5 else connection_reset()
            self._report(done, handle, lost)
            return
        await pause(faults.network_s())
        if is_lossy and faults.happens("proxy_error"):
            reply = _Reply(502, b"<html>Bad gateway</html>", {"content-type": "text/html"})
        elif is_lossy and faults.happens("not_sdk"):
            reply = _Reply(200, b"<html>Welcome</html>", {"content-type": "text/html"})
        elif faults.happens("answer_streamed"):
            reply = _streamed(reply)
        outcome = read_reply(
            SdkReply(reply.status, reply.headers, reply.body), now_ms=self._now_ms()
        )
        self._report(done, handle, outcome)
        if faults.happens("answer_repeated"):
            await pause(faults.network_s())
            self._report(done, handle, outcome)

    def _report(self, done: Callable[[Outcome], None], handle: _Handle, outcome: Outcome) -> None:
        # A cancellation may come too late.
        if not handle.is_cancelled or self._faults.happens("answer_after_cancel"):
            done(outcome)

    async def _serve(self, call: SdkCall, function: SimulatedFunction) -> _Reply:
        target = call.step_id
        body = msgspec.json.decode(call.body)
        context = body["ctx"]
        self._check(call, body)
        self.calls.append(
            Call(
                self._now_ms(),
                function.name,
                call.run_id,
                target,
                context["attempt"],
                call.job_id,
                body["version"],
                context["disable_immediate_execution"],
                len(body["steps"]),
            )
        )
        self._note(f"call {call.run_id} {target[:6]} {context['attempt']} {len(body['steps'])}")
        memos = {key: body["steps"][key] for key in context["stack"]["stack"]}
        progress = Progress.of(function.program.nodes, memos)
        if target != "step":
            reply = await self._targeted(call, body, progress, target)
        elif function.checkpoints and not context["disable_immediate_execution"]:
            reply = await self._checkpointed(call, body, function, memos)
        elif progress.error is not None:
            reply = _thrown(progress.error, no_retry=True)
        elif progress.is_done:
            reply = self._returned(call, function, progress)
        else:
            reply = await self._discovered(call, body, progress)
        reply.headers |= {
            "x-inngest-sdk": "inngest-sim:v1.0.0",
            "x-inngest-req-version": str(function.version),
        }
        return reply

    def _check(self, call: SdkCall, body: dict[str, Any]) -> None:
        events = [event["id"] for event in body["events"]]
        if (
            self.events.setdefault(call.run_id, events) != events
            or events[0] != body["event"]["id"]
        ):
            self.broken.append(f"run {call.run_id}: the events of a call changed to {events}")
        stack = body["ctx"]["stack"]["stack"]
        if set(stack) != body["steps"].keys() or len(stack) != len(set(stack)):
            self.broken.append(f"run {call.run_id}: stack and steps of a call differ")
        raw = msgspec.json.decode(call.body, type=dict[str, msgspec.Raw])
        for step, text in msgspec.json.decode(raw["steps"], type=dict[str, msgspec.Raw]).items():
            memo = bytes(text)
            known = self.sent.setdefault((call.run_id, step), memo)
            if known != memo:
                self.broken.append(
                    f"run {call.run_id}: the result of {step} changed from {known!r} to {memo!r}"
                )

    def _returned(self, call: SdkCall, function: SimulatedFunction, progress: Progress) -> _Reply:
        program = function.program
        if self._thrown[call.run_id] < program.throws:
            self._thrown[call.run_id] += 1
            error = {"name": "Error", "message": f"{function.name} threw"}
            return _thrown(error, no_retry=program.no_retry)
        return _Reply(200, msgspec.json.encode(progress.values))

    async def _targeted(
        self, call: SdkCall, body: dict[str, Any], progress: Progress, target: str
    ) -> _Reply:
        for found in progress.found:
            if hashed(found.step.id) == target and isinstance(found.step, Run):
                return await self._run(call, body, found)
        error = {"name": "Error", "message": f"Could not find step {target}"}
        return _thrown(error, no_retry=False)

    async def _discovered(self, call: SdkCall, body: dict[str, Any], progress: Progress) -> _Reply:
        found = progress.found
        if len(found) == 1 and not body["ctx"]["disable_immediate_execution"]:
            (only,) = found
            if isinstance(only.step, Run):
                return await self._run(call, body, only)
        return _opcodes([self._asked(each, body) for each in found])

    async def _checkpointed(
        self,
        call: SdkCall,
        body: dict[str, Any],
        function: SimulatedFunction,
        memos: dict[str, Any],
    ) -> _Reply:
        """Go on as long as there is one step after the other that can be run here."""
        unsaved: list[dict[str, Any]] = []
        while True:
            progress = Progress.of(function.program.nodes, memos)
            found = progress.found
            if len(found) != 1 or not isinstance(found[0].step, Run):
                break
            reply = await self._run(call, body, found[0])
            (opcode,) = msgspec.json.decode(reply.body)
            if opcode["op"] != "StepRun":
                return _opcodes(unsaved) if unsaved else reply
            unsaved.append(opcode)
            if await self._checkpoint(call, body, unsaved):
                unsaved.clear()
            memos[opcode["id"]] = {"data": opcode["data"]}
        if unsaved:
            return _opcodes(unsaved)
        if progress.error is not None:
            return _thrown(progress.error, no_retry=True)
        if progress.is_done:
            return self._returned(call, function, progress)
        return _opcodes([self._asked(each, body) for each in found])

    async def _checkpoint(
        self, call: SdkCall, body: dict[str, Any], opcodes: list[dict[str, Any]]
    ) -> bool:
        """Report results while the call goes on; whether they are certainly taken over."""
        context, faults = body["ctx"], self._faults
        report = {
            "run_id": call.run_id,
            "steps": opcodes,
            "qi_id": context["qi_id"],
            "generation_id": context["generation_id"],
        }
        encoded = msgspec.json.encode(report)
        if faults.happens("checkpoint_late"):
            self._later(self._save_late(call.run_id, encoded))
        answer = await self._save(call.run_id, encoded)
        if faults.happens("checkpoint_repeated"):
            answer = await self._save(call.run_id, encoded)
        return answer is Checkpointed.SAVED

    async def _save_late(self, run_id: str, encoded: bytes) -> None:
        await pause(self._random.random() * 30)
        await self._save(run_id, encoded)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        self._served += 1
        number = self._served
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[number] = task
        task.add_done_callback(lambda task: self._end(number, task))

    def _asked(self, found: Found, body: dict[str, Any]) -> dict[str, Any]:
        """The opcode that asks the server for a step."""
        step = found.step
        match step:
            case Run():
                return _opcode("StepPlanned", found, {"type": "step.run"})
            case Sleep():
                return _opcode("Sleep", found, {}, name=step.duration)
            case SleepUntil():
                until = datetime.fromtimestamp(body["event"]["ts"] / 1000 + step.after_s, UTC)
                return _opcode("Sleep", found, {}, name=f"{until:%Y-%m-%dT%H:%M:%S}.000Z")
            case Wait():
                condition = "event.data.key == async.data.key" if step.by_key else None
                waiting = {"event": step.event, "timeout": step.timeout, "if": condition}
                return _opcode("WaitForEvent", found, waiting)
            case Invoke():
                data = body["event"]["data"]
                payload = {"data": {"key": data.get("key", "none"), "n": data.get("n", 0)}}
                opts: dict[str, Any] = {"function_id": step.function, "payload": payload}
                if step.timeout:
                    opts["timeout"] = step.timeout
                return _opcode("InvokeFunction", found, opts)
            case Signal():
                name = f"{step.name}/{body['event']['data'].get('key', 'none')}"
                conflict = "replace" if step.replaces else "fail"
                waiting = {"signal": name, "timeout": step.timeout, "conflict": conflict}
                return _opcode("WaitForSignal", found, waiting)
            case Fetch():
                url = f"{SITE}/{body['ctx']['run_id']}/{step.id}"
                return _opcode("Gateway", found, {"url": url, "method": "GET"})
            case Infer():
                asked = {
                    "url": f"{SITE}/{body['ctx']['run_id']}/{step.id}",
                    "format": "openai-chat",
                    "auth_key": SECRET,
                    "body": {"model": "sim", "messages": []},
                }
                return _opcode("AIGateway", found, asked)

    async def _run(self, call: SdkCall, body: dict[str, Any], found: Found) -> _Reply:
        """Run the body of a step."""
        step = found.step
        assert isinstance(step, Run)
        place = (call.run_id, hashed(step.id))
        self._attempts[place] += 1
        is_stuck = step.stuck_with and step.stuck_with == body["event"]["data"].get("key")
        if is_stuck or step.takes_s:
            await pause(3_600.0 if is_stuck else step.takes_s)
        if self._attempts[place] <= step.fails:
            return self._raised(found, body["ctx"])
        if step.sends:
            event_id = f"{call.run_id}/{step.id}" if step.sends_once else ""
            key = body["event"]["data"].get("key", "none")
            await self._send(step.sends, {"key": key}, event_id)
        self._values += 1
        value = f"{step.id}#{self._values}"
        self.executions[place].append(value)
        return _opcodes([_opcode("StepRun", found, {"type": "step.run"}, data=value)])

    def _raised(self, found: Found, context: Mapping[str, Any]) -> _Reply:
        step = found.step
        assert isinstance(step, Run)
        is_last = context["attempt"] + 1 >= context["max_attempts"]
        opcode = _opcode(
            "StepFailed" if is_last or step.no_retry else "StepError",
            found,
            {"type": "step.run"},
            error={"name": "StepRaised", "message": f"{step.id} raised", "stack": "at line 1"},
        )
        reply = _opcodes([opcode])
        reply.headers["x-inngest-no-retry"] = "true" if step.no_retry or is_last else "false"
        if step.retry_after_s:
            reply.headers["retry-after"] = str(step.retry_after_s)
        return reply


def _opcode(
    op: str, found: Found, opts: dict[str, Any], *, name: str = "", **more: Any
) -> dict[str, Any]:
    step: Step = found.step
    if found.race:
        opts = {**opts, "parallelMode": "race"}
    return {
        "op": op,
        "id": hashed(step.id),
        "name": name or step.id,
        "displayName": step.id,
        "userland": {"id": step.id, "index": 0},
        "opts": opts,
        **more,
    }


def _opcodes(opcodes: list[dict[str, Any]]) -> _Reply:
    return _Reply(206, msgspec.json.encode(opcodes), {})


def _thrown(error: Mapping[str, Any], *, no_retry: bool) -> _Reply:
    body = {"name": error["name"], "message": error["message"], "stack": "at line 2"}
    headers = {"x-inngest-no-retry": "true" if no_retry else "false"}
    return _Reply(400 if no_retry else 500, msgspec.json.encode(body), headers)


def _streamed(reply: _Reply) -> _Reply:
    """The same answer as SDKs send it after they kept the connection alive."""
    envelope = {"status": reply.status, "headers": reply.headers, "body": reply.body.decode()}
    return _Reply(201, b"  \n" + msgspec.json.encode(envelope), {})
