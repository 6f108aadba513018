"""`POST /v1/runs/{run_id}/metadata`: what is taken, what is refused, and what is answered."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell.api.errors import ErrorAnswers
from stepwell.api.metadata import MetadataApi
from stepwell.api.routing import router
from stepwell.core.identity import RunId
from stepwell.core.metadata import (
    LAST_ATTEMPT,
    UPDATE_BYTES_MAX,
    MetadataOp,
    MetadataOwner,
    MetadataScope,
)
from stepwell.core.user_span import hashed_step
from stepwell.engine.annotations import Attached, NewMetadata
from stepwell.engine.store import StoreUnavailable
from stepwell.wire.events import EVENT_LEVELS_MAX
from tests.unit.api.api_server import Api, ulid

RUN = ulid(7)
PATH = f"/v1/runs/{RUN}/metadata"


class Annotated(Api):
    """The endpoint alone; remembers what was attached."""

    def __init__(self, *, is_enabled: bool = True) -> None:
        super().__init__()
        self.app = ErrorAnswers(router([MetadataApi(self, is_enabled=is_enabled).routes()]))
        self.attached: list[tuple[RunId, list[NewMetadata]]] = []
        self.result = Attached()
        self.failure: Exception | None = None

    async def add_metadata(self, run_id: RunId, updates: Sequence[NewMetadata]) -> Attached:
        if self.failure is not None:
            raise self.failure
        self.attached.append((run_id, list(updates)))
        return self.result


@pytest.fixture
def api() -> Annotated:
    return Annotated()


def body(
    values: Any = None, *, target: Any = None, kind: Any = "userland.k", op: Any = "merge"
) -> bytes:
    update = {"kind": kind, "op": op, "values": {"a": 1} if values is None else values}
    return msgspec.json.encode({"target": target, "metadata": [update]})


def test_an_update_is_attached_and_answered_with_nothing(api: Annotated) -> None:
    answer = api.post(PATH, body({"a": 1, "b": [2]}))

    assert (answer.status, answer.body) == (200, b"")
    owner = MetadataOwner(MetadataScope.RUN)
    update = NewMetadata(owner, "userland.k", MetadataOp.MERGE, b'{"a":1,"b":[2]}', 6)
    assert api.attached == [(RunId(RUN), [update])]


@pytest.mark.parametrize(
    ("target", "owner"),
    [
        (None, MetadataOwner(MetadataScope.RUN)),
        ({}, MetadataOwner(MetadataScope.RUN)),
        ({"run_id": ulid(8), "new": 1}, MetadataOwner(MetadataScope.RUN)),
        ({"step_id": "pay"}, MetadataOwner(MetadataScope.STEP, hashed_step("pay", 0))),
        (
            {"step_id": "pay", "step_index": 0, "step_attempt": -1},
            MetadataOwner(MetadataScope.STEP, hashed_step("pay", 0), LAST_ATTEMPT),
        ),
        (
            {"step_id": "pay", "step_index": 2, "step_attempt": 1},
            MetadataOwner(MetadataScope.STEP, hashed_step("pay:2", 0), 1),
        ),
        (
            {"step_id": "pay", "step_attempt": 1, "span_id": "00F067AA0BA902B7"},
            MetadataOwner(MetadataScope.EXTENDED_TRACE, span_id="00f067aa0ba902b7"),
        ),
    ],
)
def test_the_target_says_whose_it_is(api: Annotated, target: Any, owner: MetadataOwner) -> None:
    """The run in the path is the one that counts."""
    assert api.post(PATH, body(target=target)).status == 200

    ((run_id, (update,)),) = api.attached
    assert (run_id, update.owner) == (RunId(RUN), owner)


@pytest.mark.parametrize(
    "target",
    [
        {"step_index": 0},
        {"step_attempt": 1},
        {"span_id": "00f067aa0ba902b7"},
        {"step_id": "", "step_attempt": 1},
        {"step_id": "pay", "step_index": -1},
        {"step_id": "pay", "step_attempt": -2},
        {"step_id": "pay", "step_attempt": 10**30},
        {"step_id": "pay", "span_id": "0" * 65},
        {"step_id": 7},
        {"step_id": "pay", "step_index": "1"},
        "run",
        [],
    ],
)
def test_a_target_that_names_nothing_is_refused(api: Annotated, target: Any) -> None:
    answer = api.post(PATH, body(target=target))

    assert (answer.status, answer.json["error"]) == (400, "Invalid metadata target")
    assert answer.json == {"error": "Invalid metadata target", "data": None, "status": 400}


@pytest.mark.parametrize("sent", [b"", b"{", b"[]", b"null", b"\xff", b'{"target":{"step_id":}}'])
def test_a_body_that_is_no_object_is_refused(api: Annotated, sent: bytes) -> None:
    answer = api.post(PATH, sent)

    assert (answer.status, answer.json["error"]) == (400, "Invalid metadata target")


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "inngest.timing"},
        {"kind": ""},
        {"kind": "k" * 129},
        {"kind": 7},
        {"op": "increment"},
        {"op": None},
        {"values": [1]},
        {"values": 7},
        {"kind": "inngest.score", "values": {"a": 1}},
        {"kind": "inngest.score", "values": {"it's": {"value": 1}}},
    ],
)
def test_an_update_that_breaks_the_rules_is_refused_with_the_reason(
    api: Annotated, changes: dict[str, Any]
) -> None:
    answer = api.post(PATH, body(**changes))

    assert answer.status == 400
    assert answer.json["error"].startswith("Invalid metadata: ")
    assert api.attached == []


@pytest.mark.parametrize("metadata", [None, {}, "x", [7], [None]])
def test_metadata_that_is_no_list_of_updates_is_refused(api: Annotated, metadata: Any) -> None:
    answer = api.post(PATH, msgspec.json.encode({"metadata": metadata}))

    assert (answer.status, answer.json["error"][:17]) == (400, "Invalid metadata:")


def test_all_updates_are_attached_or_none(api: Annotated) -> None:
    both: list[dict[str, Any]] = [
        {"kind": kind, "op": "set", "values": {}} for kind in ("k", "inngest.x")
    ]

    assert api.post(PATH, msgspec.json.encode({"metadata": both})).status == 400
    assert api.attached == []


def test_scores_are_taken_and_may_be_deleted(api: Annotated) -> None:
    score = {"accuracy": {"value": 0.5}, "ok": {"value": True}}

    assert api.post(PATH, body(score, kind="inngest.score")).status == 200
    assert api.post(PATH, body({"ok": None}, kind="inngest.score", op="delete")).status == 200


@pytest.mark.parametrize(("more", "status"), [(0, 200), (1, 413)])
def test_an_update_may_be_so_large(api: Annotated, more: int, status: int) -> None:
    answer = api.post(PATH, body({"k": "x" * (UPDATE_BYTES_MAX - 3 + more)}))

    assert answer.status == status
    if status == 413:
        assert answer.json["error"] == "Metadata span exceeds maximum size of 64KB"


@pytest.mark.parametrize(("levels", "status"), [(EVENT_LEVELS_MAX - 4, 200), (10_000, 400)])
def test_values_may_be_so_deep(api: Annotated, levels: int, status: int) -> None:
    deep = b'{"metadata":[{"kind":"k","op":"set","values":{"a":%b1%b}}]}' % (
        b"[" * levels,
        b"]" * levels,
    )

    assert api.post(PATH, deep).status == status


@pytest.mark.parametrize(
    ("result", "status", "error"),
    [
        (Attached(is_known_run=False), 404, f"Unable to load function run: {RUN}"),
        (Attached(has_room=False), 413, "Cumulative metadata size exceeds limit"),
    ],
)
def test_what_the_engine_refuses_is_told(
    api: Annotated, result: Attached, status: int, error: str
) -> None:
    api.result = result

    answer = api.post(PATH, body())

    assert (answer.status, answer.json["error"]) == (status, error)


def test_a_path_that_names_no_run_is_refused(api: Annotated) -> None:
    answer = api.post("/v1/runs/nobody/metadata", body())

    assert (answer.status, answer.json["error"]) == (400, "Invalid run ID: nobody")


def test_an_installation_may_refuse_metadata() -> None:
    answer = Annotated(is_enabled=False).post(PATH, body())

    assert answer.status == 403
    assert answer.json["error"] == "Metadata is not enabled for this account"


def test_a_body_that_is_larger_than_any_metadata_is_refused(api: Annotated) -> None:
    assert api.post(PATH, b" " * (2 * 1024 * 1024 + 1)).status == 413


def test_a_store_that_does_not_answer_is_told(api: Annotated) -> None:
    api.failure = StoreUnavailable("commit", "full")

    assert api.post(PATH, body()).status == 503


def test_half_a_surrogate_pair_is_repaired(api: Annotated) -> None:
    sent = b'{"metadata":[{"kind":"k","op":"set","values":{"a":"\\ud83d"}}]}'

    assert api.post(PATH, sent).status == 200
    assert api.attached[0][1][0].values == b'{"a":"\\ufffd"}'


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["target", "metadata", "kind", "op", "values", "step_id"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@settings(deadline=None)
@given(st.binary(max_size=100) | JSON.map(msgspec.json.encode))
def test_nonsense_is_refused_in_the_documented_form(sent: bytes) -> None:
    answer = Annotated().post(PATH, sent)

    assert answer.status in {200, 400}
    if answer.status == 400:
        assert answer.json["status"] == 400
