"""Those who run the server: how they are told from others.

The token is either given as a setting, or kept in the store, which several processes may share. One
of them, or a command on the database, can replace it; the others notice within seconds.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from stepwell.core.access_token import TokenHash, new_operator_token
from stepwell.engine.clock import Clock
from stepwell.engine.store import StoreUnavailable
from stepwell.store.operator_tokens import OperatorTokens
from stepwell.wire.errors import CallerError

__all__ = ["GivenToken", "HeldToken", "StoredToken", "TokenIsGiven"]

#: After so long the store is asked again whether another process has replaced the token.
_FRESH_MS: Final = 2_000
#: A store that takes longer does not answer.
_PATIENCE_S: Final = 2.0


class TokenIsGiven(CallerError):
    """The operator token cannot be replaced: the server does not choose it."""

    code = "SW1024"
    status = 409

    def __init__(self) -> None:
        super().__init__(
            "the operator token is given by the setting operator-token, so it is changed there"
        )


class HeldToken(Protocol):
    """The operator token that holds now."""

    async def current(self) -> TokenHash:
        """What is kept of it."""
        ...

    async def replace(self) -> str:
        """Let a new token hold in its place, durably, and return it; it is kept nowhere.

        Raises:
            TokenIsGiven: Somebody else chooses it.
            StoreUnavailable: The old one may hold still.
        """
        ...


class GivenToken:
    """A token that a setting gives."""

    def __init__(self, token: TokenHash) -> None:
        self._token = token

    async def current(self) -> TokenHash:
        return self._token

    async def replace(self) -> str:
        raise TokenIsGiven


class StoredToken:
    """A token that is kept in the store.

    While the store does not answer, the one that is known goes on to hold: what can be seen then is
    only what is in memory.
    """

    def __init__(
        self,
        tokens: OperatorTokens,
        known: TokenHash,
        clock: Clock,
        entropy: Callable[[], bytes],
        *,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        """Begin with what is known.

        Args:
            tokens: The store's.
            known: What holds, as far as this process knows.
            clock: Tells when to look again.
            entropy: New random bytes for a token.
            patience_s: How long the store may take to say what holds.
        """
        self._tokens = tokens
        self._known = known
        self._asked_ms = clock.now_ms()
        self._patience_s = patience_s
        self._clock = clock
        self._entropy = entropy
        # What is read while another token is written may be the old one.
        self._one_at_a_time = asyncio.Lock()

    async def current(self) -> TokenHash:
        if not self._is_fresh():
            async with self._one_at_a_time:
                if not self._is_fresh():
                    await self._read()
        return self._known

    async def replace(self) -> str:
        token = new_operator_token(self._entropy())
        made = TokenHash.of(token)
        async with self._one_at_a_time:
            await self._tokens.replace(made, now_ms=self._clock.now_ms())
            self._known = made
        return token

    def _is_fresh(self) -> bool:
        return self._clock.now_ms() < self._asked_ms + _FRESH_MS

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(self._patience_s):
                found = await self._tokens.current()
            assert found is not None, "tokens are replaced, never deleted"
            self._known = found
        except (StoreUnavailable, TimeoutError):
            pass
        finally:
            self._asked_ms = self._clock.now_ms()
