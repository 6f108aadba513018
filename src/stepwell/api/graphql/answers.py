"""Errors of a query, as clients are told. Source: GraphQL, 1.3."""

from typing import Any, Final

import structlog
from graphql import GraphQLError

from stepwell.engine.store import StoreUnavailable

__all__ = ["PARSE_FAILED", "VALIDATION_FAILED", "Refused", "error_object"]

_log = structlog.get_logger("stepwell.graphql")

PARSE_FAILED: Final = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED: Final = "GRAPHQL_VALIDATION_FAILED"
#: What clients are told of a defect; the log has the rest.
INTERNAL: Final = "internal system error"
_NULL: Final = "must not be null"
_NULL_MESSAGE: Final = "Cannot return null for non-nullable field"


class Refused(Exception):
    """A field cannot be answered, and the message says why.

    Attributes:
        extensions: More for programs, such as where a search query is wrong.
    """

    def __init__(self, message: str, **extensions: Any) -> None:
        super().__init__(message)
        self.extensions = extensions


def error_object(error: GraphQLError, *, code: str | None = None) -> dict[str, Any]:
    """The error as it is sent: never with more of a defect than that there is one.

    Args:
        error: As the library collected it.
        code: What kind it is, if it was not raised by a resolver; such errors say where they are.
    """
    message, extensions = _told(error)
    if code is not None:
        extensions = {"code": code}
    told: dict[str, Any] = {"message": message}
    if error.path:
        told["path"] = error.path
    if code is not None and error.locations:
        told["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    if extensions:
        told["extensions"] = extensions
    return told


def _told(error: GraphQLError) -> tuple[str, dict[str, Any]]:
    cause = error.original_error
    if cause is None or isinstance(cause, GraphQLError):
        return error.message, {}
    if isinstance(cause, Refused):
        return str(cause), cause.extensions
    if isinstance(cause, StoreUnavailable):
        return str(cause), {"code": cause.code}
    if isinstance(cause, TypeError) and str(cause).startswith(_NULL_MESSAGE):
        return _NULL, {}
    _log.error("graphql.defect", path=error.path, exc_info=cause)
    return INTERNAL, {}
