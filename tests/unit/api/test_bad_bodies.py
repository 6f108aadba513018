"""Whatever comes as the body of a request is answered: taken, or refused with a reason."""

import asyncio
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell.api.errors import ErrorAnswers
from stepwell.api.registration import RegistrationApi
from stepwell.api.routing import router
from stepwell.core.transition import Transition
from stepwell.engine.registry import Registry
from stepwell.engine.store import join_alone
from stepwell.server.ids import RandomIds
from stepwell.store.sqlite import SqliteStore
from tests.unit.api.api_server import Answer, Api, Clock, ulid
from tests.unit.api.operations_api import OperationsApi
from tests.unit.api.test_checkpoint_api import Checkpoint
from tests.unit.api.test_control_api import ManagedApi
from tests.unit.api.test_signals_api import SignalApi
from tests.unit.core.any_registration import any_function, any_json, registration

RUN = ulid(1)

#: Each endpoint that reads a body, with one that it takes.
BODIES: dict[str, tuple[type[Api], dict[str, Any]]] = {
    "/v1/signals": (SignalApi, {"signal": "paid/7", "data": {"by": "card"}}),
    "/v1/cancellations": (
        OperationsApi,
        {
            "app_id": "shop",
            "function_id": "hello",
            "started_before": "2026-11-21T00:00:00Z",
            "started_after": "2026-11-20T00:00:00Z",
            "if": "event.data.a == 1.0",
            "name": "too many",
        },
    ),
    "/v1/functions/shop-hello/replays": (
        OperationsApi,
        {
            "from": "2026-11-20T00:00:00Z",
            "until": "2026-11-21T00:00:00Z",
            "statuses": ["Failed"],
            "if": "event.data.a == 1.0",
            "name": "again",
            "rate_per_second": 5,
        },
    ),
    f"/v1/runs/{RUN}/rerun": (OperationsApi, {"from_step": {"step_id": "pay", "input": [1]}}),
    "/v1/functions/shop-pay/pause": (ManagedApi, {"new_runs": "skip", "running": "finish"}),
    "/v1/checkpoint": (
        Checkpoint,
        {
            "run_id": RUN,
            "event": {
                "id": "e",
                "name": "inngest/http.request",
                "data": {"domain": "http://shop", "method": "GET", "path": "/", "body": "b"},
                "ts": 1_795_252_035_250,
                "v": "1",
            },
            "steps": [{"op": "StepRun", "id": "aa", "data": 1, "timing": {"a": 1, "b": 2}}],
            "request_version": 2,
            "retries": 3,
        },
    ),
    f"/v1/checkpoint/{RUN}/steps": (
        Checkpoint,
        {"run_id": RUN, "steps": [{"op": "StepError", "id": "aa", "error": {"name": "E"}}]},
    ),
    f"/v1/checkpoint/{RUN}/async": (
        Checkpoint,
        {
            "run_id": RUN,
            "steps": [{"op": "StepRun", "id": "aa", "opts": {}, "userland": {"id": "a"}}],
            "qi_id": "q",
            "generation_id": 1,
        },
    ),
}
TARGETS = sorted(BODIES)

_STRAY: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(None, True, [], {}, "", "a\0b", "x" * 2_000, "\ud800", 0, -1, 2**63, 10**30, 1e308),
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "1/", "event.data.a == 1.0"),
    ]
)


def stray_members(value: Any) -> st.SearchStrategy[Any]:
    """The value with any of its members, at any depth, replaced."""
    if isinstance(value, dict) and value:
        changed = st.fixed_dictionaries({key: stray_members(item) for key, item in value.items()})
        return changed | _STRAY | any_json
    if isinstance(value, list) and value:
        return st.tuples(*map(stray_members, value)).map(list) | _STRAY
    return st.just(value) | _STRAY


def is_fair(answer: Answer) -> bool:
    """Taken, or refused with a reason: the server itself found nothing wrong with itself."""
    if answer.status in {200, 201, 202}:
        return True
    return 400 <= answer.status < 500 and bool(answer.json["error"])


@pytest.mark.parametrize("target", TARGETS)
def test_the_bodies_that_are_changed_below_are_taken(target: str) -> None:
    kind, body = BODIES[target]
    answer = kind().post(target, msgspec.json.encode(body))
    # Only a run that can be run again would be taken.
    assert answer.status == (404 if target.endswith("rerun") else 200)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(TARGETS), st.data())
def test_any_member_may_be_nonsense(target: str, data: st.DataObject) -> None:
    kind, body = BODIES[target]
    changed = data.draw(stray_members(body))
    assert is_fair(kind().post(target, json.dumps(changed).encode()))


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(TARGETS), st.binary(max_size=40) | any_json.map(msgspec.json.encode))
def test_any_bytes_are_answered(target: str, body: bytes) -> None:
    kind, _ = BODIES[target]
    assert is_fair(kind().post(target, body))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("brackets", [b"[", b'{"a":', b'{"steps":[', b'{"data":['])
def test_what_is_nested_without_end_is_refused(target: str, brackets: bytes) -> None:
    kind, _ = BODIES[target]
    assert 400 <= kind().post(target, brackets * 8_000).status < 500


class Registrations(Api):
    """The endpoint with a store in memory behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.store = SqliteStore.in_memory()
        clock = Clock()
        registry = Registry(clock, RandomIds(clock))
        registry.commit_with(self)
        self.app = ErrorAnswers(router([RegistrationApi(registry, "dev").routes()]))

    async def commit(self, transition: Transition) -> None:
        await self.store.commit(await join_alone(self.store), [transition])


@settings(max_examples=40, deadline=None)
@given(st.lists(any_function | any_json, max_size=2))
def test_any_functions_are_stored_or_refused(functions: list[Any]) -> None:
    api = Registrations()
    try:
        answer = api.post("/fn/register", msgspec.json.encode(registration(*functions)))
    finally:
        asyncio.run(api.store.close())
    assert is_fair(answer)
    if answer.status != 200 and not answer.json["error"].startswith("Invalid request: "):
        assert answer.json["error"] == "At least one function is invalid"
        assert answer.json["status"] == 400
        for problem in answer.json["data"]["problems"]:
            assert sorted(problem) == ["code", "field", "function", "message"]
