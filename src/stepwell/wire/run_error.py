"""The error of a run: what failure handlers, invoking functions and people are told.

An app reports its error in whatever shape its SDK, its framework or a platform in front of it
gives the body. `reported_error` finds name, message, stack and cause in there.
"""

from typing import Final

import msgspec

__all__ = ["RunError", "reported_error", "run_error"]

#: A larger nested error is not looked into. Source: SDK protocol, 7.3.
NESTED_ERROR_BYTES_MAX: Final = 32 * 1024

_NULL: Final = msgspec.Raw(b"null")
_SORTED: Final = msgspec.json.Encoder(order="sorted")


class RunError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a run failed.

    Attributes:
        error: What went wrong as the server saw it, such as `invalid status code: 500`.
        name: Class of the error.
        message: Text of the error.
        stack: Stack trace.
        cause: Nested error, raw JSON.

    Source: execution semantics, 5.2.
    """

    error: str
    name: str
    message: str
    stack: str | None = None
    cause: msgspec.Raw | None = None

    def encode(self) -> bytes:
        """The error as `data.error` of `inngest/function.failed`; keys sorted, absent ones left out.

        The app's `cause` is copied as it was sent, so the text need not be canonical.
        """
        return _SORTED.encode(self)

    def server_output(self) -> bytes:
        """The output of a run that failed for a reason outside its function: `{"error":{…}}`.

        Source: execution semantics, 5.5.
        """
        return b'{"error":%b}' % self.encode()


class _Fields(msgspec.Struct):
    error: msgspec.Raw = _NULL
    name: msgspec.Raw = _NULL
    message: msgspec.Raw = _NULL
    stack: msgspec.Raw = _NULL
    cause: msgspec.Raw = _NULL
    body: msgspec.Raw = _NULL


_FIELDS: Final = msgspec.json.Decoder(_Fields)
_TEXT: Final = msgspec.json.Decoder(str)


def run_error(
    name: str, message: str, stack: str | None = None, *, error: str | None = None
) -> RunError:
    """An error that the server itself found, such as a limit that was exceeded.

    Args:
        name: Code of the error, such as `InngestErrFunctionOverflowed`.
        message: Text for people.
        stack: Details for people.
        error: Where it is not `<name>: <message>`.

    Source: execution semantics, 3.11 and 5.5.
    """
    return RunError(error=error or f"{name}: {message}", name=name, message=message, stack=stack)


def reported_error(output: bytes, *, fallback: str) -> RunError:
    """Find the error in what an app answered.

    It is looked for in the object itself, then one level down in `error` and `body`, which may be
    objects or strings that hold JSON. A plain text is the message. A missing name is `Error`, a
    missing message the text under `error` or else `fallback`.

    Args:
        output: The answer, valid JSON.
        fallback: What went wrong as the server saw it.

    Source: SDK protocol, 7.3; execution semantics, 5.2.
    """
    found = _found(output)
    error = _text(found.error) or fallback
    return RunError(
        error=error,
        name=_text(found.name) or "Error",
        message=_text(found.message) or error,
        stack=_text(found.stack),
        cause=None if found.cause == _NULL else found.cause,
    )


def _found(output: bytes) -> _Fields:
    if output.startswith(b'"'):
        return _Fields(message=msgspec.Raw(output))
    fields = _object(output)
    if fields is None:
        return _Fields()
    if _is_named(fields):
        return fields
    for nested in (fields.error, fields.body):
        candidate = _nested(nested)
        if candidate is not None and (_is_named(candidate) or _text(candidate.error)):
            return candidate
    return fields


def _is_named(fields: _Fields) -> bool:
    return _text(fields.name) is not None or _text(fields.message) is not None


def _nested(raw: msgspec.Raw) -> _Fields | None:
    """The object, which some platforms quote as a string, once or twice."""
    value = bytes(raw)
    for _ in range(2):
        if not value.startswith(b'"') or len(value) > NESTED_ERROR_BYTES_MAX:
            break
        value = (_text(msgspec.Raw(value)) or "").strip().encode()
    return _object(value)


def _object(value: bytes) -> _Fields | None:
    if not value.startswith(b"{"):
        return None
    try:
        return _FIELDS.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return None


def _text(raw: msgspec.Raw) -> str | None:
    """The text if it is one and not empty."""
    try:
        return _TEXT.decode(raw) or None
    except msgspec.DecodeError:
        return None
