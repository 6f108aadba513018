"""From declarations to a document of OpenAPI 3.1.

Source: https://spec.openapis.org/oas/v3.1.1.html
"""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, get_args

import msgspec

from stepwell.api.access import Access, access_of
from stepwell.api.openapi.declaration import (
    Answer,
    Body,
    Declaration,
    DeclarationTable,
    Envelope,
    Link,
    Parameter,
    Refusal,
    Tag,
    refused,
    text_of,
)
from stepwell.api.openapi.path_parameters import PATH_PARAMETERS
from stepwell.api.responses import Metadata

__all__ = ["Listed", "document", "listed"]

_NAME: Final = re.compile(r"\{(\w+)(?::\w+)?\}")
_CONVERTER: Final = re.compile(r":\w+\}")
_SCHEMAS: Final = "#/components/schemas/{name}"

_DESCRIPTION: Final = """\
The HTTP API of a Stepwell server.

Errors are JSON unless a route says otherwise: `error` says what is wrong, `status` repeats the HTTP
status, and some have a `code` with a page in the documentation.
Every route answers GET also as HEAD, and other methods than those listed here with 405.
"""
_SIGNING_KEY_TEXT: Final = (
    "The server's signing key, as it is or as the SHA-256 of its bytes in hexadecimal, "
    "with or without a prefix such as `signkey-prod-`."
)
#: Name and description of each way to prove oneself; any of those that an operation names will do.
_SCHEMES: Final = {
    Access.SIGNING_KEY: ("signingKey", _SIGNING_KEY_TEXT),
    Access.OPERATOR: ("operatorToken", "The token of those who run the server."),
    Access.METRICS: ("metricsToken", "The token of what collects numbers, if there is one."),
}

_NO_ROUTE: Final = text_of("text/plain", "A parameter makes another path of it", status=404)
_UNAUTHENTICATED: Final = text_of("text/plain", "The key or token is missing or wrong", status=401)
_OPERATOR_NEEDED: Final = refused(403, "The signing key does not do here (SW1023)")


class Listed(msgspec.Struct, frozen=True):
    """A declaration with its place."""

    path: str
    method: str
    declaration: Declaration


def listed(tables: Iterable[DeclarationTable]) -> list[Listed]:
    """The declarations of all tables that are part of the API."""
    return [
        Listed(path, method, declaration)
        for table in tables
        for path, methods in table.items()
        for method, declaration in methods.items()
        if isinstance(declaration, Declaration)
    ]


def document(
    routes: Sequence[Listed], *, version: str, is_protected: bool = True
) -> dict[str, Any]:
    """The document.

    Args:
        routes: What the server serves.
        version: Of the server.
        is_protected: Whether the server asks for keys and tokens; a development server does not.
    """
    shapes = _Shapes(routes)
    paths: dict[str, dict[str, Any]] = {}
    ids: set[str] = set()
    for each in routes:
        name = each.declaration.id
        assert name not in ids, f"two routes are called {name}"
        ids.add(name)
        shown = {"operationId": name, **_operation(each, shapes, is_protected=is_protected)}
        path = _CONVERTER.sub("}", each.path)
        paths.setdefault(path, {})[each.method.lower()] = shown
    components: dict[str, Any] = {"schemas": shapes.components}
    if is_protected:
        components["securitySchemes"] = {
            name: {"type": "http", "scheme": "bearer", "description": text}
            for name, text in _SCHEMES.values()
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Stepwell",
            "version": version,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag.value} for tag in Tag],
        "paths": dict(sorted(paths.items())),
        "components": components,
    }


def _operation(each: Listed, shapes: "_Shapes", *, is_protected: bool) -> dict[str, Any]:
    declaration = each.declaration
    access = access_of(each.path) if is_protected else Access.OPEN
    shown: dict[str, Any] = {"summary": declaration.summary, "tags": [declaration.tag.value]}
    if declaration.text:
        shown["description"] = declaration.text
    if parameters := _parameters(each):
        shown["parameters"] = [_parameter(parameter, shapes) for parameter in parameters]
    if declaration.body is not None:
        shown["requestBody"] = _body(declaration.body, shapes)
    shown["responses"] = _responses(each, shapes, access)
    shown["security"] = [{_SCHEMES[one][0]: []} for one in access]
    return shown


def _parameters(each: Listed) -> list[Parameter]:
    """Those of the path in their order, then the others."""
    own = {parameter.name: parameter for parameter in each.declaration.parameters}
    known = {**PATH_PARAMETERS, **own}
    names = _NAME.findall(each.path)
    unknown = [name for name in names if name not in known]
    assert not unknown, f"nothing says what {unknown} in {each.path} means"
    in_path = [known[name] for name in names]
    assert all(parameter.place == "path" for parameter in in_path)
    return [*in_path, *(parameter for name, parameter in own.items() if name not in names)]


def _parameter(parameter: Parameter, shapes: "_Shapes") -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.is_required,
        "schema": shapes.of(parameter.kind),
    }
    if parameter.text:
        shown["description"] = parameter.text
    if parameter.example is not None:
        shown["example"] = parameter.example
    return shown


