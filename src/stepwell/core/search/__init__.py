"""Which runs somebody looks for: a query in CEL over the run's events, output and error.

`parse_query` reads the text and says what is wrong with it, `matches` decides about one run,
`RunsCursor` marks a place in a list of runs. Only comparisons of one field with literals exist, so
what a query costs is known before it is evaluated (`QUERY_CHARS_MAX`, `COMPARISONS_MAX`, `PATTERNS_MAX`).

Source: GraphQL API, 6.
"""

from stepwell.core.search.conditions import (
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Field,
    Membership,
    Not,
    Operator,
    Part,
    TextTest,
)
from stepwell.core.search.cursor import RunsCursor, decode_cursor, encode_cursor
from stepwell.core.search.matching import (
    PATTERN_TEXT_CHARS_MAX,
    EventFacts,
    RunFacts,
    matches,
)
from stepwell.core.search.query import (
    COMPARISONS_MAX,
    PATTERNS_MAX,
    QUERY_CHARS_MAX,
    QueryInvalid,
    SearchQuery,
    parse_query,
)

__all__ = [
    "COMPARISONS_MAX",
    "PATTERNS_MAX",
    "PATTERN_TEXT_CHARS_MAX",
    "QUERY_CHARS_MAX",
    "AllOf",
    "AnyOf",
    "Comparison",
    "Condition",
    "EventFacts",
    "Field",
    "Membership",
    "Not",
    "Operator",
    "Part",
    "QueryInvalid",
    "RunFacts",
    "RunsCursor",
    "SearchQuery",
    "TextTest",
    "decode_cursor",
    "encode_cursor",
    "matches",
    "parse_query",
]
