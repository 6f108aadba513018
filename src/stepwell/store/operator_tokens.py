"""What is kept of the token of those who run the server, in any store."""

from typing import Protocol

from stepwell.core.access_token import TokenHash

__all__ = ["OperatorTokens"]


class OperatorTokens(Protocol):
    """The one operator token of an installation, which all its processes share.

    Every method raises `StoreUnavailable` when the database does not answer.
    """

    async def current(self) -> TokenHash | None:
        """What holds now; None until there is a token."""
        ...

    async def add(self, token: TokenHash, *, now_ms: int) -> bool:
        """Let the first token hold, durably; False, and nothing is changed, if there is one."""
        ...

    async def replace(self, token: TokenHash, *, now_ms: int) -> None:
        """Let another token hold, durably, in place of the one there is, if any."""
        ...
