"""Reports from apps: which of them count, and when they are answered."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from stepwell.core.call import job_reference
from stepwell.core.checkpointing import CheckpointRefused
from stepwell.core.draft import World
from stepwell.core.endpoint import TooManyEndpoints, declare, resting_item
from stepwell.core.function import Function, FunctionIndex
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, FunctionId, RunId
from stepwell.core.moment import Moment
from stepwell.core.run import RunState
from stepwell.core.status import RunStatus
from stepwell.core.transition import Transition
from stepwell.engine.calls import Call, Calls
from stepwell.engine.checkpoints import BegunRun, Checkpointed, Checkpoints, NotBegun
from stepwell.engine.driver import SdkCall
from stepwell.engine.store import RunHistory, StoreUnavailable
from stepwell.wire.checkpoint import (
    AsyncCheckpoint,
    EndpointStart,
    StepsCheckpoint,
    parse_endpoint_start,
)
from stepwell.wire.config import EventTrigger
from stepwell.wire.events import AcceptedEvent
from stepwell.wire.opcodes import parse_opcodes
from stepwell.wire.response import FunctionReturned, Outcome
from tests.unit.core.core_world import CoreWorld, function, opcode, step_id

pytestmark = pytest.mark.anyio

RUN = "01M7Z0AM8HADHGCE3RKMGSJWR2"
EPOCH = 5
STEP_A = opcode("StepRun", "a", data=1)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class _Handle:
    def cancel(self) -> None:
        pass


class _App:
    """A driver whose calls are answered when the test says so."""

    def __init__(self) -> None:
        self.calls: list[tuple[SdkCall, Callable[[Outcome], None]]] = []

    def call(self, call: SdkCall, done: Callable[[Outcome], None]) -> _Handle:
        self.calls.append((call, done))
        return _Handle()


class Node:
    """Core, calls and reports, with a dictionary for a partition and a store."""

    def __init__(self, *functions: Function) -> None:
        self.core = CoreWorld(*functions)
        self.app = _App()
        self.answered: list[Call] = []
        self.held: list[RunId] = []
        self.failure: StoreUnavailable | None = None
        self.too_many = False
        self.calls = Calls(
            self.app,
            self,
            self.core.ids,
            epoch=EPOCH,
            answered=lambda call, _: self.answered.append(call),
            slow=lambda _run, _ms: None,
        )
        self.checkpoints = Checkpoints(self, self.calls, histories=self, endpoints=self)

    # What the parts ask for.

    def now_ms(self) -> int:
        return self.core.now_ms

    def moment(self) -> Moment:
        return self.core.moment()

    def world(self) -> World:
        return self.core.world()

    async def hold(self, run_id: RunId) -> RunState | None:
        run = self.core.runs.get(run_id)
        if run is None or run.is_ended:
            return None
        self.held.append(run_id)
        return run

    def release(self, run_id: RunId) -> None:
        self.held.remove(run_id)

    async def commit_for(self, run: RunState, transition: Transition) -> None:
        self.release(run.new.id)
        if self.failure is not None:
            raise self.failure
        self.core.absorb(transition, run)

    async def commit_all(
        self, transitions: Sequence[Transition], *, settled: Callable[[], None] | None = None
    ) -> None:
        try:
            if self.failure is not None:
                raise self.failure
            for transition in transitions:
                self.core.absorb(transition)
        finally:
            if settled is not None:
                settled()

    async def history(self, run_id: RunId) -> RunHistory | None:
        run = self.core.runs.get(run_id)
        return None if run is None else RunHistory(run.new, run.status, [], [])

    async def endpoint(self, start: EndpointStart) -> Function | TooManyEndpoints:
        if self.too_many:
            return TooManyEndpoints(start.request.domain)
        known = {each.id: each for each in self.core.functions}
        _, declared = declare(
            start, {}, known, environment_id=DEFAULT_ENVIRONMENT_ID, at=self.moment()
        )
        assert isinstance(declared, Function)
        self.core.functions = FunctionIndex([*(known | {declared.id: declared}).values()])
        return declared

    # What tests do.

    def call(self, run: RunState) -> dict[str, Any]:
        """Call the run's function; returns the context that the app is sent."""
        item = self.core.call_of(run)
        known = self.core.functions.get(run.new.function_id)
        assert known is not None
        self.calls.make(item, run, known)
        ctx: dict[str, Any] = msgspec.json.decode(self.app.calls[-1][0].body)["ctx"]
        return ctx

    async def save(
        self, ctx: dict[str, Any], *ops: dict[str, Any], **changes: Any
    ) -> Checkpointed | CheckpointRefused:
        """The app checkpoints."""
        report = AsyncCheckpoint(
            ctx["run_id"],
            parse_opcodes(msgspec.json.encode(ops)),
            qi_id=ctx["qi_id"],
            generation=ctx["generation_id"],
        )
        return await self.checkpoints.save(msgspec.structs.replace(report, **changes))

    async def begin(self, *ops: dict[str, Any]) -> BegunRun | NotBegun:
        """An endpoint begins to run."""
        data = {"domain": "http://shop", "method": "GET", "path": "/"}
        fields = {"run_id": RUN, "event": {"data": data}, "steps": ops}
        start = parse_endpoint_start(msgspec.json.encode(fields))
        event = start.event(internal_id=self.core.ids.ulid(1), received_ms=1)
        return await self.checkpoints.begin(
            start, AcceptedEvent(event.id, 1, event, event.payload())
        )


