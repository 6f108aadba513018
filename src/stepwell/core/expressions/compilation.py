"""From a syntax tree to closures: the one evaluator of the dialect.

Every node becomes a function of the frame. What can be decided once is decided while compiling:
which slot a variable is in, whether an operand is a constant, whether a path is interpolated.

Source: execution semantics, 7.2 to 7.5.
"""

from collections.abc import Callable
from typing import Any, assert_never

from stepwell.core.expressions import arithmetic
from stepwell.core.expressions.evaluation import ASYNC, EVENT, VARIABLES, Evaluator, Frame
from stepwell.core.expressions.failures import ExpressionFailed
from stepwell.core.expressions.functions import Overload, find
from stepwell.core.expressions.logic import (
    conditional,
    logical_and,
    logical_not,
    logical_or,
)
from stepwell.core.expressions.macros import macro
from stepwell.core.expressions.paths import Path, path_of, path_reader, root_of
from stepwell.core.expressions.syntax import (
    Call,
    Constant,
    Identifier,
    ListLiteral,
    Macro,
    MapLiteral,
    Node,
    Select,
    node_count,
)
from stepwell.core.expressions.values import (
    MISSING,
    ComputedMap,
    TypeName,
    UnsignedInt,
    contains,
    equals,
    is_ordered,
    lookup,
    to_double,
)

_TYPE_NAMES = frozenset(
    (
        *("bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"),
        *("google.protobuf.Duration", "google.protobuf.Timestamp"),
    )
)

_EVENT_SLOTS = {"event": EVENT, "async": ASYNC}
_NUMBERS = (float, int, UnsignedInt)


class UnknownName(Exception):
    """The tree uses a variable or function that does not exist."""


class Compiler:
    """Compiles the nodes of one expression. `slot_count` is how many macro variables nest.

    Args:
        variables: Which of `event` and `async` exist.
        interpolates: Whether a missing field of `event` is null (waits) or MISSING.
    """

    def __init__(self, variables: frozenset[str], *, interpolates: bool) -> None:
        self._slots = {name: _EVENT_SLOTS[name] for name in variables}
        self._interpolates = interpolates
        self.slot_count = 0

    def compile(self, node: Node) -> Evaluator:
        """A closure that evaluates the node.

        Raises:
            UnknownName: See there; the message names it.
        """
        match node:
            case Constant(value=value):
                return lambda _: value
            case Identifier() | Select():
                return self._field(node)
            case Call():
                return self._call(node)
            case ListLiteral(elements=nodes):
                return _list_evaluator([self.compile(element) for element in nodes])
            case MapLiteral(entries=entries):
                return _map_evaluator([(self.compile(k), self.compile(v)) for k, v in entries])
            case Macro():
                return self._macro(node)
            case _:
                assert_never(node)

    def _field(self, node: Identifier | Select) -> Evaluator:
        path = path_of(node)
        if path is not None:
            return self._path(path)
        assert isinstance(node, Select)
        operand, field = self.compile(node.operand), node.field
        if node.is_test:
            return lambda frame: lookup(operand(frame), field) is not MISSING
        return self._interpolated(node, lambda frame: lookup(operand(frame), field))

    def _path(self, path: Path) -> Evaluator:
        slot = self._slots.get(path.root)
        if slot is not None and slot < VARIABLES:
            is_null = self._interpolates and slot == EVENT
            return path_reader(slot, path.keys, None if is_null else MISSING)
        if slot is not None:
            return _variable_reader(slot, path)
        name = ".".join(map(str, (path.root, *path.keys)))
        if name in _TYPE_NAMES:
            return lambda _: TypeName(name)
        raise UnknownName(f"undeclared reference to {name!r}")

    def _interpolated(self, node: Node, evaluator: Evaluator) -> Evaluator:
        """A chain with computed keys: null instead of missing if it starts at the trigger event."""
        root = root_of(node)
        if not self._interpolates or root is None or self._slots.get(root) != EVENT:
            return evaluator

        def null_if_missing(frame: Frame) -> Any:
            value = evaluator(frame)
            return None if value is MISSING else value

        return null_if_missing

    def _call(self, node: Call) -> Evaluator:
        if node.function == "_[_]":
            path = path_of(node)
            if path is not None and path.root in self._slots:
                return self._path(path)
        operands = [self.compile(argument) for argument in node.arguments]
        operator = _OPERATORS.get(node.function)
        if operator is not None:
            return self._interpolated(node, operator(node, *operands))
        if node.target is not None:
            operands.insert(0, self.compile(node.target))
        is_method = node.target is not None
        overload = find(node.function, is_method=is_method, argument_count=len(operands))
        if overload is None:
            raise UnknownName(f"undeclared reference to {node.function!r}")
        return _function_evaluator(overload, operands)

    def _macro(self, node: Macro) -> Evaluator:
        over = self.compile(node.range)
        outer = dict(self._slots)
        slot = max(VARIABLES, 1 + max(outer.values(), default=0))
        self._slots[node.variable] = slot
        self.slot_count = max(self.slot_count, slot - VARIABLES + 1)
        nodes = (node.predicate, node.transform)
        predicate, transform = (None if body is None else self.compile(body) for body in nodes)
        self._slots = outer
        cost = 1 + sum(node_count(body) for body in nodes if body is not None)
        return macro(node.kind, over, slot=slot, cost=cost, bodies=(predicate, transform))


