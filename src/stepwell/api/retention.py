"""`/v1/retention`: how long an environment keeps what, and what was deleted last.

The endpoint is ours. Times are texts such as "30d" or "12h", or "forever".
"""

from typing import Annotated, Any, Final, Protocol

import msgspec
from msgspec import Meta
from starlette.types import Receive, Scope, Send

from stepwell.api.body import headers_of, read_body
from stepwell.api.dates import date_text
from stepwell.api.errors import send_error
from stepwell.api.openapi import (
    Body,
    Declaration,
    DeclarationTable,
    Tag,
    Timestamp,
    Uuid,
    data,
    refused,
)
from stepwell.api.responses import send_data
from stepwell.api.services import RouteTable
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, EnvironmentId
from stepwell.core.retention import (
    FOREVER,
    INHERITED,
    KEPT_MS_MAX,
    KEPT_MS_MIN,
    KEPT_NAMES,
    Retention,
    RetentionOverrides,
)
from stepwell.engine.clock import Clock
from stepwell.engine.store import RetentionState
from stepwell.wire.durations import DurationInvalid, duration_ms, format_duration

__all__ = [
    "DECLARATIONS",
    "RetentionApi",
    "RetentionControl",
    "RetentionObject",
    "asked_changes",
    "retention_object",
]

_BODY_BYTES_MAX: Final = 64 * 1024
_FOREVER: Final = "forever"
_DAY_MS: Final = 86_400_000
_NOT_AN_OBJECT: Final = "The body must be a JSON object"

#: A time, or "forever".
Kept = Annotated[str, Meta(extra_json_schema={"examples": ["30d", "12h", _FOREVER]})]


class RetentionControl(Protocol):
    """Who keeps and forgets. Methods that wait raise `StoreUnavailable`."""

    @property
    def retention(self) -> Retention:
        """How long what is kept where an environment says nothing else."""
        ...

    async def retention_state(self, environment_id: EnvironmentId) -> RetentionState:
        """What an environment has of its own, and what was deleted of it last."""
        ...

    async def change_retention(
        self, environment_id: EnvironmentId, own: RetentionOverrides
    ) -> None:
        """Let an environment keep things for other times; returns when it is durable."""
        ...


class KeptObject(msgspec.Struct, frozen=True, kw_only=True):
    """How long what is kept."""

    events: Kept
    runs: Kept
    journals: Kept
    rollups: Kept
    operations: Kept


class OwnObject(msgspec.Struct, frozen=True, kw_only=True):
    """What an environment has of its own; null where it is as the server says."""

    events: Kept | None = None
    runs: Kept | None = None
    journals: Kept | None = None
    rollups: Kept | None = None
    operations: Kept | None = None


class PassObject(msgspec.Struct, frozen=True):
    """What the last pass deleted that deleted something: rows by table."""

    began_at: Timestamp
    deleted: dict[str, int]


class RetentionObject(msgspec.Struct, frozen=True, kw_only=True):
    """How long an environment keeps what.

    Attributes:
        kept: What holds.
        own: What the environment has of its own.
        server: What holds where it has nothing of its own.
        last_pass: null if nothing was ever deleted.
    """

    environment_id: Uuid
    kept: KeptObject
    own: OwnObject
    server: KeptObject
    last_pass: PassObject | None


DECLARATIONS: Final[DeclarationTable] = {
    "/v1/retention": {
        "GET": Declaration(
            "getRetention",
            "Show how long what is kept",
            Tag.SERVER,
            answers=(data(RetentionObject),),
        ),
        "PUT": Declaration(
            "setRetention",
            "Change how long what is kept",
            Tag.SERVER,
            text="Fields that are left out stay as they are; null is as the server says. What is "
            "too old by then is deleted at once.",
            body=Body(OwnObject),
            answers=(
                data(RetentionObject),
                refused(400, "All that is wrong with the request, a line each"),
            ),
        ),
    },
}


class RetentionApi:
    """Shows and changes the times of the environment that the key belongs to."""

    def __init__(self, control: RetentionControl, clock: Clock) -> None:
        self._control = control
        self._clock = clock

    def routes(self) -> RouteTable:
        """Where it is mounted."""
        return {"/v1/retention": {"GET": self.show, "PUT": self.change}}

    async def show(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """How it stands."""
        await self._send(send, await self._control.retention_state(DEFAULT_ENVIRONMENT_ID))

    async def change(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Change some times; answers when that is durable, with how it stands then."""
        body = await read_body(headers_of(scope), receive, bytes_max=_BODY_BYTES_MAX)
        try:
            members = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            members = None
        changes, problems = asked_changes(members)
        if problems:
            await send_error(send, 400, "\n".join(problems))
            return
        state = await self._control.retention_state(DEFAULT_ENVIRONMENT_ID)
        own = msgspec.structs.replace(state.own, **changes)
        await self._control.change_retention(DEFAULT_ENVIRONMENT_ID, own)
        await self._send(send, msgspec.structs.replace(state, own=own))

    async def _send(self, send: Send, state: RetentionState) -> None:
        shown = retention_object(state, self._control.retention)
        await send_data(send, shown, now_ms=self._clock.now_ms())


def retention_object(state: RetentionState, server: Retention) -> RetentionObject:
    """How it stands, as clients read it."""
    last_pass = None
    if state.pass_ms:
        last_pass = PassObject(date_text(state.pass_ms), dict(state.deleted))
    return RetentionObject(
        environment_id=DEFAULT_ENVIRONMENT_ID,
        kept=_kept(state.own.over(server)),
        own=_own(state.own),
        server=_kept(server),
        last_pass=last_pass,
    )


def _kept(retention: Retention) -> KeptObject:
    return KeptObject(**{name: _text(getattr(retention, name)) for name in KEPT_NAMES})


def _own(own: RetentionOverrides) -> OwnObject:
    values = {name: getattr(own, name) for name in KEPT_NAMES}
    return OwnObject(**{name: _text(ms) for name, ms in values.items() if ms != INHERITED})


def _text(kept_ms: int) -> str:
    if kept_ms == FOREVER:
        return _FOREVER
    days, rest_ms = divmod(kept_ms, _DAY_MS)
    # "30d" is what people say, and not "4w2d".
    return format_duration(kept_ms) if rest_ms else f"{days}d"


def asked_changes(members: object) -> tuple[dict[str, int], list[str]]:
    """The times that are to change, and all that is wrong with what was sent."""
    if not isinstance(members, dict):
        return {}, [_NOT_AN_OBJECT]
    changes: dict[str, int] = {}
    problems: list[str] = []
    for name, value in members.items():
        ms = _kept_ms(value)
        if name not in KEPT_NAMES:
            problems.append(f"{name[:100]!r} is none of {', '.join(KEPT_NAMES)}")
        elif ms is None:
            problems.append(
                f'{name} must be null, "{_FOREVER}" or a time from 1m to 36525d, such as "30d"'
            )
        else:
            changes[name] = ms
    return changes, problems


def _kept_ms(value: Any) -> int | None:
    """The time that is meant; None if it cannot be."""
    if value is None:
        return INHERITED
    if value == _FOREVER:
        return FOREVER
    if not isinstance(value, str):
        return None
    try:
        ms = duration_ms(value)
    except DurationInvalid:
        return None
    return ms if KEPT_MS_MIN <= ms <= KEPT_MS_MAX else None
