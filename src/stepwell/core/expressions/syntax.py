"""The syntax tree of an expression, decoded from what the CEL library serialises.

The library gives no tree to Python, but `Expression.serialize()` writes `cel.expr.ParsedExpr`, a
stable protobuf schema. Six kinds of message are read here by hand: that is shorter than a parser
of our own, and there is only one opinion on what an expression means. Macros arrive expanded to
folds; they are folded back to the few shapes that exist.

Source: the schema is `cel/expr/syntax.proto` of the CEL specification.
"""

import struct
from collections.abc import Callable, Iterator
from typing import Any, Literal

import msgspec

from stepwell.core.expressions.failures import ExpressionInvalid
from stepwell.core.expressions.language import parse
from stepwell.core.expressions.values import UnsignedInt


class Constant(msgspec.Struct, frozen=True):
    """A literal: None, bool, int, `UnsignedInt`, float, str or bytes."""

    value: Any


class Identifier(msgspec.Struct, frozen=True):
    """A name: a variable or a type."""

    name: str


class Select(msgspec.Struct, frozen=True):
    """`operand.field`, or `has(operand.field)` when `is_test`."""

    operand: "Node"
    field: str
    is_test: bool


class Call(msgspec.Struct, frozen=True):
    """A function, method or operator; operators are named like `_==_`, `!_`, `@in`, `_[_]`."""

    function: str
    target: "Node | None"
    arguments: "tuple[Node, ...]"


class ListLiteral(msgspec.Struct, frozen=True):
    """`[a, b]`."""

    elements: "tuple[Node, ...]"


class MapLiteral(msgspec.Struct, frozen=True):
    """`{'a': b}`."""

    entries: "tuple[tuple[Node, Node], ...]"


class Macro(msgspec.Struct, frozen=True):
    """A macro over a list or the keys of a map.

    `collect` is both `filter` and `map`: elements that satisfy `predicate` (all, when None) are
    mapped by `transform`. The others have no `transform`.
    """

    kind: Literal["all", "exists", "exists_one", "collect"]
    variable: str
    range: "Node"
    predicate: "Node | None"
    transform: "Node | None"


Node = Constant | Identifier | Select | Call | ListLiteral | MapLiteral | Macro


def read_tree(source: str) -> Node:
    """Parse an expression. Names and types are not checked.

    Raises:
        ExpressionInvalid: Not CEL, too long or too deep, or it builds a protobuf message.
    """
    wrapper = _message(parse(source))
    parsed = _message(wrapper[2][0])
    try:
        return _node(parsed[2][0])
    except NotImplementedError as error:
        raise ExpressionInvalid(source, str(error)) from error


def offsets(source: str) -> list[int]:
    """Where each node of `read_tree(source)` stands: characters before it, in pre-order.

    An operator stands where it is written, a method at its parenthesis, a field at its dot. Macros
    and maps count as one node each: what is inside them has no place.

    Raises:
        ExpressionInvalid: As `read_tree`.
    """
    wrapper = _message(parse(source))
    parsed = _message(wrapper[2][0])
    information = _message(parsed[3][0])
    entries = map(_message, information.get(4, ()))
    places = {entry[1][0]: entry.get(2, [0])[0] for entry in entries}
    return [places[node_id] for node_id in _ids(parsed[2][0])]


def children(node: Node) -> tuple[Node, ...]:
    """The direct operands of a node, in the order they are written."""
    match node:
        case Constant() | Identifier():
            return ()
        case Select():
            return (node.operand,)
        case Call():
            return node.arguments if node.target is None else (node.target, *node.arguments)
        case ListLiteral():
            return node.elements
        case MapLiteral():
            return tuple(part for entry in node.entries for part in entry)
        case Macro():
            bodies = (node.predicate, node.transform)
            return (node.range, *(body for body in bodies if body is not None))


def node_count(node: Node) -> int:
    """How many nodes the tree has: the cost of evaluating it once."""
    return 1 + sum(node_count(child) for child in children(node))


def conjuncts(node: Node) -> Iterator[Node]:
    """The operands of the `&&` chain at the top of the tree, or the tree itself."""
    if isinstance(node, Call) and node.function == "_&&_":
        for argument in node.arguments:
            yield from conjuncts(argument)
    else:
        yield node


