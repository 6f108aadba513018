"""What bulk cancellations and replays have in common: requests, progress, and who carries them out.

Source: HTTP APIs, 7.1 and 7.7.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Protocol

import msgspec
from starlette.types import Receive, Scope, Send

from stepwell.api.body import headers_of, read_body
from stepwell.api.dates import parse_date_ms
from stepwell.api.errors import send_error
from stepwell.api.openapi import one_of
from stepwell.core.expressions import check_condition
from stepwell.core.function import Function, FunctionIndex
from stepwell.core.identity import OperationId
from stepwell.core.operation import Operation, OperationKind
from stepwell.wire.ulid import is_ulid

__all__ = [
    "TOO_MANY",
    "BulkOperations",
    "Deleted",
    "Fields",
    "ProgressWord",
    "find_function",
    "known_operation",
    "progress_status",
    "read_fields",
]

#: Enough for the largest condition and all other fields.
_BODY_BYTES_MAX: Final = 128 * 1024
_TEXT_CHARS_MAX: Final = 512
#: What is answered when `create_operation` refuses.
TOO_MANY: Final = "Too many bulk operations have not ended; wait for some, or delete some"


#: How an operation is doing.
ProgressWord = Annotated[str, one_of("Running", "Completed")]


class Deleted(msgspec.Struct, frozen=True):
    """That an operation was forgotten."""

    ok: bool = True


class BulkOperations(Protocol):
    """Who carries out bulk operations. Every method raises `StoreUnavailable`."""

    async def operations(self) -> Sequence[Operation]:
        """All operations, the newest first."""
        ...

    async def create_operation(self, operation: Operation) -> bool:
        """Begin with an operation; False if there are too many that have not ended."""
        ...

    async def delete_operation(self, operation_id: OperationId) -> bool:
        """Forget an operation and do no more of it; False if there is none with that id."""
        ...


class Fields:
    """The fields of a request, each checked when it is asked for.

    What is wrong is collected, so that a client learns of everything at once.
    """

    def __init__(self, members: dict[str, Any]) -> None:
        self._members = members
        self.problems: list[str] = []

    def text(self, name: str, *, chars_max: int = _TEXT_CHARS_MAX) -> str:
        """A text; "" without one."""
        value = self._members.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.problems.append(f"{name} must be a string")
        elif len(value) > chars_max:
            self.problems.append(f"{name} must have at most {chars_max} characters")
        else:
            return value
        return ""

    def required_text(self, name: str) -> str:
        """A text that must be there."""
        if self._members.get(name) in (None, ""):
            self.problems.append(f"{name} is required")
            return ""
        return self.text(name)

    def time_ms(self, name: str) -> int | None:
        """A time in RFC 3339, in ms since 1970; None without one."""
        value = self._members.get(name)
        if value is None or value == "":
            return None
        ms = parse_date_ms(value) if isinstance(value, str) else None
        if ms is None or ms < 0:
            self.problems.append(f"{name} must be a time such as 2026-11-21T09:07:15Z")
            return None
        return ms

    def required_time_ms(self, name: str) -> int | None:
        """A time that must be there."""
        if self._members.get(name) in (None, ""):
            self.problems.append(f"{name} is required")
            return None
        return self.time_ms(name)

    def number(self, name: str, *, maximum: int) -> int:
        """A whole number from 1 to `maximum`; 0 without one."""
        value = self._members.get(name)
        if value is None:
            return 0
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= maximum:
            self.problems.append(f"{name} must be a whole number from 1 to {maximum}")
            return 0
        return value

    def names(self, name: str, allowed: Sequence[str]) -> tuple[str, ...]:
        """At least one of the allowed words, each once; none without the field."""
        value = self._members.get(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not value or any(word not in allowed for word in value):
            self.problems.append(f"{name} must be a list of some of {', '.join(allowed)}")
            return ()
        return tuple(dict.fromkeys(value))

    def condition(self, name: str) -> str:
        """An expression over `event`; "" without one."""
        # Its length is checked with it.
        source = self.text(name, chars_max=_BODY_BYTES_MAX)
        reason = check_condition(source) if source else None
        if reason is not None:
            self.problems.append(f"{name} is not a valid expression: {reason}")
        return source


async def read_fields(scope: Scope, receive: Receive, send: Send) -> Fields | None:
    """The fields of the request's body; if it is no JSON object, the answer is sent."""
    body = await read_body(headers_of(scope), receive, bytes_max=_BODY_BYTES_MAX)
    try:
        members = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        members = None
    if isinstance(members, dict):
        return Fields(members)
    await send_error(send, 400, "The body must be a JSON object")
    return None


def find_function(functions: FunctionIndex, slug: str) -> Function | None:
    """The function with that slug or internal id; one that is archived if there is no other."""
    found = functions.invokable(slug)
    if found is not None:
        return found
    return next((function for function in functions if slug in (function.slug, function.id)), None)


async def known_operation(
    text: str, send: Send, bulk: BulkOperations, *, kind: OperationKind
) -> Operation | None:
    """The operation with that id; if there is none of the kind, the answer is sent."""
    word = "cancellation" if kind is OperationKind.CANCEL else "replay"
    if not is_ulid(text):
        await send_error(send, 400, f"Invalid {word} ID")
        return None
    wanted = text.upper()
    for operation in await bulk.operations():
        if operation.id == wanted and operation.kind is kind:
            return operation
    await send_error(send, 404, f"{word} not found")
    return None


def progress_status(operation: Operation) -> str:
    """How an operation is doing, in one word."""
    return "Completed" if operation.ended_ms else "Running"
