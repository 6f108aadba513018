"""Sessions: labels of an event under which its runs can be found together."""

from typing import Any

import msgspec

__all__ = [
    "SESSIONS_MAX",
    "SESSION_ID_BYTES_MAX",
    "SESSION_KEY_BYTES_MAX",
    "SessionsInvalid",
    "resolved_meta",
]

SESSIONS_MAX = 5
SESSION_KEY_BYTES_MAX = 128
SESSION_ID_BYTES_MAX = 512


class SessionsInvalid(ValueError):
    """The sessions of an event break a rule; the message says which, for the sender."""


class _Meta(msgspec.Struct, frozen=True):
    # Absent and null differ: null drops what would be inherited.
    sessions: dict[str, Any] | msgspec.UnsetType | None = msgspec.UNSET
    propagated_sessions: dict[str, Any] | None = None


_DECODER = msgspec.json.Decoder(_Meta)
_ENCODER = msgspec.json.Encoder(order="sorted")


def resolved_meta(meta: msgspec.Raw) -> msgspec.Raw | None:
    """What is stored of an event's `meta`: its sessions, merged with the inherited ones.

    Own sessions win. Those of the run that sends the event (`propagated_sessions`) fill the rest up
    to 5, in the byte order of their keys. `sessions: null` drops all inherited ones, a key with the
    value null drops that one. Numbers become text. Other keys of `meta` are dropped.

    Returns:
        `{"sessions": {...}}`, or None if no session is left.

    Raises:
        SessionsInvalid: More than 5, or a key or id is empty, too long or of a wrong type.

    Source: execution semantics, 1.6.
    """
    try:
        decoded = _DECODER.decode(meta)
    except msgspec.MsgspecError as error:
        raise SessionsInvalid("invalid sessions: sessions must be an object") from error
    if decoded.sessions is None:
        return None

    own = {} if decoded.sessions is msgspec.UNSET else decoded.sessions
    sessions = {key: _session_id(key, value) for key, value in own.items() if value is not None}
    if len(sessions) > SESSIONS_MAX:
        raise SessionsInvalid(
            f"invalid sessions: {len(sessions)} sessions, at most {SESSIONS_MAX} are allowed"
        )
    inherited = decoded.propagated_sessions or {}
    for key in sorted(inherited.keys() - own.keys(), key=str.encode):
        if len(sessions) == SESSIONS_MAX:
            break
        if inherited[key] is not None:
            sessions[key] = _session_id(key, inherited[key])
    return msgspec.Raw(_ENCODER.encode({"sessions": sessions})) if sessions else None


def _session_id(key: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise SessionsInvalid(f'session "{key}" must be a string or number')
    # As JavaScript would write it: no ".0" on a whole number.
    whole = isinstance(value, float) and value.is_integer()
    session_id = str(int(value)) if whole else str(value)
    if not 0 < len(key.encode()) <= SESSION_KEY_BYTES_MAX:
        raise SessionsInvalid(
            f"invalid sessions: a session key has 1 to {SESSION_KEY_BYTES_MAX} bytes"
        )
    if not 0 < len(session_id.encode()) <= SESSION_ID_BYTES_MAX:
        raise SessionsInvalid(
            f'invalid sessions: the id of session "{key}" must have 1 to '
            f"{SESSION_ID_BYTES_MAX} bytes"
        )
    return session_id
