"""Reading the text of a query."""

import re
from typing import Final

import msgspec

from stepwell.core.expressions.failures import ExpressionInvalid
from stepwell.core.expressions.syntax import Node, Select, children, offsets, read_tree
from stepwell.core.search.conditions import (
    AllOf,
    Comparison,
    Condition,
    Membership,
    Operator,
    Part,
    fields_of,
)
from stepwell.core.search.translation import Refused, Translation, in_preorder

__all__ = [
    "COMPARISONS_MAX",
    "PATTERNS_MAX",
    "QUERY_CHARS_MAX",
    "QueryInvalid",
    "SearchQuery",
    "parse_query",
]

QUERY_CHARS_MAX: Final = 4_096
"""Longest query. Reading one of that length takes some 25 ms, reading a usual one 0.2 ms."""

COMPARISONS_MAX: Final = 100
"""Literals a query may compare with, each element of a list counted. It bounds the cost per run."""

PATTERNS_MAX: Final = 5
"""Regular expressions a query may have: each takes up to 12 ms per event."""

# A function or macro is placed at its parenthesis; what people look for is its name.
_CALLED: Final = re.compile(r"\w+\s*\($")
_COMPILER_LINE: Final = re.compile(r"ERROR: <input>:\d+:(\d+): (.*)")


class SearchQuery(msgspec.Struct, frozen=True):
    """A query that has been read.

    Attributes:
        text: What it was read from.
        condition: What runs must satisfy; None if all do.
        parts: The parts of a run that must be known to tell.
        event_names: Names one of which an event must have to satisfy it; None if any can.
        event_ids: Ids one of which an event must have, its own or its sender's; None if any can.
        ignored: Compared names that runs do not have; such a comparison restricts nothing.
    """

    text: str
    condition: Condition | None
    parts: frozenset[Part] = frozenset()
    event_names: frozenset[str] | None = None
    event_ids: frozenset[str] | None = None
    ignored: tuple[str, ...] = ()


class QueryInvalid(msgspec.Struct, frozen=True):
    """Why a text is no query.

    Attributes:
        message: What clients are told; the wording of the usual ones is fixed.
        line: The line of the text, from 1.
        column: The character of that line at which the offending word begins, from 1.
        reason: The same for a person, with what to do about it.
    """

    message: str
    line: int
    column: int
    reason: str


def parse_query(text: str) -> SearchQuery | QueryInvalid:
    """Read a query: each line that is not blank is an expression, and all must hold.

    Returns:
        The query, or what is wrong with the first line that is.

    Source: GraphQL API, 6.
    """
    if len(text) > QUERY_CHARS_MAX:
        return _too_much(f"the query has {len(text)} characters; {QUERY_CHARS_MAX} are allowed")
    translation = Translation()
    conditions: list[Condition] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        condition = _read_line(line.removesuffix("\r"), number, translation)
        if isinstance(condition, QueryInvalid):
            return condition
        if translation.comparisons > COMPARISONS_MAX:
            reason = f"the query compares with more than {COMPARISONS_MAX} literals"
            return _too_much(reason, line=number)
        if translation.patterns > PATTERNS_MAX:
            return _too_much(f"the query has more than {PATTERNS_MAX} patterns", line=number)
        conditions += [] if condition is None else [condition]
    return _query(text, conditions, tuple(translation.ignored))


def _query(text: str, conditions: list[Condition], ignored: tuple[str, ...]) -> SearchQuery:
    if not conditions:
        return SearchQuery(text, None, ignored=ignored)
    condition = conditions[0] if len(conditions) == 1 else AllOf(tuple(conditions))
    parts = frozenset(field.part for field in fields_of(condition))
    return SearchQuery(
        text,
        condition,
        parts,
        _required(condition, Part.EVENT_NAME),
        _required(condition, Part.EVENT_ID),
        ignored,
    )


def _read_line(line: str, number: int, translation: Translation) -> Condition | QueryInvalid | None:
    if "\0" in line:
        # The parser would end the text there, and the rest would count for nothing.
        reason = "the query has a NUL character"
        return QueryInvalid(reason, number, line.index("\0") + 1, reason)
    try:
        tree = read_tree(line)
    except ExpressionInvalid as error:
        return _syntax_error(line, number, error.reason)
    try:
        return translation.condition(tree)
    except Refused as refused:
        column = _column(line, tree, refused.node)
        return QueryInvalid(refused.message, number, column, refused.reason)


def _syntax_error(line: str, number: int, reason: str) -> QueryInvalid:
    first = reason.partition("\n")[0]
    located = _COMPILER_LINE.fullmatch(first)
    if located is None:
        return QueryInvalid(first, number, 1, first)
    column, words = located.groups()
    return QueryInvalid(f"{words}\n | {line}", number, int(column), words)


def _column(line: str, tree: Node, node: Node) -> int:
    """Where the word begins by which the node is known: its operator, function or first name."""
    places = dict(zip(map(id, in_preorder(tree)), offsets(line), strict=True))
    while isinstance(node, Select) and not node.is_test:
        (node,) = children(node)
    place = places[id(node)]
    called = _CALLED.search(line[: place + 1])
    return (place if called is None else called.start()) + 1


def _required(condition: Condition, part: Part) -> frozenset[str] | None:
    """The texts one of which the part must be for the condition to hold; None if any will do."""
    match condition:
        case Comparison(operator=Operator.EQUAL, field=field, value=str(value)):
            return frozenset({value}) if field.part is part else None
        case Membership(field=field, values=values) if field.part is part:
            return frozenset(map(str, values))
        case AllOf(conditions=conditions):
            found = [_required(inner, part) for inner in conditions]
            known = [texts for texts in found if texts is not None]
            # Each is necessary by itself. An event may have two ids of one query, so they are not
            # intersected.
            return min(known, key=len, default=None)
        case _:
            return None


def _too_much(reason: str, *, line: int = 1) -> QueryInvalid:
    return QueryInvalid(reason, line, 1, reason)
