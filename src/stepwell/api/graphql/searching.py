"""Search queries inside GraphQL queries, and what is said about those that are wrong.

Source: GraphQL, 6.
"""

from typing import Any

from stepwell.api.graphql.answers import Refused
from stepwell.core.search import QueryInvalid, SearchQuery, parse_query

__all__ = ["checked", "parsed_query"]


def parsed_query(text: str | None, prefix: str) -> SearchQuery | None:
    """The query, read; None without one.

    Args:
        text: As sent.
        prefix: What the message of an error begins with.
    """
    if not text or not text.strip():
        return None
    parsed = parse_query(text)
    if isinstance(parsed, QueryInvalid):
        place = {"line": parsed.line, "column": parsed.column, "reason": parsed.reason}
        raise Refused(f"{prefix}: {parsed.message}", code="SEARCH_INVALID", **place)
    return parsed


def checked(text: str) -> dict[str, Any]:
    """Whether a query can be understood, and where it cannot."""
    parsed = parse_query(text)
    if isinstance(parsed, SearchQuery):
        return {"is_valid": True, "message": None, "line": None, "column": None}
    return {
        "is_valid": False,
        "message": parsed.reason,
        "line": parsed.line,
        "column": parsed.column,
    }
