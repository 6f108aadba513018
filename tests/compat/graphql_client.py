"""What the official suites' GraphQL clients have in common: how they ask, and what they take.

Only a 200 counts as an answer. Whoever asks says by the method whether `errors` may be there.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from tests.compat.harness import PLAIN

__all__ = ["FieldErrors", "Graphql", "Node", "depth_first"]

#: A node of a trace, or any other object of an answer.
Node = Mapping[str, Any]


class FieldErrors(AssertionError):
    """An answer has `errors`.

    Attributes:
        messages: Of each error its message.
        data: What came beside them.
    """

    def __init__(self, answer: Mapping[str, Any]) -> None:
        super().__init__(f"{answer['errors']} with data {answer['data']}")
        self.messages = [error["message"] for error in answer["errors"]]
        self.data = answer["data"]


class Graphql:
    """`POST /v0/gql` of a server, without any authentication."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=30, trust_env=False, verify=PLAIN)

    def close(self) -> None:
        self._http.close()

    def rest(self, path: str) -> Mapping[str, Any]:
        """What REST answers to a GET."""
        response = self._http.get(path)
        assert response.status_code == 200, response.text
        found: Mapping[str, Any] = response.json()
        return found

    def answer(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        operation: str | None = None,
    ) -> Mapping[str, Any]:
        """The whole answer, which must be one and say `errors` before `data` if at all."""
        body: dict[str, Any] = {"query": query}
        if variables is not None:
            body["variables"] = dict(variables)
        if operation is not None:
            body["operationName"] = operation
        response = self._http.post("/v0/gql", json=body)
        assert response.status_code == 200, response.text
        answer: Mapping[str, Any] = response.json()
        assert list(answer) in (["data"], ["errors", "data"]), answer
        assert answer.get("errors") != [], answer
        return answer

    def data(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        operation: str | None = None,
    ) -> Mapping[str, Any]:
        """The data of an answer without errors.

        Raises:
            FieldErrors: There are errors.
        """
        answer = self.answer(query, variables, operation=operation)
        if answer.get("errors") is not None:
            raise FieldErrors(answer)
        data: Mapping[str, Any] = answer["data"]
        return data


def depth_first(node: Node) -> Iterator[Node]:
    """The node, then each of its children with all that is below it."""
    yield node
    for child in node["childrenSpans"]:
        # The deepest level that was asked for has no children to show.
        if "childrenSpans" in child:
            yield from depth_first(child)
        else:
            yield child
