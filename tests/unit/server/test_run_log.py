"""What a developer who watches is told about runs."""

import msgspec
import pytest
import structlog
from structlog.testing import LogCapture

from stepwell.core.app import App
from stepwell.core.identity import (
    DEFAULT_ENVIRONMENT_ID,
    AppId,
    EventId,
    FunctionId,
    RunId,
    StepId,
)
from stepwell.core.journal import (
    CallFailed,
    Entry,
    RunEnded,
    RunStarted,
    StepAttemptFailed,
    StepName,
)
from stepwell.core.run import RunState
from stepwell.core.status import RunStatus
from stepwell.core.transition import JournalRow, NewRun, Transition
from stepwell.engine.registry import Registry
from stepwell.server import run_log
from stepwell.server.ids import RandomIds
from tests.unit.server.apps import NOW_S, FixedClock

NOW_MS = NOW_S * 1000
RUN = NewRun(
    id=RunId("01RUN"),
    environment_id=DEFAULT_ENVIRONMENT_ID,
    app_id=AppId("app"),
    function_id=FunctionId("function"),
    function_version=1,
    queued_ms=NOW_MS,
    scheduled_ms=NOW_MS,
    event_id=EventId("01EVENT"),
    event_name="shop/order.placed",
)
ERROR = msgspec.Raw(b'{"name":"ValueError","message":"no such order","stack":"..."}')


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> LogCapture:
    capture = LogCapture()
    # The module's logger was made before this test; it is replaced by one that is listened to.
    logger = structlog.wrap_logger(structlog.PrintLogger(), processors=[capture])
    monkeypatch.setattr(run_log, "_log", logger)
    return capture


@pytest.fixture
def log() -> run_log.RunLog:
    clock = FixedClock()
    return run_log.RunLog(Registry(clock, RandomIds(clock)))


def of_run(*entries: Entry) -> tuple[RunState, Transition]:
    rows = [JournalRow(RUN.id, seq, entry) for seq, entry in enumerate(entries)]
    return RunState(RUN, []), Transition(journal=rows)


def test_a_new_run_is_told_with_its_trigger(log: run_log.RunLog, told: LogCapture) -> None:
    log(None, Transition(runs=[RUN, msgspec.structs.replace(RUN, cron="* * * * *")]))

    entry = {
        "event": "run.scheduled",
        "log_level": "debug",
        "function": "function",
        "trigger": "shop/order.placed",
        "run_id": "01RUN",
    }
    assert told.entries == [entry, entry | {"trigger": "* * * * *"}]


def test_the_first_call_of_a_run_is_its_start(log: run_log.RunLog, told: LogCapture) -> None:
    log(*of_run(RunStarted(NOW_MS, 2)))

    assert told.entries == [
        {
            "event": "run.started",
            "log_level": "info",
            "function": "function",
            "trigger": "shop/order.placed",
            "run_id": "01RUN",
        }
    ]


def test_the_end_of_a_run_is_told_with_its_duration(log: run_log.RunLog, told: LogCapture) -> None:
    output = msgspec.Raw(b'"secret"')
    log(*of_run(RunEnded(NOW_MS + 1500, RunStatus.COMPLETED, output=output)))

    assert told.entries == [
        {
            "event": "run.completed",
            "log_level": "info",
            "function": "function",
            "took_ms": 1500,
            "run_id": "01RUN",
        }
    ]


def test_errors_are_told_in_short(log: run_log.RunLog, told: LogCapture) -> None:
    step = StepName("charge", "StepRun")
    log(
        *of_run(
            StepAttemptFailed(NOW_MS, StepId("1"), step, 0, NOW_MS + 1, ERROR),
            CallFailed(NOW_MS, StepId("1"), 1, NOW_MS + 1, ERROR),
            RunEnded(NOW_MS, RunStatus.FAILED, error=ERROR),
        )
    )

    assert [(entry["event"], entry["error"]) for entry in told.entries] == [
        ("step.failed", "ValueError: no such order"),
        ("call.failed", "ValueError: no such order"),
        ("run.failed", "ValueError: no such order"),
    ]
    assert told.entries[0]["step"] == "charge"


def test_a_long_error_is_cut(log: run_log.RunLog, told: LogCapture) -> None:
    long = msgspec.Raw(msgspec.json.encode({"message": "x" * 301}))
    log(*of_run(RunEnded(NOW_MS, RunStatus.FAILED, error=long)))

    assert told.entries[0]["error"] == "x" * 300


def test_a_cancelled_run_is_told_with_its_cause(log: run_log.RunLog, told: LogCapture) -> None:
    log(*of_run(RunEnded(NOW_MS, RunStatus.CANCELLED, cause="api")))

    (entry,) = told.entries
    assert (entry["event"], entry["cause"]) == ("run.cancelled", "api")


def test_an_app_is_told_when_it_has_registered(log: run_log.RunLog, told: LogCapture) -> None:
    app = App(AppId("app"), DEFAULT_ENVIRONMENT_ID, "shop", "http://localhost:3000/api/inngest")
    failed = msgspec.structs.replace(app, error="unreachable")
    placeholder = msgspec.structs.replace(app, name="")
    log(None, Transition(apps=[app, failed, placeholder]))

    assert [(entry["event"], entry["app"]) for entry in told.entries] == [
        ("app.registered", "shop")
    ]
