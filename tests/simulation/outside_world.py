"""What steps fetch from: sites that are slow, refuse, and are lost on the way."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable
from random import Random
from urllib.parse import urlsplit

import msgspec

from stepwell.core.steps.requested import RequestFailed, RequestReply, RequestResult
from stepwell.engine.gateways import GatewayRequest
from tests.simulation.faults import Faults
from tests.simulation.programs import Fetch, Infer, SimulatedFunction, nodes_of
from tests.simulation.virtual_loop import pause

__all__ = ["SECRET", "SITE", "OutsideWorld", "Request", "asked_for"]

SITE = "http://site.test"
#: What no row of the database may contain.
SECRET = "sk-simulated-credential"


class Request(msgspec.Struct, frozen=True):
    """A request that reached a site."""

    at_ms: int
    run_id: str
    step: str


class _Handle:
    def __init__(self) -> None:
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


def asked_for(url: str) -> tuple[str, str]:
    """The run and the step for which a request is made; programs put them into its URL."""
    _, run_id, step = urlsplit(url).path.split("/")
    return run_id, step


class OutsideWorld:
    """Sites, which live on while servers crash. It is a gateway client.

    Attributes:
        requests: Every request that reached a site.
        answers: What was answered for (run, step).
        broken: What must never happen and did.
    """

    def __init__(
        self,
        functions: list[SimulatedFunction],
        *,
        random: Random,
        faults: Faults,
        now_ms: Callable[[], int],
        note: Callable[[str], None],
    ) -> None:
        self._steps = {
            (step.id): (function, step)
            for function in functions
            for step in nodes_of(function.program.nodes).values()
            if isinstance(step, Fetch | Infer)
        }
        self.requests: list[Request] = []
        self.answers: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.broken: list[str] = []
        self._random = random
        self._faults = faults
        self._now_ms = now_ms
        self._note = note
        self._count = 0
        self._attempts: Counter[tuple[str, str]] = Counter()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._sent = 0

    def send(self, request: GatewayRequest, done: Callable[[RequestResult], None]) -> _Handle:
        """`GatewayClient.send` over a network with faults."""
        handle = _Handle()
        self._sent += 1
        number = self._sent
        task = asyncio.get_running_loop().create_task(self._deliver(request, done, handle))
        self._tasks[number] = task
        task.add_done_callback(lambda task: self._end(number, task))
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
            self.broken.append(f"a site itself failed: {error!r}")

    async def _deliver(
        self, request: GatewayRequest, done: Callable[[RequestResult], None], handle: _Handle
    ) -> None:
        faults = self._faults
        run_id, step_id = asked_for(request.url)
        function, step = self._steps[step_id]
        is_lossy = function.is_robust and self._attempts[run_id, step_id] < _LOSSES_MAX
        await pause(faults.network_s())
        result: RequestResult
        if is_lossy and faults.happens("gateway_unreachable"):
            result = RequestFailed("no connection to site.test")
        else:
            result = await self._answer(request, run_id, step)
            if is_lossy and faults.happens("gateway_unanswered"):
                result = RequestFailed("site.test did not answer in time")
        await pause(faults.network_s())
        if not handle.is_cancelled or faults.happens("answer_after_cancel"):
            done(result)

    async def _answer(
        self, request: GatewayRequest, run_id: str, step: Fetch | Infer
    ) -> RequestResult:
        place = (run_id, step.id)
        self.requests.append(Request(self._now_ms(), run_id, step.id))
        self._note(f"request {run_id} {step.id}")
        self._attempts[place] += 1
        if step.takes_s:
            await pause(step.takes_s)
        if isinstance(step, Infer) and request.headers.get("Authorization") != f"Bearer {SECRET}":
            self.broken.append(f"run {run_id}: {step.id} was sent without its credential")
        if self._attempts[place] <= step.fails:
            if isinstance(step, Fetch):
                return RequestFailed("site.test closed the connection")
            body = b'{"error":"busy, %b"}' % SECRET.encode()
            return RequestReply(429, {"retry-after": "2"}, body, f"{SITE}/")
        self._count += 1
        text = f"{step.id}#{self._count}"
        self.answers[place].append(text)
        return RequestReply(200, {"x-of": "site"}, msgspec.json.encode({"text": text}), f"{SITE}/")


# Beyond it a step with the usual retries could fail for good.
_LOSSES_MAX = 8
