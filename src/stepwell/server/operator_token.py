"""The operator token at the start of a server: made once, shown once."""

import os
from collections.abc import Callable
from typing import Final

import structlog

from stepwell.api.operators import GivenToken, HeldToken, StoredToken
from stepwell.core.access_token import ENTROPY_BYTES, TokenHash, new_operator_token
from stepwell.engine.clock import Clock
from stepwell.server.errors import TokenNotShown
from stepwell.store.operator_tokens import OperatorTokens

__all__ = ["ShowToken", "first_token_text", "held_token", "new_entropy"]

_log = structlog.get_logger("stepwell.server")

#: Shows a text with a new token to a person; it is never logged.
ShowToken = Callable[[str], None]

_FIRST: Final = """\
Operator token: {token}
With it one signs in to the dashboard and uses the command line (STEPWELL_TOKEN). Keep it safe: it is
shown this once, and only a hash of it is stored. `stepwell token replace` makes another one.
"""


def new_entropy() -> bytes:
    """Random bytes for a token."""
    return os.urandom(ENTROPY_BYTES)


def first_token_text(token: str) -> str:
    """What a person is told about a new token."""
    return _FIRST.format(token=token)


async def held_token(
    given: TokenHash | None,
    tokens: OperatorTokens,
    clock: Clock,
    show: ShowToken,
    *,
    entropy: Callable[[], bytes] = new_entropy,
) -> HeldToken:
    """The operator token of a server that starts; the first one is made and shown.

    It is shown before it is stored: whatever ends the process in between, the next start shows
    another one, and nobody is locked out by a token that nobody has seen.

    Args:
        given: The setting; what is stored does not count then.
        tokens: The store's.
        clock: The wall clock.
        show: Shows it.
        entropy: New random bytes.

    Raises:
        TokenNotShown: Nobody would have seen it; nothing was stored.
        StoreUnavailable: The database does not answer.
    """
    if given is not None:
        return GivenToken(given)
    known = await tokens.current()
    if known is None:
        known = await _made(tokens, clock, show, entropy)
    return StoredToken(tokens, known, clock, entropy)


async def _made(
    tokens: OperatorTokens, clock: Clock, show: ShowToken, entropy: Callable[[], bytes]
) -> TokenHash:
    token = new_operator_token(entropy())
    try:
        show(first_token_text(token))
    except (OSError, ValueError) as error:
        raise TokenNotShown(str(error)) from error
    made = TokenHash.of(token)
    if await tokens.add(made, now_ms=clock.now_ms()):
        _log.info("operator_token.created")
        return made
    # Another process that has just started on the same database was faster.
    _log.warning("operator_token.discarded", reason="another process has shown the one that holds")
    found = await tokens.current()
    assert found is not None, "tokens are replaced, never deleted"
    return found
