"""Every route answers whatever it is sent as its declaration says: new routes are tried as well."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepwell.api.access import access_of
from stepwell.api.openapi.declaration import Envelope
from stepwell.api.openapi.document import Listed
from stepwell.api.openapi.surface import declared_routes
from stepwell.api.responses import Metadata
from stepwell.server.options import Mode
from tests.unit.api.api_server import SIGNING_KEY, Answer
from tests.unit.api.whole_server import WholeServer, whole_server
from tests.unit.core.any_registration import any_json

#: Answers of the others do not end.
ROUTES: Final = [each for each in declared_routes() if not each.declaration.is_endless]
READ: Final = [each for each in ROUTES if each.method == "GET"]

_NAME: Final = re.compile(r"\{(\w+)(?::\w+)?\}")

_ODD_TEXTS: Final = (
    *("", " ", "0", "-1", "null", "%", "%00", "\0", "\n", "\r\n", "\x7f", "é", "𝄞"),
    *("9" * 400, "1e308", "x" * 3_000, "2026-13-45", "0001-01-01T00:00:00+14:00", "7" * 26, "..."),
    *("'", '"', "<script>", "event.data.a == 1", "shop", "shop-pay", "*", ";", "&a=b"),
)
_TEXTS: Final = st.sampled_from(_ODD_TEXTS) | st.text(max_size=30)
_HEADER_VALUES: Final = st.sampled_from(
    ["", "gzip", "br", "x" * 2_000, "application/json", "application/x-www-form-urlencoded", "-1"]
) | st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=20)


@pytest.fixture(scope="module")
def server() -> Iterator[WholeServer]:
    with whole_server() as server:
        server.register("pay", "ship")
        server.send()
        yield server


def _label(each: Listed) -> str:
    return f"{each.method} {each.path}"


def _path(each: Listed, values: Mapping[str, str]) -> str:
    return _NAME.sub(lambda found: values[found[1]], each.path)


def _names(each: Listed) -> list[str]:
    return _NAME.findall(each.path)


@cache
def _wrapped(kind: Any) -> type[msgspec.Struct]:
    return msgspec.defstruct("Wrapped", [("data", kind), ("metadata", Metadata)])


def _is_declared(each: Listed, answer: Answer) -> bool:
    """Whether the status is one of the declared ones, and the body what was declared for it."""
    declared = [a for a in each.declaration.answers if a.status == answer.status]
    kinds: list[Any] = [
        _wrapped(a.kind) if a.envelope is Envelope.DATA else a.kind
        for a in declared
        if a.kind is not None
    ]
    # What every route may answer.
    if answer.status in {400, 413, 415} and each.declaration.body is not None:
        kinds.append(each.declaration.refusal)
    if any(_fits(answer.body, kind) for kind in kinds):
        return True
    if answer.status == 404 and _names(each) and answer.body == b"404 page not found\n":
        return True
    media = answer.headers.get("content-type", "").partition(";")[0]
    return any(a.kind is None and (a.media_type or "") == media for a in declared) or any(
        a.kind is None and a.media_type is None and not answer.body for a in declared
    )


def _fits(body: bytes, kind: Any) -> bool:
    try:
        msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError:
        return False
    return True


def _has_error_form(answer: Answer) -> bool:
    """The error object with the true status, or no JSON at all."""
    if not answer.headers.get("content-type", "").startswith("application/json"):
        return True
    body = answer.json
    # GraphQL has a list of errors.
    first = body.get("errors", [body])[0]
    told = first.get("error") or first.get("message")
    return isinstance(told, str) and body.get("status", answer.status) == answer.status


@st.composite
def _requests(draw: st.DrawFn) -> tuple[Listed, str, bytes, dict[str, str]]:
    """A route with anything in its parameters, its headers and its body."""
    each = draw(st.sampled_from(ROUTES))
    # Either would make another path of it.
    unlike_paths = _TEXTS.map(lambda text: text.replace("/", "").replace("?", ""))
    values = {name: draw(unlike_paths) for name in _names(each)}
    known = [parameter.name for parameter in each.declaration.parameters]
    names = st.sampled_from(known) | _TEXTS if known else _TEXTS
    pairs = draw(st.lists(st.tuples(names, _TEXTS), max_size=4))
    query = draw(st.just(urlencode(pairs, errors="replace")) | st.text("&=%+;a0é", max_size=20))
    headers = draw(
        st.dictionaries(
            st.sampled_from(["content-encoding", "content-type", "content-length", "origin"]),
            _HEADER_VALUES,
            max_size=2,
        )
    )
    return each, f"{_path(each, values)}?{query}", draw(_bodies(each)), headers


def _bodies(each: Listed) -> st.SearchStrategy[bytes]:
    kind = each.declaration.body.kind if each.declaration.body is not None else None
    bodies = st.binary(max_size=30) | any_json.map(_encoded)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        members = {field.encode_name: any_json for field in msgspec.structs.fields(kind)}
        bodies |= st.fixed_dictionaries({}, optional=members).map(_encoded)
    return bodies


def _encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_requests())
def test_whatever_a_route_is_sent_it_answers_as_declared(
    server: WholeServer, sent: tuple[Listed, str, bytes, dict[str, str]]
) -> None:
    each, target, body, headers = sent
    answer = server.request(each.method, target, body, **headers)

    assert _is_declared(each, answer), (each.method, target, body, headers, answer)
    assert answer.status < 400 or _has_error_form(answer), answer


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "X"]),
    st.sampled_from([_NAME.sub("x", each.path) for each in ROUTES]) | st.just("/v1"),
    st.lists(_TEXTS, max_size=3),
)
def test_no_path_and_no_method_makes_the_server_fail(
    server: WholeServer, method: str, path: str, more: list[str]
) -> None:
    answer = server.request(method, "/".join([path, *more]).replace("?", ""))

    assert answer.status < 500 or answer.status == 501, answer
    assert answer.status < 400 or _has_error_form(answer), answer


@pytest.mark.parametrize("each", READ, ids=_label)
def test_what_can_be_read_answers_head_as_it_answers_get(server: WholeServer, each: Listed) -> None:
    path = _path(each, dict.fromkeys(_names(each), "x"))
    status = server.request("HEAD", path).status

    # Those who ask in GraphQL want to read the answer.
    assert status == (405 if each.path == "/v0/gql" else server.get(path).status)


@pytest.mark.parametrize("each", declared_routes(), ids=_label)
def test_other_methods_are_refused_with_those_that_there_are(
    server: WholeServer, each: Listed
) -> None:
    """Also OPTIONS, unless it is a browser that asks whether it may."""
    answer = server.request("BREW", _path(each, dict.fromkeys(_names(each), "x")))

    assert (answer.status, answer.body) == (405, b"")
    assert each.method in answer.headers["allow"].split(", ")


@pytest.mark.parametrize("each", ROUTES, ids=_label)
def test_nothing_is_told_to_a_sender_of_far_too_much(server: WholeServer, each: Listed) -> None:
    """A body larger than any that is taken is refused before it is read."""
    if each.declaration.body is None:
        return
    path = _path(each, dict.fromkeys(_names(each), "0" * 26))
    headers = {"content_length": str(10**15), "content_type": each.declaration.body.media_type}
    answer = server.request(each.method, path, b"{}", **headers)

    assert answer.status in {413, 404}, answer


@pytest.fixture(scope="module")
def guarded() -> Iterator[WholeServer]:
    with whole_server(Mode.START) as server:
        yield server


@pytest.mark.parametrize("each", declared_routes(), ids=_label)
def test_in_production_nothing_is_told_without_the_key(guarded: WholeServer, each: Listed) -> None:
    path = _path(each, dict.fromkeys(_names(each), "0" * 26))
    needs_key = bool(access_of(each.path))

    for headers in ({}, {"authorization": "Bearer "}, {"authorization": f"Basic {SIGNING_KEY}"}):
        answer = guarded.request(each.method, path, b"{}", **headers)
        assert (answer.body == b"Authentication failed\n") is needs_key
        assert answer.status == 401 or not needs_key
