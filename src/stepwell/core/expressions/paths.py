"""Field paths such as `event.data.user.id`: recognised in a tree, read from an event.

Most conditions are a comparison of one path with one constant, so reading a path is the hottest
code of an expression; it is one closure, whatever the length.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from stepwell.core.expressions.evaluation import Evaluator, Frame
from stepwell.core.expressions.syntax import (
    Call,
    Constant,
    Identifier,
    Macro,
    Node,
    Select,
    children,
)
from stepwell.core.expressions.values import MISSING, from_json, lookup, to_double

Key = str | int
Names = frozenset[str]


class Path(msgspec.Struct, frozen=True):
    """A variable and the constant keys that follow it."""

    root: str
    keys: tuple[Key, ...]


def path_of(node: Node) -> Path | None:
    """The path a node reads, if all its keys are constants."""
    match node:
        case Identifier(name=name):
            return Path(name, ())
        case Select(operand=operand, field=field, is_test=False):
            return _longer(path_of(operand), field)
        case Call(function="_[_]", arguments=(operand, Constant(value=key))):
            if type(key) is str or (type(key) is int and key >= 0):
                return _longer(path_of(operand), key)
    return None


def root_of(node: Node) -> str | None:
    """The variable at the start of a chain of fields and indexes, constant or not."""
    match node:
        case Identifier(name=name):
            return name
        case Select(operand=operand, is_test=False):
            return root_of(operand)
        case Call(function="_[_]", arguments=(operand, _)):
            return root_of(operand)
    return None


def paths_read(node: Node, hidden: Names = frozenset()) -> Iterator[Path]:
    """Every path the tree reads: of a chain with computed keys, the part before the first one.

    Args:
        node: The tree.
        hidden: Names that are macro variables here.
    """
    path = path_of(node)
    if path is None and isinstance(node, Select):  # has(a.b) reads a.b, too
        path = _longer(path_of(node.operand), node.field)
    if path is not None:
        if path.root not in hidden:
            yield path
    elif isinstance(node, Macro):
        yield from paths_read(node.range, hidden)
        for body in (node.predicate, node.transform):
            if body is not None:
                yield from paths_read(body, hidden | {node.variable})
    else:
        for child in children(node):
            yield from paths_read(child, hidden)


def path_reader(slot: int, keys: tuple[Key, ...], missing: Any) -> Evaluator:
    """A closure that reads the path from the frame.

    Args:
        slot: Where the variable is in the frame.
        keys: What follows the variable.
        missing: The value of a missing field: MISSING, or None for an interpolated one.
    """
    if not all(type(key) is str for key in keys):
        return _mixed_path_reader(slot, keys, missing)
    if len(keys) == 2:  # event.data.x: unrolled because nearly every path is like this
        return _two_key_reader(slot, keys[0], keys[1], missing)

    def read(frame: Frame) -> Any:
        value = frame[slot]
        try:
            for key in keys:
                value = value[key]
        except (KeyError, TypeError, IndexError):
            return missing
        return to_double(value) if type(value) is int else value

    return read


def _two_key_reader(slot: int, first: Key, second: Key, missing: Any) -> Evaluator:
    def read(frame: Frame) -> Any:
        try:
            value = frame[slot][first][second]
        except (KeyError, TypeError, IndexError):
            return missing
        return to_double(value) if type(value) is int else value

    return read


def _mixed_path_reader(slot: int, keys: tuple[Key, ...], missing: Any) -> Evaluator:
    def read(frame: Frame) -> Any:
        value = walk(frame[slot], keys)
        return missing if value is MISSING else value

    return read


def walk(value: Any, keys: tuple[Key, ...]) -> Any:
    """What is at the end of the keys, or MISSING."""
    for key in keys:
        value = lookup(value, key)
        if value is MISSING:
            return MISSING
    return from_json(value)


def _longer(path: Path | None, key: Key) -> Path | None:
    return None if path is None else Path(path.root, (*path.keys, key))
