"""Durable endpoints: runs that run themselves, until they have to wait."""

from typing import Any

import msgspec

from stepwell.core.call import called_request
from stepwell.core.endpoint import (
    ENDPOINTS_MAX,
    REST_MS,
    TooManyEndpoints,
    begin,
    declare,
    endpoint_app_id,
    endpoint_function_id,
    report_steps,
    resting_item,
)
from stepwell.core.fire import fire
from stepwell.core.function import Function, FunctionIndex
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, FunctionId
from stepwell.core.journal import RunEnded, RunStarted, StepAttemptFailed, StepResolved
from stepwell.core.queue import IMMEDIATE, ItemKind
from stepwell.core.run import RunState
from stepwell.core.status import RunStatus
from stepwell.core.transition import RunMode, Transition
from stepwell.wire.checkpoint import CALL_ERROR_STEP, EndpointStart, parse_endpoint_start
from stepwell.wire.config import EventTrigger
from stepwell.wire.events import AcceptedEvent
from stepwell.wire.opcodes import parse_opcodes
from tests.unit.core.core_world import (
    START_MS,
    CoreWorld,
    function,
    opcode,
    output_of,
    step_id,
)

RUN = "01M7Z0AM8HADHGCE3RKMGSJWR2"
DATA = {
    "domain": "https://shop.example",
    "method": "post",
    "path": "/buy",
    "query_params": "a=1",
    "body": "{}",
    "content_type": "application/json",
}
RESULT = {"status": 200, "headers": {}, "body": "1"}


def start(*ops: dict[str, Any], **data: str) -> EndpointStart:
    fields = {
        "run_id": RUN,
        "event": {"data": DATA | data},
        "steps": ops,
        "request_version": 2,
        "retries": 3,
    }
    return parse_endpoint_start(msgspec.json.encode(fields))


def declared(world: CoreWorld, sent: EndpointStart) -> Function:
    _, known = declare(
        sent,
        {},
        {each.id: each for each in world.functions},
        environment_id=DEFAULT_ENVIRONMENT_ID,
        at=world.moment(),
    )
    assert isinstance(known, Function)
    return known


def begun(*ops: dict[str, Any], world: CoreWorld | None = None) -> tuple[CoreWorld, RunState]:
    """The run of an endpoint that begins with these steps."""
    world = world or CoreWorld()
    sent = start(*ops)
    known = declared(world, sent)
    world.functions = FunctionIndex([*world.functions, known])
    internal_id = world.ids.ulid(world.now_ms)
    event = sent.event(internal_id=internal_id, received_ms=world.now_ms)
    accepted = AcceptedEvent(internal_id, world.now_ms, event, event.payload())
    world.absorb(begin(sent, known, accepted=accepted, world=world.world(), at=world.moment()))
    (run,) = [each for each in world.runs.values() if each.new.id == RUN]
    return world, run


def report(world: CoreWorld, run: RunState, *ops: dict[str, Any]) -> Transition | None:
    """The endpoint reports."""
    parsed = parse_opcodes(msgspec.json.encode(ops))
    decision = report_steps(run, parsed, world=world.world(), at=world.moment())
    return None if decision is None else world.absorb(decision, run)


def complete() -> dict[str, Any]:
    return {"op": "RunComplete", "id": CALL_ERROR_STEP, "data": RESULT}


def test_an_endpoint_s_run_is_running_from_the_first_report_on() -> None:
    world, run = begun()

    assert (run.status, run.started_ms, run.version) == (RunStatus.RUNNING, START_MS, 2)
    assert (run.new.mode, run.new.event_name) == (RunMode.SYNC, "inngest/http.request")
    assert world.entries_of(run) == [RunStarted(START_MS, version=2)]
    (event,) = world.events
    assert msgspec.json.decode(event.payload)["data"] == DATA
    (item,) = run.items.values()
    assert (item.kind, item.due_ms) == (ItemKind.DISCOVER, START_MS + REST_MS)
    assert item == resting_item(run)


def test_only_the_endpoint_s_run_is_started_whoever_listens() -> None:
    listener = function("app-f", EventTrigger(event="inngest/*"))
    world, _ = begun(world=CoreWorld(listener))

    assert [new.id for new in world.new_runs] == [RUN]


def test_steps_of_the_first_report_are_recorded_with_the_run() -> None:
    world, run = begun(opcode("StepRun", "a", data={"x": 1}))

    assert run.steps == {step_id("a"): b'{"data":{"x":1}}'}
    assert [type(entry) for entry in world.entries_of(run)] == [RunStarted, StepResolved]
    assert resting_item(run) is not None
    assert world.restored(run).steps == run.steps


def test_an_endpoint_without_steps_is_done_with_its_first_report() -> None:
    world, run = begun(complete())

    assert run.status is RunStatus.COMPLETED
    assert output_of(world.entries_of(run)) == RESULT
    assert not world.items
    assert "inngest/function.finished" in world.event_names()