def _node(data: bytes) -> Node:
    """Decode a `cel.expr.Expr`."""
    fields = _message(data)
    for number, decode in _NODE_DECODERS.items():
        if number in fields:
            return decode(fields[number][0])
    raise NotImplementedError("building protobuf messages is not supported")


def _ids(data: bytes) -> Iterator[int]:
    """The id of a `cel.expr.Expr`, then those of its operands, in the order of `children`."""
    fields = _message(data)
    yield fields[2][0]
    for number, operands in _OPERANDS.items():
        for body in map(_message, fields.get(number, ())):
            for operand in operands:
                for part in body.get(operand, ()):
                    yield from _ids(part)


def _constant(data: bytes) -> Constant:
    ((number, (value,)),) = _message(data).items()
    match number:
        case 1:
            return Constant(None)
        case 2:
            return Constant(bool(value))
        case 3:
            return Constant(value - (1 << 64) if value >= 1 << 63 else value)
        case 4:
            return Constant(UnsignedInt(value))
        case 5:
            return Constant(value)
        case 6:
            return Constant(value.decode("utf-8"))
        case _:
            assert number == 7, f"constant of unknown kind {number}"
            return Constant(value)


def _identifier(data: bytes) -> Identifier:
    # A leading dot means the global scope, which is the only one there is.
    return Identifier(_text(_message(data), 1).removeprefix("."))


def _select(data: bytes) -> Select:
    fields = _message(data)
    return Select(_node(fields[1][0]), _text(fields, 2), is_test=bool(fields.get(3, [0])[0]))


def _call(data: bytes) -> Call:
    fields = _message(data)
    target = _node(fields[1][0]) if 1 in fields else None
    return Call(_text(fields, 2), target, tuple(map(_node, fields.get(3, ()))))


def _list_literal(data: bytes) -> ListLiteral:
    return ListLiteral(tuple(map(_node, _message(data).get(1, ()))))


def _map_literal(data: bytes) -> MapLiteral:
    fields = _message(data)
    if 1 in fields:
        raise NotImplementedError("building protobuf messages is not supported")
    entries = map(_message, fields.get(2, ()))
    return MapLiteral(tuple((_node(entry[3][0]), _node(entry[4][0])) for entry in entries))


def _macro(data: bytes) -> Macro:
    """Recognise the macro whose expansion this fold is, by its step."""
    fields = _message(data)
    variable, over = _text(fields, 1), _node(fields[2][0])
    step = _node(fields[6][0])
    assert isinstance(step, Call)
    match step.function, step.arguments:
        case "_&&_", (_, predicate):
            return Macro("all", variable, over, predicate, None)
        case "_||_", (_, predicate):
            return Macro("exists", variable, over, predicate, None)
        case "_?_:_", (predicate, Call(arguments=(_, ListLiteral((transform,)))), _):
            return Macro("collect", variable, over, predicate, transform)
        case "_?_:_", (predicate, _, _):
            return Macro("exists_one", variable, over, predicate, None)
        case _, (_, ListLiteral((transform,))):
            return Macro("collect", variable, over, None, transform)
        case _:
            raise AssertionError(f"unknown macro expansion {step.function}")


_NODE_DECODERS: dict[int, Callable[[bytes], Node]] = {
    3: _constant,
    4: _identifier,
    5: _select,
    6: _call,
    7: _list_literal,
    8: _map_literal,
    9: _macro,
}


# Which fields of a select, a call and a list hold expressions.
_OPERANDS: dict[int, tuple[int, ...]] = {5: (1,), 6: (1, 3), 7: (1,)}


def _text(fields: dict[int, list[Any]], number: int) -> str:
    text: str = fields[number][0].decode("utf-8") if number in fields else ""
    return text


def _message(data: bytes) -> dict[int, list[Any]]:
    """The fields of a protobuf message by number: ints, floats (fixed64) and bytes."""
    fields: dict[int, list[Any]] = {}
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        value: Any
        match tag & 7:
            case 0:
                value, position = _varint(data, position)
            case 1:
                (value,) = struct.unpack_from("<d", data, position)
                position += 8
            case wire_type:
                assert wire_type == 2, f"unknown protobuf wire type {wire_type}"
                length, position = _varint(data, position)
                value = data[position : position + length]
                position += length
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
