"""Sessions are merged, bounded and stored as text."""

import json
from typing import Any

import msgspec
import pytest

from stepwell.wire.sessions import SessionsInvalid, resolved_meta


def resolved(meta: dict[str, Any]) -> Any:
    stored = resolved_meta(msgspec.Raw(msgspec.json.encode(meta)))
    return None if stored is None else json.loads(bytes(stored))


def test_numbers_become_text_as_javascript_writes_them() -> None:
    sessions = {"a": 7, "b": 1.5, "c": "x", "d": 3.0}
    assert resolved({"sessions": sessions}) == {
        "sessions": {"a": "7", "b": "1.5", "c": "x", "d": "3"}
    }


def test_own_sessions_win_over_inherited_ones() -> None:
    meta = {"sessions": {"a": "own"}, "propagated_sessions": {"a": "theirs", "b": "theirs"}}
    assert resolved(meta) == {"sessions": {"a": "own", "b": "theirs"}}


def test_a_null_cuts_one_inherited_session() -> None:
    meta = {"sessions": {"a": None}, "propagated_sessions": {"a": "1", "b": "2"}}
    assert resolved(meta) == {"sessions": {"b": "2"}}


def test_null_sessions_cut_all_inherited_ones() -> None:
    assert resolved({"sessions": None, "propagated_sessions": {"a": "1"}}) is None


def test_absent_sessions_inherit() -> None:
    assert resolved({"propagated_sessions": {"a": "1"}}) == {"sessions": {"a": "1"}}


def test_free_places_are_filled_in_byte_order() -> None:
    inherited = dict.fromkeys(("é", "z", "Z", "b", "a", "0"), "i")
    meta = {"sessions": {"own": "1"}, "propagated_sessions": inherited}
    assert list(resolved(meta)["sessions"]) == ["0", "Z", "a", "b", "own"]


def test_nothing_is_stored_without_sessions() -> None:
    assert resolved({}) is None
    assert resolved({"sessions": {}, "other": 1}) is None


def test_the_bounds_are_inclusive() -> None:
    assert resolved({"sessions": {"k" * 128: "i" * 512}}) is not None
    assert len(resolved({"sessions": {str(n): n for n in range(5)}})["sessions"]) == 5


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({"sessions": {"k": True}}, 'session "k" must be a string or number'),
        ({"sessions": {"k": ["x"]}}, 'session "k" must be a string or number'),
        ({"propagated_sessions": {"k": {}}}, 'session "k" must be a string or number'),
        ({"sessions": {"": "x"}}, "invalid sessions: a session key has 1 to 128 bytes"),
        ({"sessions": {"é" * 65: "x"}}, "invalid sessions: a session key has 1 to 128 bytes"),
        (
            {"sessions": {"k": ""}},
            'invalid sessions: the id of session "k" must have 1 to 512 bytes',
        ),
        (
            {"sessions": {"k": "i" * 513}},
            'invalid sessions: the id of session "k" must have 1 to 512 bytes',
        ),
        (
            {"sessions": {str(n): n for n in range(6)}},
            "invalid sessions: 6 sessions, at most 5 are allowed",
        ),
        ({"sessions": "x"}, "invalid sessions: sessions must be an object"),
        ({"propagated_sessions": [1]}, "invalid sessions: sessions must be an object"),
    ],
)
def test_bad_sessions_are_refused(meta: dict[str, Any], message: str) -> None:
    with pytest.raises(SessionsInvalid) as refused:
        resolved(meta)
    assert str(refused.value) == message
