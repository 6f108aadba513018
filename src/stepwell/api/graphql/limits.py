"""How much one query may ask for.

Depth is the number of fields inside each other. Cost is the number of values an answer may have at
most: lists count with the length that is asked for, or with what is usual where none is.
"""

from collections.abc import Mapping
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
)

__all__ = ["COST_MAX", "DEPTH_MAX", "FIELDS_MAX", "excess"]

#: The dashboards of the compatible system nest 9 levels, tools that ask for the schema 14.
DEPTH_MAX: Final = 24
#: A page of 100 runs with their traces, four levels deep, is below it.
COST_MAX: Final = 5_000_000
#: Fields of a query, fragments counted wherever they are used.
FIELDS_MAX: Final = 10_000
#: How long lists are taken to be that have no asked-for length.
_LIST_LENGTH: Final = 5
#: No argument makes a page longer; see the resolvers.
_PAGE_MAX: Final = 1_000
# Lists whose length the field around them was asked for.
_COUNTED: Final = ("edges", "nodes")
_LENGTHS: Final = ("first", "limit")
# Arguments that name what is asked for, one by one.
_NAMES: Final = ("runIDs", "eventIDs")


class _TooMuch(Exception):
    """The message says of what, and how much there may be."""


def excess(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
) -> str | None:
    """What a valid query asks too much of; None if it does not.

    Args:
        schema: That it is valid for.
        document: The query with its fragments.
        operation: The operation of it that is meant.
        variables: As sent.
    """
    root = schema.get_root_type(operation.operation)
    if root is None:
        return None
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    measuring = _Measuring(schema, fragments, variables)
    try:
        measuring.measure(root, operation.selection_set, depth=1, copies=1)
    except _TooMuch as too_much:
        return str(too_much)
    return None


class _Measuring:
    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Mapping[str, Any],
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._variables = variables
        self._fields = 0
        self._cost = 0

    def measure(self, kind: Any, selected: SelectionSetNode, *, depth: int, copies: int) -> None:
        """Count what is selected of `copies` objects of a type."""
        for node in selected.selections:
            if isinstance(node, FieldNode):
                self._field(kind, node, depth=depth, copies=copies)
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                inner = kind if condition is None else self._schema.get_type(condition.name.value)
                self.measure(inner, node.selection_set, depth=depth, copies=copies)
            elif isinstance(node, FragmentSpreadNode):
                fragment = self._fragments[node.name.value]
                inner = self._schema.get_type(fragment.type_condition.name.value)
                self.measure(inner, fragment.selection_set, depth=depth, copies=copies)

    def _field(self, kind: Any, node: FieldNode, *, depth: int, copies: int) -> None:
        self._fields += 1
        self._cost += copies
        if self._fields > FIELDS_MAX:
            raise _TooMuch(f"The query has more than {FIELDS_MAX} fields")
        if depth > DEPTH_MAX:
            raise _TooMuch(f"The query is deeper than {DEPTH_MAX} levels")
        if self._cost > COST_MAX:
            raise _TooMuch(f"The query asks for more than {COST_MAX} values; select less of it")
        if node.selection_set is None:
            return
        name = node.name.value
        field = kind.fields.get(name) if isinstance(kind, GraphQLObjectType) else None
        if field is None:
            # The schema itself: large, but of a known size.
            inner = {"__schema": "__Schema", "__type": "__Type"}.get(name, "__Type")
            self.measure(
                self._schema.get_type(inner), node.selection_set, depth=depth + 1, copies=copies
            )
            return
        length = self._length(field, node)
        self.measure(
            get_named_type(field.type), node.selection_set, depth=depth + 1, copies=copies * length
        )

    def _length(self, field: GraphQLField, node: FieldNode) -> int:
        """How many objects the field may give."""
        named = next((name for name in _NAMES if name in field.args), None)
        if named is not None:
            return self._count(named, node)
        asked = next((name for name in _LENGTHS if name in field.args), None)
        if asked is None:
            is_counted = node.name.value in _COUNTED or not _is_list(field.type)
            return 1 if is_counted else _LIST_LENGTH
        value: Any = field.args[asked].default_value
        for argument in node.arguments or ():
            if argument.name.value == asked:
                value = self._value(argument.value)
        return min(max(value, 1), _PAGE_MAX) if isinstance(value, int) else _PAGE_MAX

    def _count(self, named: str, node: FieldNode) -> int:
        """How many things an argument names; as many as a page has if that cannot be told."""
        for argument in node.arguments or ():
            if argument.name.value != named:
                continue
            if isinstance(argument.value, ListValueNode):
                return max(len(argument.value.values), 1)
            value = self._value(argument.value)
            return max(len(value), 1) if isinstance(value, list) else _PAGE_MAX
        return 1

    def _value(self, node: Any) -> Any:
        if isinstance(node, VariableNode):
            return self._variables.get(node.name.value)
        return int(node.value[:10]) if isinstance(node, IntValueNode) else None


def _is_list(kind: Any) -> bool:
    while isinstance(kind, GraphQLNonNull):
        kind = kind.of_type
    return isinstance(kind, GraphQLList) and not isinstance(get_named_type(kind), GraphQLUnionType)
