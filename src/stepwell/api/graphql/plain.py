"""Putting together objects that need no look-ups, such as the spans of a trace.

The library spends 5 µs on a field, whatever stands behind it; a trace of a thousand steps has a
hundred thousand fields. What is selected of a plain object is the same for all its siblings, so it
is compiled once and then applied to each: about 0.3 µs per field.
"""

from collections.abc import Callable
from typing import Any

from graphql import (
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLUnionType,
    is_leaf_type,
)
from graphql.execution.executor import Executor

from stepwell.api.graphql.binding import GETTER

__all__ = ["PlainExecutor"]

_Shape = Callable[[Any], Any]


class PlainExecutor(Executor[Any]):
    """Executes as the library does, but puts plain objects together at once."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # The selections are kept beside the shapes: a shape is found by the selection's identity.
        self._shapes: dict[tuple[str, int], tuple[Any, _Shape | None]] = {}

    def complete_object_value(
        self,
        return_type: GraphQLObjectType,
        field_details_list: Any,
        info: GraphQLResolveInfo[Any],
        path: Any,
        result: Any,
        position_context: Any,
    ) -> Any:
        """The object, as the selection wants it."""
        shape = self._shape(return_type, field_details_list)
        if shape is not None:
            return shape(result)
        return super().complete_object_value(
            return_type, field_details_list, info, path, result, position_context
        )

    def _shape(self, kind: GraphQLObjectType, selection: Any) -> _Shape | None:
        """How objects are put together; None if a selected field needs a resolver."""
        key = (kind.name, id(selection))
        known = self._shapes.get(key)
        if known is None:
            known = self._shapes[key] = (selection, self._compiled(kind, selection))
        return known[1]

    def _compiled(self, kind: GraphQLObjectType, selection: Any) -> _Shape | None:
        grouped = self.collect_subfields(kind, selection)[0]
        parts: list[tuple[str, _Shape, _Shape | None]] = []
        for key, details in grouped.items():
            name = details[0].node.name.value
            if name == "__typename":
                parts.append((key, _constant(kind.name), None))
                continue
            field = kind.fields.get(name)
            getter = None if field is None else field.extensions.get(GETTER)
            if field is None or getter is None:
                return None
            completing = self._completing(field.type, details, f"{kind.name}.{name}")
            if completing is None:
                return None
            parts.append((key, getter, None if completing is _same else completing))

        def shape(source: Any) -> dict[str, Any]:
            return {
                key: getter(source) if complete is None else complete(getter(source))
                for key, getter, complete in parts
            }

        return shape

    def _completing(self, kind: Any, selection: Any, where: str) -> _Shape | None:
        """What is to be done with a value of that type; None if it needs a resolver."""
        if isinstance(kind, GraphQLNonNull):
            inner = self._completing(kind.of_type, selection, where)
            return None if inner is None else _required(inner, where)
        if isinstance(kind, GraphQLList):
            inner = self._completing(kind.of_type, selection, where)
            return None if inner is None else _each(inner)
        if is_leaf_type(kind):
            return _same
        if isinstance(kind, GraphQLUnionType):
            return self._of_union(kind, selection)
        inner = self._shape(kind, selection)
        return None if inner is None else _optional(inner)

    def _of_union(self, kind: GraphQLUnionType, selection: Any) -> _Shape | None:
        by_name = {member.name: self._shape(member, selection) for member in kind.types}
        if any(shape is None for shape in by_name.values()):
            return None
        name_of: Callable[..., str] = kind.resolve_type  # type: ignore[assignment]

        def complete(value: Any) -> Any:
            shape = by_name[name_of(value, None, None)]
            assert shape is not None
            return shape(value)

        return _optional(complete)


def _same(value: Any) -> Any:
    return value


def _constant(text: str) -> _Shape:
    return lambda _source: text


def _required(inner: _Shape, where: str) -> _Shape:
    def complete(value: Any) -> Any:
        assert value is not None, f"{where} is never null"
        return inner(value)

    return complete


def _optional(inner: _Shape) -> _Shape:
    return lambda value: None if value is None else inner(value)


def _each(inner: _Shape) -> _Shape:
    def complete(values: Any) -> Any:
        return None if values is None else [inner(value) for value in values]

    return complete