def test_an_endpoint_may_hand_over_with_its_first_report() -> None:
    world, run = begun(opcode("Sleep", "z", opts={"duration": "1h"}))

    (item,) = run.items.values()
    assert (item.kind, item.due_ms) == (ItemKind.SLEEP, START_MS + 3_600_000)
    assert world.items == run.items
    assert resting_item(run) is None


def test_the_endpoint_goes_on_while_its_steps_are_recorded() -> None:
    world, run = begun(opcode("StepRun", "a", data=1))
    resting = resting_item(run)

    decision = report(world, run, opcode("StepRun", "b", data=2), opcode("StepRun", "a", data=9))

    assert decision is not None
    assert run.steps == {step_id("a"): b'{"data":1}', step_id("b"): b'{"data":2}'}
    assert resting_item(run) == resting
    assert (decision.renew, decision.renew_due) == ([], []), "it was moved just now"


def test_each_sign_of_life_puts_off_the_next_call() -> None:
    world, run = begun()
    world.now_ms += 60_000

    decision = report(world, run, opcode("StepRun", "a", data=1))

    assert decision is not None
    assert [item.due_ms for item in decision.renew_due] == [world.now_ms + REST_MS]
    assert resting_item(run) == decision.renew_due[0]


def test_an_endpoint_that_has_finished_ends_its_run() -> None:
    world, run = begun(opcode("StepRun", "a", data=1))
    report(world, run, opcode("StepRun", "b", data=2), complete())

    assert run.status is RunStatus.COMPLETED
    assert len(run.steps) == 2
    assert not world.items


def test_both_ways_to_say_that_a_run_is_complete_count() -> None:
    world, run = begun()
    report(world, run, complete() | {"op": "SyncRunComplete"})

    assert run.status is RunStatus.COMPLETED


def test_a_failed_step_is_tried_again_by_a_call() -> None:
    world, run = begun()
    report(world, run, opcode("StepError", "e", error={"name": "E", "message": "boom"}))

    item = world.call_of(run)
    assert (item.kind, item.attempt) == (ItemKind.DISCOVER, 1)
    assert START_MS < item.due_ms < START_MS + 120_000
    assert isinstance(world.entries_of(run)[-1], StepAttemptFailed)
    assert resting_item(run) is None


def test_a_step_that_failed_for_good_is_handed_to_the_endpoint_by_a_call() -> None:
    world, run = begun()
    report(world, run, opcode("StepFailed", "e", error={"name": "E", "message": "boom"}))

    assert b'"boom"' in run.steps[step_id("e")]
    item = world.call_of(run)
    assert (item.kind, item.attempt, item.due_ms) == (ItemKind.DISCOVER, 0, IMMEDIATE)


def test_an_error_of_the_endpoint_itself_makes_it_be_called_again() -> None:
    """TypeScript reports it as the error of a step called "complete", often without any text."""
    world, run = begun()
    report(world, run, {"op": "StepError", "id": CALL_ERROR_STEP, "error": {}})

    assert world.call_of(run).attempt == 1
    assert not run.steps


def test_an_error_of_the_endpoint_that_is_final_fails_the_run() -> None:
    world, run = begun()
    error = {"name": "TypeError", "message": "whole", "stack": "at f"}
    report(world, run, {"op": "StepFailed", "id": CALL_ERROR_STEP, "error": error})

    assert run.status is RunStatus.FAILED
    assert output_of(world.entries_of(run))["error"]["message"] == "whole"


def test_several_steps_at_once_are_planned_and_called_for() -> None:
    _, run = begun(opcode("StepPlanned", "p"), opcode("StepPlanned", "q"))

    assert sorted(item.kind for item in run.items.values()) == [ItemKind.STEP, ItemKind.STEP]
    assert run.only_plan


def test_an_endpoint_that_has_run_for_long_enough_hands_over() -> None:
    world, run = begun(opcode("StepRun", "a", data=1))
    report(world, run, {"op": "DiscoveryRequest", "id": "d"})

    assert world.call_of(run).due_ms == IMMEDIATE


def test_a_report_that_is_repeated_after_the_hand_over_changes_nothing() -> None:
    world, run = begun()
    sleep = opcode("Sleep", "z", opts={"duration": "1h"})
    report(world, run, sleep)
    items = dict(run.items)

    assert report(world, run, sleep) is None
    assert report(world, run, opcode("StepRun", "late", data=1)) is None
    assert report(world, run, complete()) is None
    assert (run.items, run.status) == (items, RunStatus.RUNNING)


def test_a_repeated_error_is_not_counted_twice() -> None:
    world, run = begun()
    error = opcode("StepError", "e", error={"name": "E"})
    report(world, run, error)

    assert report(world, run, error) is None
    assert world.call_of(run).attempt == 1


def test_a_run_that_the_server_drives_takes_no_such_reports() -> None:
    world = CoreWorld(function("app-f", EventTrigger(event="test/go")))
    (run,) = world.send("test/go")

    assert report(world, run, complete()) is None


def test_defers_are_accepted() -> None:
    _, run = begun(opcode("DeferAdd", "d", opts={}), opcode("StepRun", "a", data=1))

    assert list(run.steps) == [step_id("a")]
    assert resting_item(run) is not None


