"""A server below a path of a host."""

import pytest
from starlette.types import Message, Receive, Scope, Send

from stepwell.dashboard.paths import API_SEGMENTS
from stepwell.server.base_path import BelowBasePath, base_path
from stepwell.server.errors import SettingInvalid

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/", ""),
        ("", ""),
        ("/tools", "/tools"),
        ("/tools/", "/tools"),
        ("/tools/stepwell", "/tools/stepwell"),
        ("/~a/b_c-1.2", "/~a/b_c-1.2"),
        ("/" + "x" * 199, "/" + "x" * 199),
    ],
)
def test_a_path_is_taken_without_the_slash_at_its_end(text: str, path: str) -> None:
    assert base_path(text) == path


@pytest.mark.parametrize(
    "text",
    [
        *("tools", "//", "//evil.example", "/tools//stepwell", "/a/../b", "/.", "/..", "/a/./b"),
        *("/a b", "/a?b", "/a#b", "/a%2fb", '/a"b', "/a<b>", "/a\\b", "/a;b", "/ä", " /a", "/a "),
        *("/a\r\nset-cookie: x=1", "/a\n", "/a\x00", "/a\x7f", "https://example.com/a", "/{a}"),
        "/" + "x" * 200,
    ],
)
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(SettingInvalid, match="--base-path: must"):
        base_path(text)


@pytest.mark.parametrize("first", sorted(API_SEGMENTS))
def test_a_path_of_the_api_is_refused(first: str) -> None:
    """It could not be told from the API whose proxy has taken the base path off."""
    with pytest.raises(SettingInvalid, match="paths of the API do"):
        base_path(f"/{first}/stepwell")
    assert base_path(f"/{first}stepwell") == f"/{first}stepwell"


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("/tools/stepwell/v0/gql", "/v0/gql"),
        ("/tools/stepwell/", "/"),
        ("/tools/stepwell", "/"),
        ("/v0/gql", "/v0/gql"),
        ("/", "/"),
        ("/tools/stepwellx/v0", "/tools/stepwellx/v0"),
        ("/tools", "/tools"),
        ("/tools/stepwell//x", "//x"),
        ("/tools/stepwell/tools/stepwell/x", "/tools/stepwell/x"),
        ("", ""),
    ],
)
async def test_the_base_path_is_taken_off_once(kind: str, asked: str, served: str) -> None:
    scopes: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)

    async def receive() -> Message:
        return {}

    async def send(message: Message) -> None:
        """Nothing is answered."""

    scope = {"type": kind, "path": asked, "raw_path": asked.encode(), "query_string": b"a=b"}
    await BelowBasePath(app, "/tools/stepwell")(scope, receive, send)

    (seen,) = scopes
    assert (seen["path"], seen["query_string"], scope["path"]) == (served, b"a=b", asked)
    assert seen.get("raw_path", served.encode()) == served.encode()


async def test_what_has_no_path_is_passed_on() -> None:
    passed: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        passed.append(scope["type"])

    async def nothing(*_: Message) -> Message:
        return {}

    await BelowBasePath(app, "/x")({"type": "lifespan"}, nothing, nothing)  # type: ignore[arg-type]
    assert passed == ["lifespan"]