def called() -> tuple[Node, RunState, dict[str, Any]]:
    node = Node(function("app-f", EventTrigger(event="test/go")))
    (run,) = node.core.send("test/go")
    return node, run, node.call(run)


async def test_a_checkpoint_of_a_call_under_way_is_saved() -> None:
    node, run, ctx = called()

    assert await node.save(ctx, STEP_A) is Checkpointed.SAVED
    assert list(run.steps) == [step_id("a")]
    assert not node.held


async def test_calls_are_numbered_and_the_numbers_are_exact_for_javascript() -> None:
    node, run, ctx = called()
    again = node.call(run)

    assert ctx["generation_id"] == (EPOCH << 32) + 1
    assert again["generation_id"] == ctx["generation_id"] + 1
    assert node.app.calls[0][0].generation == ctx["generation_id"]
    late = Calls(
        node.app,
        node,
        node.core.ids,
        epoch=2**40,
        answered=lambda _call, _outcome: None,
        slow=lambda _run, _ms: None,
    )
    known = function("app-f")
    late.make(node.core.call_of(run), run, known)
    assert 0 < node.app.calls[-1][0].generation < 2**53


async def test_a_call_that_was_made_again_fences_the_one_before() -> None:
    node, run, stale = called()
    fresh = node.call(run)

    assert await node.save(stale, STEP_A) is Checkpointed.STALE
    assert not run.steps
    assert await node.save(fresh, STEP_A) is Checkpointed.SAVED
    assert not node.held


async def test_a_call_of_an_owner_before_does_not_count() -> None:
    node, _run, ctx = called()
    node.calls.give_up_all()

    assert await node.save(ctx, STEP_A) is Checkpointed.STALE


@pytest.mark.parametrize("reference", ["nonsense", "MTo6ZGVmYXVsdA==", "OTk5OTk6OmRlZmF1bHQ="])
async def test_a_generation_counts_only_with_its_item(reference: str) -> None:
    node, run, ctx = called()
    reference = reference if reference != job_reference(node.core.call_of(run)) else "x"

    assert await node.save(ctx, STEP_A, qi_id=reference) is Checkpointed.STALE


@pytest.mark.parametrize("told", [{"generation": 0}, {"qi_id": ""}, {"qi_id": "", "generation": 0}])
async def test_an_sdk_that_does_not_tell_its_call_is_believed_while_one_is_under_way(
    told: dict[str, Any],
) -> None:
    node, _run, ctx = called()

    assert await node.save(ctx, STEP_A, **told) is Checkpointed.SAVED
    node.calls.give_up_all()
    assert await node.save(ctx, STEP_A, **told) is Checkpointed.STALE


async def test_a_checkpoint_for_no_run_or_an_ended_one_is_not_saved() -> None:
    node, run, ctx = called()

    assert await node.save(ctx, STEP_A, run_id=RUN) is Checkpointed.NO_RUN
    node.core.cancel(run)
    assert await node.save(ctx, STEP_A) is Checkpointed.NO_RUN


async def test_another_run_s_call_does_not_count() -> None:
    node, run, ctx = called()
    (other,) = node.core.send("test/go")

    assert await node.save(ctx, STEP_A, run_id=other.new.id) is Checkpointed.STALE
    assert not run.steps