def test_too_much_state_fails_the_run() -> None:
    world, run = begun()
    known = world.functions.get(run.new.function_id)
    assert known is not None
    world.functions = FunctionIndex([msgspec.structs.replace(known, state_bytes_max=400)])
    report(world, run, opcode("StepRun", "a", data="x" * 400))

    (entry,) = [each for each in world.entries_of(run) if isinstance(each, RunEnded)]
    assert b"InngestErrStateOverflowed" in bytes(entry.error)
    assert not run.steps


def test_too_many_steps_fail_the_run() -> None:
    world, run = begun()
    (known,) = world.functions
    world.functions = FunctionIndex([msgspec.structs.replace(known, steps_max=2)])

    report(world, run, opcode("StepRun", "a", data=1), opcode("StepRun", "b", data=1))
    assert resting_item(run) is not None
    report(world, run, opcode("StepRun", "c", data=1))

    (entry,) = [each for each in world.entries_of(run) if isinstance(each, RunEnded)]
    assert b"InngestErrFunctionOverflowed" in bytes(entry.error)
    assert run.items == {}


def test_after_a_wait_the_endpoint_is_called_where_it_was_called_first() -> None:
    world, run = begun(opcode("Sleep", "z", opts={"duration": "1h"}))
    (item,) = run.items.values()
    world.now_ms = item.due_ms
    world.absorb(fire(run, item, world=world.world(), at=world.moment()), run)
    known = world.functions.get(run.new.function_id)
    assert known is not None

    request = called_request(run, known)
    assert (request.method, request.url) == ("POST", "https://shop.example/buy?a=1")
    assert (request.body, request.content_type) == ("{}", "application/json")


def test_a_run_started_by_something_else_calls_the_endpoint_s_own_url() -> None:
    world = CoreWorld()
    known = declared(world, start())
    run = RunState(begun()[1].new, [b'{"name":"a","data":{},"id":"1","ts":1,"user":{}}'])

    request = called_request(run, known)
    assert (request.method, request.url) == ("POST", "https://shop.example/buy")


def test_ids_of_endpoints_are_those_of_the_protocol() -> None:
    app_id = endpoint_app_id(DEFAULT_ENVIRONMENT_ID, "https://shop.example")

    assert app_id == "f94f6ab9-52a7-5605-b242-c3118193e4a6"
    assert endpoint_function_id(app_id, "POST /buy") == "ef749f3c-e683-5715-98d2-5fa8311c7118"


def test_an_unknown_endpoint_is_declared_as_a_function_of_its_domain() -> None:
    world = CoreWorld()
    transition, known = declare(
        start(), {}, {}, environment_id=DEFAULT_ENVIRONMENT_ID, at=world.moment()
    )

    assert isinstance(known, Function)
    assert transition.functions == [known]
    (app,) = transition.apps
    assert (app.name, app.url, app.method) == ("https://shop.example",) * 2 + ("api",)
    assert (known.slug, known.name, known.app_id) == ("POST /buy", "POST /buy", app.id)
    assert (known.endpoint_method, known.attempts_max) == ("POST", 4)
    assert known.config.url == "https://shop.example/buy"


def test_a_known_endpoint_costs_no_write() -> None:
    world = CoreWorld()
    at = world.moment()
    first, known = declare(start(), {}, {}, environment_id=DEFAULT_ENVIRONMENT_ID, at=at)
    assert isinstance(known, Function)
    apps = {app.id: app for app in first.apps}

    again, same = declare(
        start(fn=""),
        apps,
        {known.id: known},
        environment_id=DEFAULT_ENVIRONMENT_ID,
        at=at,
    )

    assert (again, same) == (Transition(), known)


def test_an_endpoint_with_an_id_stays_one_function_on_every_path() -> None:
    world = CoreWorld()
    first = declared(world, start(fn="buy", path="/buy/1"))
    world.functions = FunctionIndex([first])

    assert declared(world, start(fn="buy", path="/buy/2")) is first


def test_what_is_new_about_an_endpoint_makes_a_new_version() -> None:
    world = CoreWorld()
    first = declared(world, start(fn="buy"))
    world.functions = FunctionIndex([msgspec.structs.replace(first, archived=True)])

    changed = declared(world, start(fn="buy", method="PUT"))

    assert (changed.id, changed.version, changed.archived) == (first.id, 2, False)
    assert changed.endpoint_method == "PUT"


def test_an_app_has_a_bounded_number_of_endpoints() -> None:
    world = CoreWorld()
    known = declared(world, start())
    functions = {FunctionId(str(number)): known for number in range(ENDPOINTS_MAX - 1)}
    functions[known.id] = known

    _, refused = declare(
        start(path="/other"),
        {},
        functions,
        environment_id=DEFAULT_ENVIRONMENT_ID,
        at=world.moment(),
    )
    assert refused == TooManyEndpoints("https://shop.example")
    _, accepted = declare(
        start(), {}, functions, environment_id=DEFAULT_ENVIRONMENT_ID, at=world.moment()
    )
    assert accepted is known
