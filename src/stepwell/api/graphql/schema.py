"""The schema with everything that resolves it."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from graphql import GraphQLSchema, print_schema

from stepwell.api.graphql import (
    apps,
    bulk,
    charts,
    control,
    events,
    explanations,
    mutations,
    overview,
    retention,
    runs,
    selection,
    server,
    traces,
    workers,
)
from stepwell.api.graphql.binding import bound_schema

__all__ = ["create_schema", "schema_text"]

_T = TypeVar("_T")


def create_schema() -> GraphQLSchema:
    """A new schema; takes about 50 ms."""
    modules = (apps, events, runs, traces, server, overview, explanations, charts)
    changing = (mutations, control, bulk, retention)
    return bound_schema(
        resolvers=_merged(each.RESOLVERS for each in (*modules, *changing, selection, workers)),
        getters=_merged(each.GETTERS for each in (*modules, retention)),
        inputs=_merged(each.INPUTS for each in (events, runs, mutations, charts)),
        members=traces.MEMBERS,
    )


def schema_text() -> str:
    """Both files of the schema as one document, for programs that generate code from it."""
    return print_schema(create_schema()) + "\n"


def _merged(tables: Iterable[Mapping[str, _T]]) -> dict[str, _T]:
    """All tables in one; nothing may be in two of them."""
    merged: dict[str, _T] = {}
    for table in tables:
        assert merged.keys().isdisjoint(table)
        merged |= table
    return merged