async def test_a_refused_checkpoint_holds_nothing() -> None:
    node, _run, ctx = called()

    refused = await node.save(ctx, opcode("Sleep", "z", opts={"duration": "1s"}))
    assert refused == CheckpointRefused("cannot checkpoint async steps")
    assert not node.held


async def test_an_item_renewed_by_a_checkpoint_is_still_out_and_its_answer_known() -> None:
    """Otherwise the call would be made a second time, or its answer be thrown away."""
    node = Node(function("app-f", EventTrigger(event="test/go")))
    (run,) = node.core.send("test/go")
    node.core.reply(run, 500, b"{}")
    ctx = node.call(run)
    dispatched = node.core.call_of(run)
    assert ctx["attempt"] == 1

    await node.save(ctx, STEP_A)
    renewed = node.core.call_of(run)
    assert renewed == msgspec.structs.replace(dispatched, attempt=0)
    assert node.calls.is_out(renewed)
    assert not node.calls.is_out(dispatched)

    node.app.calls[-1][1](FunctionReturned(output=b"1"))
    (call,) = node.answered
    assert (call.item, call.current) == (dispatched, renewed)
    assert (call.steps_sent, call.generation) == (0, ctx["generation_id"])
    assert not node.calls.is_out(renewed)
    assert await node.save(ctx, STEP_A) is Checkpointed.STALE


async def test_a_checkpoint_is_not_acknowledged_before_it_is_durable() -> None:
    node, _run, ctx = called()
    node.failure = StoreUnavailable("commit", "disk full")

    with pytest.raises(StoreUnavailable):
        await node.save(ctx, STEP_A)
    assert not node.held


async def test_an_endpoint_s_run_is_created_once() -> None:
    node = Node()
    begun = await node.begin(STEP_A)

    assert isinstance(begun, BegunRun)
    run = node.core.runs[begun.run_id]
    assert list(run.steps) == [step_id("a")]
    assert begun.function.id == run.new.function_id
    assert await node.begin() is NotBegun.EXISTS
    node.core.cancel(run)
    assert await node.begin() is NotBegun.EXISTS, "ended runs count as well"


async def test_an_endpoint_s_run_can_be_created_after_a_failure() -> None:
    node = Node()
    node.failure = StoreUnavailable("commit", "disk full")
    with pytest.raises(StoreUnavailable):
        await node.begin()

    node.failure = None
    assert isinstance(await node.begin(), BegunRun)


async def test_too_many_endpoints_are_refused() -> None:
    node = Node()
    node.too_many = True
    assert await node.begin() is NotBegun.TOO_MANY_ENDPOINTS

    node.too_many = False
    assert isinstance(await node.begin(), BegunRun)


async def test_reports_of_an_endpoint_change_its_run() -> None:
    node = Node()
    await node.begin()
    run = node.core.runs[RunId(RUN)]

    ops = parse_opcodes(msgspec.json.encode([STEP_A]))
    assert await node.checkpoints.report(StepsCheckpoint(RUN, ops)) is Checkpointed.SAVED
    assert list(run.steps) == [step_id("a")]
    ops = parse_opcodes(b'{"op":"RunComplete","id":"c","data":{"status":200}}')
    assert await node.checkpoints.report(StepsCheckpoint(RUN, ops)) is Checkpointed.SAVED
    assert run.status is RunStatus.COMPLETED
    assert await node.checkpoints.report(StepsCheckpoint(RUN, ops)) is Checkpointed.NO_RUN
    assert not node.held


async def test_a_report_after_the_hand_over_holds_nothing() -> None:
    node = Node()
    await node.begin(opcode("Sleep", "z", opts={"duration": "1h"}))

    ops = parse_opcodes(msgspec.json.encode([STEP_A]))
    assert await node.checkpoints.report(StepsCheckpoint(RUN, ops)) is Checkpointed.STALE
    assert not node.held


async def test_a_resting_endpoint_is_called_with_the_request_of_its_caller() -> None:
    node = Node()
    await node.begin()
    run = node.core.runs[RunId(RUN)]
    item = resting_item(run)
    assert item is not None
    known = node.core.functions.get(FunctionId(run.new.function_id))
    assert known is not None

    node.calls.make(item, run, known)

    call, _ = node.app.calls[-1]
    assert (call.url, call.body, call.step_id) == ("http://shop/", b"", "step")
    assert call.endpoint is not None
    assert (call.endpoint.method, call.endpoint.is_planned) == ("GET", False)
    assert call.generation == (EPOCH << 32) + 1
