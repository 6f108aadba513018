"""Carrying out a query: what is answered, and with which HTTP status. Source: GraphQL, 1."""

import hashlib
import re
import time
from collections import OrderedDict
from typing import Any, Final

from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    execute,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)
from graphql.execution.values import get_variable_values

from stepwell.api.graphql.answers import PARSE_FAILED, VALIDATION_FAILED, error_object
from stepwell.api.graphql.limits import excess
from stepwell.api.graphql.plain import PlainExecutor
from stepwell.api.graphql.query import Answer, Query
from stepwell.api.graphql.request import Request
from stepwell.engine.slow_work import SLOW_QUESTION_S

__all__ = ["Execution"]

#: Words and signs of a query.
TOKENS_MAX: Final = 20_000
#: Queries whose parsed form is remembered, and how long one may be.
_REMEMBERED_MAX: Final = 500
_REMEMBERED_CHARS_MAX: Final = 32 * 1024
#: Queries that clients may name by their hash.
_PERSISTED_MAX: Final = 100
_ERRORS_MAX: Final = 20
_NAME_CHARS_MAX: Final = 100
_TRACE: Final = re.compile(r"\btrace\b")


class Execution:
    """Carries out queries on one schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._valid: OrderedDict[str, DocumentNode] = OrderedDict()
        self._persisted: OrderedDict[str, str] = OrderedDict()

    async def answer(self, query: Query, request: Request, *, reads_only: bool = False) -> Answer:
        """Carry out a query.

        Args:
            query: What was sent.
            request: What its resolvers work on.
            reads_only: Whether mutations are refused.
        """
        text = self._text(query)
        if isinstance(text, Answer):
            return text
        document = self._document(text)
        if isinstance(document, Answer):
            return document
        operation = get_operation_ast(document, query.operation_name)
        if operation is None:
            return _refused(_operation_error(document, query.operation_name))
        if reads_only and operation.operation is not OperationType.QUERY:
            return _failed(406, "GET requests only allow query operations")
        problem = self._problem(document, operation, query.variables or {})
        if problem is not None:
            return problem
        # Wrong only where another word of the query is "trace": then more is read than needed.
        request.reads_traces = _TRACE.search(text) is not None
        began_s = time.monotonic()
        result = await self._executed(document, query, request)
        took_s = time.monotonic() - began_s
        # A mutation takes as long as the apps it asks, which is not the server's work.
        if took_s >= SLOW_QUESTION_S and operation.operation is OperationType.QUERY:
            request.services.slow_work.add("question", _shown_name(operation), took_s)
        return Answer(200, _body(result))

    def _text(self, query: Query) -> str | Answer:
        """The query's text, remembered under its hash if the client wants that."""
        persisted = (query.extensions or {}).get("persistedQuery")
        if not isinstance(persisted, dict):
            return query.query
        sent_hash = persisted.get("sha256Hash")
        if not query.query:
            known = self._persisted.get(sent_hash) if isinstance(sent_hash, str) else None
            if known is None:
                code = {"code": "PERSISTED_QUERY_NOT_FOUND"}
                return Answer(200, _errors("PersistedQueryNotFound", extensions=code))
            return known
        if hashlib.sha256(query.query.encode()).hexdigest() != sent_hash:
            return Answer(200, _errors("provided APQ hash does not match query"))
        if len(query.query) <= _REMEMBERED_CHARS_MAX:
            self._persisted[sent_hash] = query.query
            if len(self._persisted) > _PERSISTED_MAX:
                self._persisted.popitem(last=False)
        return query.query

    def _document(self, text: str) -> DocumentNode | Answer:
        known = self._valid.get(text)
        if known is not None:
            self._valid.move_to_end(text)
            return known
        try:
            document = parse(text, max_tokens=TOKENS_MAX)
        except GraphQLError as error:
            return _refused(error, code=PARSE_FAILED)
        errors = validate(self._schema, document, specified_rules, max_errors=_ERRORS_MAX)
        if errors:
            return _refused(*errors)
        if len(text) <= _REMEMBERED_CHARS_MAX:
            self._valid[text] = document
            if len(self._valid) > _REMEMBERED_MAX:
                self._valid.popitem(last=False)
        return document

    def _problem(
        self, document: DocumentNode, operation: OperationDefinitionNode, variables: dict[str, Any]
    ) -> Answer | None:
        """Why a valid query is not carried out with these variables."""
        coerced = get_variable_values(
            self._schema, operation.variable_definitions or (), variables, max_errors=_ERRORS_MAX
        )
        if isinstance(coerced, list):
            return _refused(*coerced)
        too_much = excess(self._schema, document, operation, variables)
        if too_much is not None:
            return _refused(GraphQLError(too_much))
        return None

    async def _executed(
        self, document: DocumentNode, query: Query, request: Request
    ) -> ExecutionResult:
        result = execute(
            self._schema,
            document,
            context_value=request,
            variable_values=query.variables,
            operation_name=query.operation_name,
            executor_class=PlainExecutor,
        )
        return result if isinstance(result, ExecutionResult) else await result


def _body(result: ExecutionResult) -> dict[str, Any]:
    if not result.errors:
        return {"data": result.data}
    return {"errors": [error_object(error) for error in result.errors], "data": result.data}


def _shown_name(operation: OperationDefinitionNode) -> str:
    """The operation's name, or the first field that it asks for: never what it asks for."""
    if operation.name is not None:
        return operation.name.value[:_NAME_CHARS_MAX]
    for node in operation.selection_set.selections:
        if isinstance(node, FieldNode):
            return node.name.value
    return "query"


def _operation_error(document: DocumentNode, name: str | None) -> GraphQLError:
    if name:
        return GraphQLError(f"operation {name} not found")
    count = sum(isinstance(node, OperationDefinitionNode) for node in document.definitions)
    if not count:
        return GraphQLError("no operation provided")
    return GraphQLError("the query has several operations; say which one with operationName")


def _refused(*errors: GraphQLError, code: str = VALIDATION_FAILED) -> Answer:
    told = [error_object(error, code=code) for error in errors]
    return Answer(422, {"errors": told, "data": None})


def _failed(status: int, message: str) -> Answer:
    return Answer(status, _errors(message))


def _errors(message: str, **more: Any) -> dict[str, Any]:
    return {"errors": [{"message": message, **more}], "data": None}
