"""The operator token at the start of a server."""

from collections.abc import AsyncIterator, Callable
from itertools import count

import pytest
from structlog.testing import capture_logs

from stepwell.core.access_token import ENTROPY_BYTES, TokenHash, new_operator_token
from stepwell.server.errors import TokenNotShown
from stepwell.server.operator_token import first_token_text, held_token, new_entropy
from stepwell.store.operator_tokens import OperatorTokens
from stepwell.store.sqlite import SqliteStore
from tests.unit.server.apps import FixedClock

pytestmark = pytest.mark.anyio

GIVEN = TokenHash.of("given")


def _text(number: int) -> str:
    return first_token_text(_token(number))


def _token(number: int) -> str:
    return new_operator_token(number.to_bytes(ENTROPY_BYTES, "big"))


class Killed(BaseException):
    """The process ends here."""


class Start:
    """Starts of servers on one store, which count the tokens that they make."""

    def __init__(self, tokens: OperatorTokens) -> None:
        self.tokens = tokens
        self.shown: list[str] = []
        self._numbers = count(1)

    async def __call__(
        self, given: TokenHash | None = None, show: Callable[[str], None] | None = None
    ) -> TokenHash:
        """The hash that holds in the server that started."""
        held = await held_token(
            given, self.tokens, FixedClock(), show or self.shown.append, entropy=self._entropy
        )
        return await held.current()

    def _entropy(self) -> bytes:
        return next(self._numbers).to_bytes(ENTROPY_BYTES, "big")


@pytest.fixture
async def start(anyio_backend: object) -> AsyncIterator[Start]:
    store = SqliteStore.in_memory()
    yield Start(store.operator_tokens())
    await store.close()


async def test_the_first_start_shows_a_token_and_later_ones_know_it(start: Start) -> None:
    first = await start()

    assert start.shown == [_text(1)]
    assert f"Operator token: {_token(1)}\n" in start.shown[0]
    assert first.matches(_token(1))
    assert await start() == first
    assert len(start.shown) == 1, "it is shown once"


async def test_who_chooses_a_token_is_shown_none(start: Start) -> None:
    assert await start(GIVEN) == GIVEN
    assert start.shown == []
    assert await start.tokens.current() is None


async def test_a_chosen_token_holds_in_place_of_the_stored_one_as_long_as_it_is_given(
    start: Start,
) -> None:
    stored = await start()

    assert await start(GIVEN) == GIVEN
    assert await start() == stored


@pytest.mark.parametrize("is_shown", [False, True])
async def test_a_server_killed_before_the_token_is_stored_locks_nobody_out(
    start: Start, *, is_shown: bool
) -> None:
    """Whether or not somebody saw the first one: the next start shows one that holds."""

    def killed(text: str) -> None:
        if is_shown:
            start.shown.append(text)
        raise Killed

    with pytest.raises(Killed):
        await start(show=killed)
    assert await start.tokens.current() is None

    assert (await start()).matches(_token(2))
    assert start.shown[-1] == _text(2)


@pytest.mark.parametrize("error", [BrokenPipeError("Broken pipe"), ValueError("closed file")])
async def test_a_token_that_nobody_sees_is_not_stored(start: Start, error: Exception) -> None:
    def show(_: str) -> None:
        raise error

    with pytest.raises(TokenNotShown) as refused:
        await start(show=show)

    assert _token(1) not in str(refused.value)
    assert await start.tokens.current() is None


class Raced:
    """The store, where another process adds a token a moment earlier."""

    def __init__(self, tokens: OperatorTokens) -> None:
        self._tokens = tokens

    async def current(self) -> TokenHash | None:
        return await self._tokens.current()

    async def add(self, token: TokenHash, *, now_ms: int) -> bool:
        await self._tokens.add(GIVEN, now_ms=now_ms)
        return await self._tokens.add(token, now_ms=now_ms)

    async def replace(self, token: TokenHash, *, now_ms: int) -> None:
        raise AssertionError(token, now_ms)


async def test_of_two_first_starts_at_once_one_token_holds_for_both(start: Start) -> None:
    """The slower one has shown a token that does not hold, and its log says so."""
    slower = Start(Raced(start.tokens))

    with capture_logs() as logged:
        assert await slower() == GIVEN
    assert [entry["event"] for entry in logged] == ["operator_token.discarded"]
    assert _token(1) not in str(logged)
    assert await start() == GIVEN


def test_tokens_are_made_of_fresh_randomness() -> None:
    assert len(new_entropy()) == ENTROPY_BYTES
    assert new_entropy() != new_entropy()
