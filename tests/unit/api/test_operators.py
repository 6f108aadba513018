"""The operator token while a server runs: it is replaced, and others notice."""

import asyncio
from collections.abc import Iterator
from itertools import count

import pytest

from stepwell.api.operators import GivenToken, StoredToken, TokenIsGiven
from stepwell.core.access_token import ENTROPY_BYTES, TokenHash
from stepwell.engine.store import StoreUnavailable
from tests.unit.api.api_server import CLOUD, OPERATOR_TOKEN, Api

FIRST = TokenHash.of("first")
SECOND = TokenHash.of("second")

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.ms = 1_795_252_035_250

    def now_ms(self) -> int:
        return self.ms


class Tokens:
    """A store that several processes share, as far as it concerns tokens."""

    def __init__(self, held: TokenHash) -> None:
        self.held: TokenHash = held
        self.fails = False
        self.reads = 0
        self.gate: asyncio.Event | None = None

    async def current(self) -> TokenHash | None:
        self.reads += 1
        found = self.held
        if self.gate is not None:
            await self.gate.wait()
        self._fail()
        return found

    async def add(self, token: TokenHash, *, now_ms: int) -> bool:
        raise AssertionError(token, now_ms)

    async def replace(self, token: TokenHash, *, now_ms: int) -> None:
        assert now_ms
        self._fail()
        self.held = token

    def _fail(self) -> None:
        if self.fails:
            raise StoreUnavailable("operator_token", "it is gone")


class World:
    """One process with a store."""

    def __init__(self, held: TokenHash = FIRST, *, patience_s: float = 20.0) -> None:
        self.clock = Clock()
        self.tokens = Tokens(held)
        self._numbers: Iterator[int] = count(1)
        self.token = StoredToken(
            self.tokens, held, self.clock, self._entropy, patience_s=patience_s
        )

    def _entropy(self) -> bytes:
        return next(self._numbers).to_bytes(ENTROPY_BYTES, "big")


@pytest.fixture
def world() -> World:
    return World()


async def test_a_token_that_another_process_replaced_ends_within_two_seconds(world: World) -> None:
    world.tokens.held = SECOND

    world.clock.ms += 1_999
    assert await world.token.current() == FIRST
    world.clock.ms += 1
    assert await world.token.current() == SECOND


async def test_the_store_is_not_asked_for_every_request(world: World) -> None:
    for _ in range(10):
        await world.token.current()
    assert world.tokens.reads == 0

    world.clock.ms += 2_000
    await asyncio.gather(*(world.token.current() for _ in range(10)))
    assert world.tokens.reads == 1


async def test_a_replaced_token_ends_at_once_in_the_process_that_replaces_it(world: World) -> None:
    token = await world.token.replace()

    assert (await world.token.current()).matches(token)
    assert world.tokens.held.matches(token)
    assert token != await world.token.replace()
    assert not (await world.token.current()).matches(token)


async def test_a_look_that_began_before_the_replacement_does_not_undo_it(world: World) -> None:
    world.tokens.gate = asyncio.Event()
    world.clock.ms += 2_000
    looking = asyncio.create_task(world.token.current())
    await asyncio.sleep(0)
    replacing = asyncio.create_task(world.token.replace())
    await asyncio.sleep(0)
    world.tokens.gate.set()

    assert await looking == FIRST
    token = await replacing
    assert (await world.token.current()).matches(token)


async def test_while_the_store_does_not_answer_the_known_token_holds(world: World) -> None:
    world.tokens.held = SECOND
    world.tokens.fails = True
    world.clock.ms += 10_000

    for _ in range(3):
        assert await world.token.current() == FIRST
    assert world.tokens.reads == 1, "not every request tries it again"
    world.tokens.fails = False
    world.clock.ms += 2_000
    assert await world.token.current() == SECOND


async def test_a_store_that_says_nothing_holds_nobody_up_for_long() -> None:
    world = World(patience_s=0.0)
    world.tokens.gate = asyncio.Event()
    world.clock.ms += 2_000

    assert await world.token.current() == FIRST
    assert await world.token.current() == FIRST
    assert world.tokens.reads == 1


async def test_a_token_that_could_not_be_stored_does_not_hold(world: World) -> None:
    world.tokens.fails = True

    with pytest.raises(StoreUnavailable):
        await world.token.replace()
    assert await world.token.current() == FIRST


async def test_a_given_token_is_not_replaced() -> None:
    given = GivenToken(FIRST)

    with pytest.raises(TokenIsGiven):
        await given.replace()
    assert await given.current() == FIRST


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_an_operator_replaces_the_token_and_uses_the_new_one() -> None:
    api = Api(CLOUD, operator=World(TokenHash.of(OPERATOR_TOKEN)).token)

    answer = api.post("/v1/operator-token", b"", **_bearer(OPERATOR_TOKEN))
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    token = answer.json["token"]
    assert api.get("/mcp", **_bearer(OPERATOR_TOKEN)).status == 401
    assert api.get("/mcp", **_bearer(token)).status == 404


def test_a_token_of_a_setting_is_changed_there() -> None:
    answer = Api(CLOUD).post("/v1/operator-token", b"", **_bearer(OPERATOR_TOKEN))

    assert (answer.status, answer.json["code"]) == (409, "SW1024")


def test_in_development_there_is_no_token_to_replace() -> None:
    assert Api().post("/v1/operator-token").status == 404
