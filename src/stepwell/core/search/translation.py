"""From the syntax tree of one line to a condition, or to what is wrong with it.

The wording of messages that the reference has is fixed; the reasons beside them are ours.

Source: GraphQL API, 6 (validation, grammar).
"""

from collections.abc import Iterator
from typing import Any, Final, get_args

from stepwell.core.expressions.failures import ExpressionFailed
from stepwell.core.expressions.language import matches_regex
from stepwell.core.expressions.paths import Path, path_of
from stepwell.core.expressions.syntax import (
    Call,
    Constant,
    ListLiteral,
    Macro,
    MapLiteral,
    Node,
    Select,
    children,
)
from stepwell.core.expressions.values import UnsignedInt, double_text
from stepwell.core.search.conditions import (
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Field,
    Literals,
    Membership,
    Not,
    Operator,
    Part,
    TextTest,
)

__all__ = ["Refused", "Translation", "in_preorder"]

_SYNTAX: Final = "invalid syntax detected"
_MACROS: Final = "macros are currently not supported"

_FORMS: Final = (
    "a condition is `field OP literal`, `field in [literals]` or `field.startsWith(text)`, and"
    " likewise endsWith, contains and matches"
)

_LIBRARY_PREFIX: Final = "invalid regular expression: "

_TEXT_PARTS: Final = (Part.EVENT_ID, Part.EVENT_NAME, Part.EVENT_VERSION)
_EVENT_PARTS: Final = {
    "id": Part.EVENT_ID,
    "name": Part.EVENT_NAME,
    "v": Part.EVENT_VERSION,
    "ts": Part.EVENT_TS,
}
_OPERATORS: Final = {f"_{operator.value}_": operator for operator in Operator}
_FLIPPED: Final = {
    Operator.EQUAL: Operator.EQUAL,
    Operator.UNEQUAL: Operator.UNEQUAL,
    Operator.LESS: Operator.GREATER,
    Operator.LESS_OR_EQUAL: Operator.GREATER_OR_EQUAL,
    Operator.GREATER: Operator.LESS,
    Operator.GREATER_OR_EQUAL: Operator.LESS_OR_EQUAL,
}
_TEXT_FUNCTIONS: Final = get_args(TextTest.__annotations__["function"])


class Refused(Exception):
    """The line is no condition.

    Attributes:
        message: What clients are told.
        node: The part of the tree that is to blame.
        reason: What to do about it.
    """

    def __init__(self, message: str, node: Node, reason: str) -> None:
        super().__init__(message)
        self.message = message
        self.node = node
        self.reason = reason


class Translation:
    """The translation of a query.

    Attributes:
        ignored: Names that a query compares although runs have no such field.
        comparisons: How many literals runs are compared with.
        patterns: How many regular expressions.
    """

    def __init__(self) -> None:
        self.ignored: list[str] = []
        self.comparisons = 0
        self.patterns = 0

    def condition(self, tree: Node) -> Condition | None:
        """The condition of a line; None where it restricts nothing.

        Raises:
            Refused: See there.
        """
        for node in in_preorder(tree):
            if isinstance(node, Macro) or (isinstance(node, Select) and node.is_test):
                raise Refused(_MACROS, node, f"has(), exists() … do not exist here; {_FORMS}")
        return self._condition(tree)

    def _condition(self, node: Node) -> Condition | None:
        if not isinstance(node, Call):
            raise Refused(_SYNTAX, node, f"this is compared with nothing; {_FORMS}")
        match node.function:
            case "_&&_" | "_||_":
                return self._junction(node)
            case "!_":
                inner = self._condition(node.arguments[0])
                return None if inner is None else Not(inner)
            case "@in":
                return self._membership(node)
            case function if function in _OPERATORS:
                return self._comparison(node, _OPERATORS[function])
            case function if function in _TEXT_FUNCTIONS:
                return self._text_test(node, function)
        name = node.function.replace("_", "") or node.function
        raise Refused(_SYNTAX, node, f"{name!r} is not known here; {_FORMS}")

    def _junction(self, node: Call) -> Condition | None:
        found = [self._condition(argument) for argument in node.arguments]
        # What restricts nothing is as if it were not written, also beside `||`.
        known = tuple(condition for condition in found if condition is not None)
        if len(known) < 2:
            return known[0] if known else None
        return AllOf(known) if node.function == "_&&_" else AnyOf(known)

    def _comparison(self, node: Call, operator: Operator) -> Condition | None:
        one, other = node.arguments
        if _is_literal(one) and not _is_literal(other):
            one, other, operator = other, one, _FLIPPED[operator]
        path = path_of(one)
        if path is None or not _is_literal(other):
            reason = "a comparison is between one field and one literal"
            raise Refused(_SYNTAX, node, reason)
        self.comparisons += 1
        field = _field(path)
        if field is None:
            self.ignored.append(_name(path))
            return None
        value = _value(field, other)
        if operator.is_order:
            _check_order(node, operator, value)
        return Comparison(field, operator, value)

    def _membership(self, node: Call) -> Condition:
        one, other = node.arguments
        if not isinstance(other, ListLiteral) or not all(map(_is_literal, other.elements)):
            raise Refused(_SYNTAX, node, "`in` takes a list of literals, such as [1, 2]")
        field = _required_field(one)
        self.comparisons += len(other.elements)
        return Membership(field, tuple(_value(field, element) for element in other.elements))

    def _text_test(self, node: Call, function: Any) -> Condition:
        argument = node.arguments[0] if len(node.arguments) == 1 else None
        if node.target is None or not isinstance(argument, Constant):
            raise Refused(_SYNTAX, node, f"write `field.{function}(text)`")
        text = argument.value
        if type(text) is not str:
            raise Refused(_SYNTAX, argument, f"{function}() takes a text")
        field = _required_field(node.target)
        if field.part is Part.EVENT_TS:
            raise Refused(_SYNTAX, node, f"{function}() is for texts, and 'event.ts' is a number")
        if function == "matches":
            _check_pattern(argument, text)
            self.patterns += 1
        self.comparisons += 1
        return TextTest(field, function, text)


