"""The restricted language of `cancel.if`, and the one recommended for waits.

Source: execution semantics, 7.6.
"""

from stepwell.core.expressions.expression import WAIT, compile_condition
from stepwell.core.expressions.failures import ExpressionInvalid
from stepwell.core.expressions.syntax import Call, Macro, Node, Select, children, read_tree

_ALLOWED_CALLS = frozenset(
    (
        *("_&&_", "_||_", "!_", "_?_:_"),
        *("_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "@in"),
        *("_[_]", "int", "uint", "double"),
    )
)


def check_restricted(source: str) -> str | None:
    """Why an expression is outside the restricted language, or None.

    Allowed are logical operators, comparisons, `in`, indexes, fields, `? :`, literals and the
    conversions int, uint and double. Syntax and names are checked too, types are not.
    """
    try:
        compile_condition(source, variables=WAIT)
    except ExpressionInvalid as error:
        return error.reason
    return _first_violation(read_tree(source))


def _first_violation(node: Node) -> str | None:
    match node:
        case Macro():
            return "macros are not allowed here"
        case Select(is_test=True):
            return "has() is not allowed here"
        case Call() if node.function not in _ALLOWED_CALLS:
            name = node.function.replace("_", "") or node.function
            return f"{name!r} is not allowed here"
    for child in children(node):
        violation = _first_violation(child)
        if violation is not None:
            return violation
    return None