def _variable_reader(slot: int, path: Path) -> Evaluator:
    keys = path.keys
    if not keys:
        return lambda frame: frame[slot]

    def read(frame: Frame) -> Any:
        value = frame[slot]
        for key in keys:
            value = lookup(value, key)
        return value

    return read


def _list_evaluator(evaluators: list[Evaluator]) -> Evaluator:
    def build(frame: Frame) -> Any:
        return tuple([_known(evaluator(frame)) for evaluator in evaluators])

    return build


def _map_evaluator(entries: list[tuple[Evaluator, Evaluator]]) -> Evaluator:
    def build(frame: Frame) -> Any:
        built = ComputedMap()
        for key_evaluator, value_evaluator in entries:
            key = key_evaluator(frame)
            if type(key) not in {str, int, UnsignedInt} or key in built:
                raise ExpressionFailed("a map key must be a string or an integer, and unique")
            built[key] = _known(value_evaluator(frame))
        return built

    return build


def _known(value: Any) -> Any:
    """Containers hold null where a field is missing: MISSING never leaves an expression inside."""
    return None if value is MISSING else value


def _function_evaluator(overload: Overload, operands: list[Evaluator]) -> Evaluator:
    function, when_missing = overload.function, overload.when_missing

    def call(frame: Frame) -> Any:
        values = [operand(frame) for operand in operands]
        if MISSING in values:
            return when_missing
        return function(frame, *values)

    return call


def _equality(node: Call, left: Evaluator, right: Evaluator) -> Evaluator:
    constant = _constant(node.arguments[1])
    if type(constant) is str:  # Python's == is CEL's for a text and anything else.
        return lambda frame: bool(left(frame) == constant)
    constant = _constant(node.arguments[0])
    if type(constant) is str:
        return lambda frame: bool(right(frame) == constant)
    return lambda frame: equals(frame, left(frame), right(frame))


def _inequality(node: Call, left: Evaluator, right: Evaluator) -> Evaluator:
    equality = _equality(node, left, right)
    return lambda frame: not equality(frame)


def _order(symbol: str, holds: Callable[[float, float], bool]) -> Callable[..., Evaluator]:
    """`<` and its relatives, with the usual case, a number of the event and a literal, inlined."""

    def build(node: Call, left: Evaluator, right: Evaluator) -> Evaluator:
        constant = _constant(node.arguments[1])
        if type(constant) not in _NUMBERS:
            return lambda frame: is_ordered(symbol, left(frame), right(frame))
        bound = to_double(constant)

        def compare(frame: Frame) -> bool:
            value = left(frame)
            if type(value) is float:
                return holds(value, bound)
            return is_ordered(symbol, value, constant)

        return compare

    return build


def _constant(node: Node) -> Any:
    return node.value if isinstance(node, Constant) else MISSING


_OPERATORS: dict[str, Callable[..., Evaluator]] = {
    "_==_": _equality,
    "_!=_": _inequality,
    "_<_": _order("<", lambda value, bound: value < bound),
    "_<=_": _order("<=", lambda value, bound: value <= bound),
    "_>_": _order(">", lambda value, bound: value > bound),
    "_>=_": _order(">=", lambda value, bound: value >= bound),
    "@in": lambda _, item, over: lambda frame: contains(frame, over(frame), item(frame)),
    "_[_]": lambda _, over, key: lambda frame: lookup(over(frame), key(frame)),
    "_&&_": lambda _, left, right: logical_and(left, right),
    "_||_": lambda _, left, right: logical_or(left, right),
    "!_": lambda _, operand: logical_not(operand),
    "_?_:_": lambda _, *operands: conditional(*operands),
    "_+_": lambda _, left, right: lambda frame: arithmetic.add(frame, left(frame), right(frame)),
    "_-_": lambda _, left, right: lambda frame: arithmetic.subtract(left(frame), right(frame)),
    "_*_": lambda _, left, right: lambda frame: arithmetic.multiply(left(frame), right(frame)),
    "_/_": lambda _, left, right: lambda frame: arithmetic.divide(left(frame), right(frame)),
    "_%_": lambda _, left, right: lambda frame: arithmetic.remainder(left(frame), right(frame)),
    "-_": lambda _, operand: lambda frame: arithmetic.negate(operand(frame)),
}