def _body(body: Body, shapes: "_Shapes") -> dict[str, Any]:
    content: dict[str, Any] = {}
    if body.kind is not None:
        content["schema"] = shapes.of(body.kind)
    if body.example is not None:
        content["example"] = body.example
    shown: dict[str, Any] = {"required": body.is_required, "content": {body.media_type: content}}
    if body.text:
        shown["description"] = body.text
    return shown


def _responses(each: Listed, shapes: "_Shapes", access: Access) -> dict[str, dict[str, Any]]:
    by_status: dict[int, list[Answer]] = {}
    for answer in (*each.declaration.answers, *_common(each, access)):
        by_status.setdefault(answer.status, []).append(answer)
    shown = {
        str(status): _response(answers, shapes) for status, answers in sorted(by_status.items())
    }
    if each.declaration.links:
        shown["200"]["links"] = {
            f"{link.to}By{_capitalized(link.parameter)}": _link(link)
            for link in each.declaration.links
        }
    return shown


def _link(link: Link) -> dict[str, Any]:
    return {
        "operationId": link.to,
        "parameters": {link.parameter: f"$response.body#{link.source}"},
    }


def _capitalized(name: str) -> str:
    return name.title().replace("_", "")


def _common(each: Listed, access: Access) -> Iterator[Answer]:
    """What is the same for many routes."""
    kind = each.declaration.refusal
    if _NAME.search(each.path):
        yield _NO_ROUTE
    if access:
        yield _UNAUTHENTICATED
        if Access.SIGNING_KEY not in access:
            yield _OPERATOR_NEEDED
    if each.declaration.body is not None:
        yield refused(400, "The body cannot be decompressed (SW1002)", kind=kind)
        yield refused(413, "The body is too large (SW1001)", kind=kind)
        yield refused(
            415, "The body is compressed with something else than gzip (SW1003)", kind=kind
        )
    yield refused(503, "The database does not answer (SW2001); see `Retry-After`", kind=kind)


def _response(answers: Sequence[Answer], shapes: "_Shapes") -> dict[str, Any]:
    texts = [text for answer in answers for text in answer.texts]
    shown: dict[str, Any] = {"description": "; ".join(texts) or "OK"}
    content: dict[str, list[dict[str, Any]]] = {}
    for answer in answers:
        if answer.media_type is not None:
            schemas = content.setdefault(answer.media_type, [])
            if (schema := _content_schema(answer, shapes)) not in schemas:
                schemas.append(schema)
    if content:
        shown["content"] = {media: _media(schemas) for media, schemas in content.items()}
    return shown


def _content_schema(answer: Answer, shapes: "_Shapes") -> dict[str, Any]:
    if answer.kind is None:
        return {}
    schema = shapes.of(answer.kind)
    if answer.envelope is Envelope.NONE:
        return schema
    return {
        "type": "object",
        "properties": {"data": schema, "metadata": shapes.of(Metadata)},
        "required": ["data", "metadata"],
    }


def _media(schemas: Sequence[dict[str, Any]]) -> dict[str, Any]:
    known = [schema for schema in schemas if schema]
    if not known:
        return {}
    return {"schema": known[0] if len(known) == 1 else {"anyOf": known}}


class _Shapes:
    """Schemas of all types that the declarations name; Structs are referred to by their name."""

    def __init__(self, routes: Iterable[Listed]) -> None:
        # The order of the document must not depend on that of a set.
        self._kinds = [Metadata, Refusal]
        for each in routes:
            self._kinds += [kind for kind in _kinds_of(each) if kind not in self._kinds]
        schemas, components = msgspec.json.schema_components(self._kinds, ref_template=_SCHEMAS)
        self._schemas = schemas
        self.components = dict(sorted(components.items()))
        for struct in _structs(self._kinds):
            _describe(self.components[struct.__name__], struct)

    def of(self, kind: Any) -> dict[str, Any]:
        """The schema of one of these types."""
        return dict(self._schemas[self._kinds.index(kind)])


def _kinds_of(each: Listed) -> Iterator[Any]:
    declaration = each.declaration
    yield from (parameter.kind for parameter in _parameters(each))
    if declaration.body is not None and declaration.body.kind is not None:
        yield declaration.body.kind
    yield declaration.refusal
    yield from (answer.kind for answer in declaration.answers if answer.kind is not None)


def _structs(kinds: Iterable[Any]) -> set[type[msgspec.Struct]]:
    """All Structs that the types consist of."""
    found: set[type[msgspec.Struct]] = set()
    pending = list(kinds)
    while pending:
        kind = pending.pop()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            if kind not in found:
                found.add(kind)
                pending += [field.type for field in msgspec.structs.fields(kind)]
        else:
            pending += get_args(kind)
    return found


def _describe(schema: dict[str, Any], struct: type[msgspec.Struct]) -> None:
    """Turn the docstring into the description of the object and of its members."""
    schema.pop("title", None)
    text = inspect.cleandoc(struct.__doc__ or "")
    summary, _, attributes = text.partition("\n\nAttributes:\n")
    schema["description"] = summary
    names = {field.name: field.encode_name for field in msgspec.structs.fields(struct)}
    properties: Mapping[str, dict[str, Any]] = schema.get("properties", {})
    for name, meaning in re.findall(r"^    (\w+): (.*(?:\n {5,}.*)*)", attributes, re.MULTILINE):
        member = properties[names[name]]
        sentence = " ".join(meaning.split())
        if "$ref" not in member:
            member["description"] = sentence
