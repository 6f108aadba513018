"""CEL expressions in the dialect of the reference: conditions, keys, waits.

`compile_condition` gives an `Expression` for triggers, keys, priorities and batch conditions;
`bind_trigger`, `index_values` and `wait_matches` serve waits and `cancelOn`; the `check_…`
functions say at registration why an expression must be refused. Nothing here can stall the server:
size, nesting and work are bounded (`SOURCE_BYTES_MAX`, `NESTING_MAX`, `COST_MAX`, `REGEX_…`).

`language` says which part the CEL library decides and which part this package does.

Source: execution semantics, 7.
"""

from stepwell.core.expressions.equality_index import index_values
from stepwell.core.expressions.evaluation import COST_MAX
from stepwell.core.expressions.expression import (
    TRIGGER,
    WAIT,
    Expression,
    check_condition,
    check_value,
    compile_condition,
)
from stepwell.core.expressions.failures import ExpressionFailed, ExpressionInvalid
from stepwell.core.expressions.language import (
    NESTING_MAX,
    REGEX_CHARS_MAX,
    REGEX_SUBJECT_CHARS_MAX,
    SOURCE_BYTES_MAX,
)
from stepwell.core.expressions.policy import check_restricted
from stepwell.core.expressions.values import MISSING, Missing, key_text
from stepwell.core.expressions.waiting import WaitCondition, bind_trigger, wait_matches

__all__ = [
    "COST_MAX",
    "MISSING",
    "NESTING_MAX",
    "REGEX_CHARS_MAX",
    "REGEX_SUBJECT_CHARS_MAX",
    "SOURCE_BYTES_MAX",
    "TRIGGER",
    "WAIT",
    "Expression",
    "ExpressionFailed",
    "ExpressionInvalid",
    "Missing",
    "WaitCondition",
    "bind_trigger",
    "check_condition",
    "check_restricted",
    "check_value",
    "compile_condition",
    "index_values",
    "key_text",
    "wait_matches",
]
