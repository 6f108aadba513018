"""Pausing, archiving and draining, and what a registration leaves of them."""

from typing import Any

import msgspec
import pytest

from stepwell.core.app import App
from stepwell.core.function import Function
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, AppId, FunctionId, OperationId
from stepwell.core.moment import Moment
from stepwell.core.operation import Operation, OperationKind
from stepwell.core.pause import NewRuns, Pause, RunningRuns
from stepwell.core.pausing import (
    ControlRefusal,
    archive,
    cancel_runs,
    drain,
    pause,
    resume,
    resume_app,
)
from stepwell.core.queue import ItemKind
from stepwell.core.registration import KnownApps, register
from stepwell.core.transition import Transition
from stepwell.wire.registration import parse_register
from tests.unit.core.core_world import START_MS, CountedIds, function

NOW_MS = START_MS + 5_000
APP = App(AppId("app"), DEFAULT_ENVIRONMENT_ID, "shop", "http://app", checksum="abc")
DRAINED = msgspec.structs.replace(APP, drained_ms=START_MS)
OWN = Pause(START_MS)
DRAIN = Pause(NOW_MS, is_drain=True)


def at(now_ms: int = NOW_MS) -> Moment:
    return Moment(now_ms, CountedIds())


def paused(with_pause: Pause | None, slug: str = "shop-f", **changes: Any) -> Function:
    return msgspec.structs.replace(function(slug), pause=with_pause, **changes)


def pause_of(transition: Transition | ControlRefusal) -> Pause | None:
    """The pause of the only function that a transition changes, and nothing else."""
    assert isinstance(transition, Transition)
    (changed,) = transition.functions
    assert transition == Transition(functions=[changed])
    return changed.pause


def pause_now(current: Function, new_runs: NewRuns, running: RunningRuns) -> Transition:
    return pause(current, new_runs=new_runs, running=running, at=at())


# Pausing one function.


@pytest.mark.parametrize("new_runs", NewRuns)
@pytest.mark.parametrize("running", RunningRuns)
def test_a_function_is_paused_as_it_was_asked_for(new_runs: NewRuns, running: RunningRuns) -> None:
    transition = pause_now(paused(None), new_runs, running)

    assert pause_of(transition) == Pause(NOW_MS, new_runs, running)


def test_pausing_again_changes_how_and_not_since_when() -> None:
    transition = pause_now(paused(OWN), NewRuns.WAIT, RunningRuns.HOLD)

    assert pause_of(transition) == Pause(START_MS, NewRuns.WAIT, RunningRuns.HOLD)


def test_pausing_again_in_the_same_way_writes_nothing() -> None:
    assert pause_now(paused(OWN), NewRuns.SKIP, RunningRuns.FINISH) == Transition()


def test_a_drained_function_can_be_paused_itself() -> None:
    transition = pause_now(paused(Pause(START_MS, is_drain=True)), NewRuns.SKIP, RunningRuns.FINISH)

    assert pause_of(transition) == Pause(NOW_MS)


def test_a_resumed_function_is_as_if_it_had_never_been_paused() -> None:
    assert pause_of(resume(paused(OWN), APP)) is None
    assert resume(paused(None), APP) == Transition()


@pytest.mark.parametrize("current", [OWN, Pause(START_MS, is_drain=True), None])
def test_a_function_of_a_drained_app_is_not_resumed(current: Pause | None) -> None:
    assert resume(paused(current), DRAINED) is ControlRefusal.DRAINED


# Cancelling its runs.


def test_all_runs_there_are_by_now_are_cancelled_by_one_operation() -> None:
    transition = cancel_runs(paused(OWN), "paused", at=at())

    (operation,) = transition.operations
    assert operation == Operation(
        OperationId(operation.id),
        OperationKind.CANCEL,
        DEFAULT_ENVIRONMENT_ID,
        AppId("app"),
        FunctionId("id-of-shop-f"),
        created_ms=NOW_MS,
        started_before_ms=NOW_MS + 1,
        cause="paused",
    )
    assert [item.kind for item in transition.put] == [ItemKind.OPERATION]
    assert transition == Transition(operations=[operation], put=transition.put)


# Archiving.


def test_archiving_makes_the_next_registration_count() -> None:
    current = paused(OWN)
    transition = archive(current, APP)

    assert transition == Transition(
        functions=[msgspec.structs.replace(current, archived=True)],
        apps=[msgspec.structs.replace(APP, checksum="")],
    )
    assert archive(transition.functions[0], APP) == Transition()


# Draining an app.


def test_a_drain_holds_every_active_function_that_is_not_paused() -> None:
    active, own = paused(None, "shop-a"), paused(OWN, "shop-b")
    archived = paused(None, "shop-c", archived=True)
    transition = drain(APP, [active, own, archived], at=at())

    assert transition == Transition(
        apps=[msgspec.structs.replace(APP, drained_ms=NOW_MS)],
        functions=[msgspec.structs.replace(active, pause=DRAIN)],
    )
    assert transition.functions[0].skips_new_runs


def test_draining_twice_is_draining_once() -> None:
    assert drain(DRAINED, [paused(None)], at=at()) == Transition()