def in_preorder(node: Node) -> Iterator[Node]:
    """The nodes of a tree that have a place in the text, in the order of `syntax.offsets`."""
    yield node
    if not isinstance(node, Macro | MapLiteral):
        for child in children(node):
            yield from in_preorder(child)


def _field(path: Path) -> Field | None:
    """The field of a run that the path names, if it names one."""
    if path.root in {"output", "error"}:
        return Field(Part(path.root), path.keys)
    if path.root != "event" or not path.keys:
        return None
    first, *rest = path.keys
    if first == "data":
        return Field(Part.EVENT_DATA, tuple(rest))
    part = _EVENT_PARTS.get(str(first))
    return None if part is None or rest else Field(part)


def _required_field(node: Node) -> Field:
    path = path_of(node)
    field = None if path is None else _field(path)
    if field is None:
        reason = "this needs a field of event.data, output or error, or event.id, .name or .v"
        raise Refused(_SYNTAX, node, reason)
    return field


def _name(path: Path) -> str:
    return ".".join(map(str, (path.root, *path.keys)))


def _is_literal(node: Node) -> bool:
    return isinstance(node, Constant) and type(node.value) is not bytes


def _value(field: Field, node: Node) -> Literals:
    """The value of a literal, which must be of the field's type."""
    assert isinstance(node, Constant)
    value: Literals = node.value
    name = field.part.value
    if field.part in _TEXT_PARTS and type(value) is not str:
        message = f"expects '{name}' to be a string: {_literal_text(value)}"
        raise Refused(message, node, f"write a text in quotes after {name}")
    if field.part is Part.EVENT_TS and type(value) not in {int, UnsignedInt}:
        message = f"expects '{name}' to be an integer: {_literal_text(value)}"
        raise Refused(message, node, "event.ts is in milliseconds since 1970, a whole number")
    return int(value) if type(value) is UnsignedInt else value


def _check_order(node: Call, operator: Operator, value: Literals) -> None:
    if type(value) is str:
        message = f"unsupported string operator: {operator.value}"
        raise Refused(message, node, "texts are compared with ==, != and functions only")
    if value is None:
        only = "(only == and != are supported for null)"
        message = f"unsupported null operator: {operator.value} {only}"
        raise Refused(message, node, "null has no order")
    if type(value) is bool:
        message = f"unsupported boolean operator: {operator.value}"
        raise Refused(message, node, "true and false have no order")


def _check_pattern(node: Node, pattern: str) -> None:
    try:
        matches_regex("", pattern)
    except ExpressionFailed as error:
        message = f"invalid regular expression: {error.reason.rpartition(_LIBRARY_PREFIX)[2]}"
        raise Refused(message, node, "matches() takes a pattern of RE2") from error


def _literal_text(value: Literals) -> str:
    match value:
        case str():
            return value
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float():
            return double_text(value)
        case _:
            return str(int(value))
