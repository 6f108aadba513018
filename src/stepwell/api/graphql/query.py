"""What is asked and answered over HTTP."""

from typing import Any

import msgspec

__all__ = ["Answer", "Answered", "Query", "QueryError"]


class Query(msgspec.Struct, frozen=True, rename="camel"):
    """What a client sends."""

    query: str = ""
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None


class QueryError(msgspec.Struct, frozen=True):
    """What is wrong; `path` says with which field."""

    message: str
    path: list[str | int] | msgspec.UnsetType = msgspec.UNSET
    locations: list[dict[str, int]] | msgspec.UnsetType = msgspec.UNSET
    extensions: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class Answered(msgspec.Struct, frozen=True):
    """What a query is answered with; `errors` is left out if there are none."""

    data: dict[str, Any] | None
    errors: list[QueryError] | msgspec.UnsetType = msgspec.UNSET


class Answer(msgspec.Struct, frozen=True):
    """What is sent back: the HTTP status, and the body as a value."""

    status: int
    body: dict[str, Any]