def test_the_end_of_a_drain_leaves_what_was_paused_itself() -> None:
    held, own = paused(DRAIN, "shop-a"), paused(OWN, "shop-b")
    gone = paused(DRAIN, "shop-c", archived=True)
    transition = resume_app(DRAINED, [held, own, gone, paused(None, "shop-d")])

    assert transition == Transition(
        apps=[msgspec.structs.replace(DRAINED, drained_ms=0)],
        functions=[
            msgspec.structs.replace(held, pause=None),
            msgspec.structs.replace(gone, pause=None),
        ],
    )
    assert resume_app(APP, [held]) == Transition()


# Registering.


class Registered:
    """What is stored of an app; registers it."""

    def __init__(self) -> None:
        self.apps: dict[AppId, App] = {}
        self.functions: dict[FunctionId, Function] = {}
        self.ids = CountedIds()

    @property
    def known(self) -> KnownApps:
        return KnownApps(self.apps, self.functions)

    @property
    def app(self) -> App:
        (app,) = self.apps.values()
        return app

    def function(self, name: str) -> Function:
        found = self.known.function(DEFAULT_ENVIRONMENT_ID, f"shop-{name}")
        assert found is not None
        return found

    def register(self, *names: str, event: str = "shop/paid") -> bool:
        """Whether it differs from what was registered before."""
        url = "http://localhost:8000/api/inngest"
        functions = [
            {
                "id": f"shop-{name}",
                "name": name,
                "triggers": [{"event": event}],
                "steps": {"step": {"name": "step", "runtime": {"url": f"{url}?fnId=shop-{name}"}}},
            }
            for name in names
        ]
        body = {"appName": "shop", "url": url, "functions": functions}
        registration = register(
            parse_register(msgspec.json.encode(body)),
            self.known,
            environment_id=DEFAULT_ENVIRONMENT_ID,
            at=Moment(NOW_MS, self.ids),
        )
        self.apply(registration.transition)
        return registration.modified

    def apply(self, transition: Transition | ControlRefusal) -> None:
        assert isinstance(transition, Transition)
        self.apps |= {app.id: app for app in transition.apps}
        self.functions |= {each.id: each for each in transition.functions}


def test_a_registration_keeps_a_pause() -> None:
    shop = Registered()
    shop.register("a")
    shop.apply(pause_now(shop.function("a"), NewRuns.WAIT, RunningRuns.HOLD))
    own = shop.function("a").pause

    assert not shop.register("a")
    assert shop.register("a", event="shop/sent")
    assert (shop.function("a").version, shop.function("a").pause) == (2, own)


def test_a_registration_keeps_a_drain_and_drains_what_is_new() -> None:
    shop = Registered()
    shop.register("a", "gone")
    shop.register("a")
    shop.apply(drain(shop.app, shop.functions.values(), at=at()))
    assert shop.function("gone").pause is None

    shop.register("a", "b", "gone", event="shop/sent")

    assert shop.app.drained_ms == NOW_MS
    assert [shop.function(name).pause for name in ("a", "b", "gone")] == [DRAIN] * 3
    shop.apply(resume_app(shop.app, shop.functions.values()))
    assert [shop.function(name).pause for name in ("a", "b", "gone")] == [None] * 3


def test_an_app_that_was_removed_comes_back_as_it_stood() -> None:
    shop = Registered()
    shop.register("a")
    shop.apply(drain(shop.app, shop.functions.values(), at=at()))
    shop.apps[shop.app.id] = msgspec.structs.replace(shop.app, archived_ms=NOW_MS)
    shop.register("a")

    assert (shop.app.archived_ms, shop.app.drained_ms) == (0, NOW_MS)


def test_an_archived_function_comes_back_with_its_app_although_that_has_not_changed() -> None:
    shop = Registered()
    shop.register("a", "b")
    shop.apply(pause_now(shop.function("a"), NewRuns.SKIP, RunningRuns.FINISH))
    shop.apply(archive(shop.function("a"), shop.app))
    assert shop.function("a").archived

    assert shop.register("a", "b")

    back = shop.function("a")
    assert (back.archived, back.version) == (False, 2)
    assert back.pause == Pause(NOW_MS), "only resuming ends a pause"
    assert shop.function("b").version == 1
    assert not shop.register("a", "b")


# Names.


def test_functions_and_apps_are_found_by_either_name() -> None:
    shop = Registered()
    shop.register("a")
    known, found = shop.known, shop.function("a")

    assert known.function(DEFAULT_ENVIRONMENT_ID, found.id) is found
    assert known.app(DEFAULT_ENVIRONMENT_ID, "shop") is shop.app
    assert known.app(DEFAULT_ENVIRONMENT_ID, shop.app.id) is shop.app
    assert known.function(DEFAULT_ENVIRONMENT_ID, "a") is None
    assert known.app(DEFAULT_ENVIRONMENT_ID, "") is None


def test_of_functions_with_one_slug_the_active_one_is_meant() -> None:
    gone = paused(None, archived=True, id=FunctionId("gone"), updated_ms=START_MS + 1)
    older = paused(None, archived=True, id=FunctionId("older"))
    active = paused(None)
    known = KnownApps({}, {each.id: each for each in (active, gone, older)})

    assert known.function(DEFAULT_ENVIRONMENT_ID, "shop-f") is active
    assert known.function(DEFAULT_ENVIRONMENT_ID, "gone") is gone
    known = KnownApps({}, {each.id: each for each in (gone, older)})
    assert known.function(DEFAULT_ENVIRONMENT_ID, "shop-f") is gone
