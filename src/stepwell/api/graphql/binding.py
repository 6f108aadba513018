"""From the schema's text to a schema that can be executed.

Names in the schema are in camel case, in Python in snake case; the two are matched here and nowhere
else. A field is given by one of three:

* a resolver, `async def f(source, request, *, argument)`, if it needs arguments or must look
  something up;
* a getter, `f(source)`, if it only has another form than the source's attribute;
* the source's attribute of its name, or its value if the source is a dictionary.

An object all of whose selected fields are attributes, getters or resolvers without arguments is
*plain*, and is put together without the machinery that other resolvers need; see `plain`.
"""

import keyword
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from importlib.resources import files
from operator import attrgetter
from typing import Any, Final

from graphql import (
    GraphQLArgument,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    IntValueNode,
    Undefined,
    build_schema,
)

from stepwell.api.graphql.request import Request

__all__ = ["GETTER", "LOOKUP", "Getter", "Resolver", "bound_schema", "snake_case"]

#: Gives a field's value, ready to be written as JSON, or an object of the field's type.
Getter = Callable[[Any], Any]
#: Gives a field's value, or what can be awaited for it.
Resolver = Callable[..., Any | Awaitable[Any]]

#: Where a field keeps its getter, or its resolver without arguments.
GETTER: Final = "getter"
LOOKUP: Final = "lookup"

_FILES: Final = ("schema.graphql", "operators.graphql")
_INT_MAX: Final = 2**63 - 1
# A sign and 19 digits; without a bound, reading a number takes long.
_INT_CHARS_MAX: Final = 20
_BOUNDARY: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@cache
def snake_case(name: str) -> str:
    """The Python name of a field or argument.

    >>> [snake_case(name) for name in ("runID", "hasAI", "triggerIDs", "IDs", "from")]
    ['run_id', 'has_ai', 'trigger_ids', 'ids', 'from_']
    """
    name = re.sub(r"IDs(?=$|[A-Z])", "Ids", name)
    snake = _BOUNDARY.sub("_", name).lower()
    return f"{snake}_" if keyword.iskeyword(snake) else snake


def bound_schema(
    *,
    resolvers: Mapping[str, Resolver],
    getters: Mapping[str, Getter],
    inputs: Mapping[str, type],
    members: Mapping[type, str],
) -> GraphQLSchema:
    """The schema, executable.

    Args:
        resolvers: By "Type.field".
        getters: By "Type.field".
        inputs: What input objects become, by their type; others stay dictionaries. A member that
            is null counts as absent.
        members: Names of the unions' members by the class of the source.
    """
    text = "\n".join((files(__package__) / name).read_text("utf-8") for name in _FILES)
    schema = build_schema(text, assume_valid=True)
    _widen_int(schema)
    unused = {*resolvers, *getters}
    for name, kind in schema.type_map.items():
        if name.startswith("__"):
            continue
        if isinstance(kind, GraphQLObjectType):
            _bind_object(kind, resolvers, getters)
            unused -= {f"{name}.{field}" for field in kind.fields}
        elif isinstance(kind, GraphQLInputObjectType):
            _bind_input(kind, inputs.get(name))
        elif isinstance(kind, GraphQLUnionType):
            kind.resolve_type = lambda value, _info, _kind: members[type(value)]
    assert not unused, f"not in the schema: {sorted(unused)}"
    return schema


def _bind_object(
    kind: GraphQLObjectType, resolvers: Mapping[str, Resolver], getters: Mapping[str, Getter]
) -> None:
    for name, field in kind.fields.items():
        path = f"{kind.name}.{name}"
        for argument_name, argument in field.args.items():
            argument.out_name = snake_case(argument_name)
        if path in resolvers:
            field.resolve = _with_request(resolvers[path])
            if not field.args:
                field.extensions = {LOOKUP: resolvers[path]}
        else:
            getter = getters.get(path) or _member(snake_case(name))
            field.extensions = {GETTER: getter}
            field.resolve = _without_info(getter)


def _member(name: str) -> Getter:
    """The source's attribute or, of a dictionary, its value of that name."""
    attribute = attrgetter(name)
    return lambda source: source[name] if isinstance(source, dict) else attribute(source)


def _with_request(resolver: Resolver) -> Callable[..., Any]:
    def resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        request: Request = info.context
        return resolver(source, request, **arguments)

    return resolve


def _without_info(getter: Getter) -> Callable[..., Any]:
    return lambda source, _info, **_arguments: getter(source)


def _bind_input(kind: GraphQLInputObjectType, made: type | None) -> None:
    for name, field in kind.fields.items():
        field.out_name = snake_case(name)
    if made is not None:
        kind.out_type = _making(made)  # type: ignore[assignment, method-assign]


def _making(made: type) -> Callable[[dict[str, Any]], Any]:
    def make(value: dict[str, Any]) -> Any:
        return made(**{name: member for name, member in value.items() if member is not None})

    return make


def _widen_int(schema: GraphQLSchema) -> None:
    """Let `Int` have 64 bits, as the compatible API's has. Source: GraphQL, 1.7."""
    wide = GraphQLScalarType(
        "WideInt",
        coerce_output_value=_int,
        coerce_input_value=_int,
        coerce_input_literal=_int_literal,
        description="A whole number of 64 bits.",
    )
    # The library lets nobody make a type of that name.
    wide.name = "Int"
    schema.type_map["Int"] = wide
    for kind in schema.type_map.values():
        fields = getattr(kind, "fields", {})
        for field in fields.values():
            field.type = _replaced(field.type, wide)
            arguments: Mapping[str, GraphQLArgument] = getattr(field, "args", {})
            for argument in arguments.values():
                argument.type = _replaced(argument.type, wide)


def _replaced(kind: Any, wide: GraphQLScalarType) -> Any:
    if kind is GraphQLInt:
        return wide
    if isinstance(kind, GraphQLNonNull):
        return GraphQLNonNull(_replaced(kind.of_type, wide))
    if isinstance(kind, GraphQLList):
        return GraphQLList(_replaced(kind.of_type, wide))
    return kind


def _int_literal(node: Any) -> Any:
    if not isinstance(node, IntValueNode) or len(node.value) > _INT_CHARS_MAX:
        return Undefined
    return _int(int(node.value))


def _int(value: Any) -> int:
    is_whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not is_whole or abs(value) > _INT_MAX:
        raise TypeError(f"Int cannot represent {value!r}: it must be a whole number of 64 bits")
    return int(value)
