"""Tokens that people and programs prove themselves with, and what is kept of them.

A token is random and long, so one round of a hash is enough: who has the hash can neither find the
token out nor use the hash in its place.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

__all__ = [
    "ENTROPY_BYTES",
    "TOKEN_CHARS_MAX",
    "TOKEN_CHARS_MIN",
    "TokenHash",
    "new_operator_token",
    "token_fault",
]

#: Of a token that we make: nobody tries 2 ** 192 of them.
ENTROPY_BYTES: Final = 24
#: Of a token that somebody else makes; as long as 128 random bits in hexadecimal.
TOKEN_CHARS_MIN: Final = 32
TOKEN_CHARS_MAX: Final = 512

#: By which people, and programs that look for leaked secrets, know what they have before them.
_OPERATOR_PREFIX: Final = "stepwell_op_"
_PURPOSE: Final = b"stepwell access token\0"


# A dataclass and not a Struct: serialisers and pretty printers show the fields of a Struct.
@dataclass(frozen=True, slots=True, repr=False)
class TokenHash:
    """What is kept of a token. Make it with `of`, or from a digest that was stored.

    Attributes:
        digest: 32 bytes.
    """

    digest: bytes

    @classmethod
    def of(cls, token: str) -> "TokenHash":
        """What to keep of this token."""
        return cls(hashlib.sha256(_PURPOSE + token.encode("utf-8", "replace")).digest())

    def matches(self, token: str) -> bool:
        """Whether it is the token; how long that takes does not depend on how much is right."""
        return hmac.compare_digest(TokenHash.of(token).digest, self.digest)

    def __repr__(self) -> str:
        return "TokenHash(***)"


def new_operator_token(entropy: bytes) -> str:
    """A token for whoever runs the server.

    Args:
        entropy: As many random bytes as `ENTROPY_BYTES` says, from the system's generator.
    """
    assert len(entropy) == ENTROPY_BYTES, "less could be guessed"
    return _OPERATOR_PREFIX + entropy.hex()


def token_fault(token: str) -> str | None:
    """What keeps a text from being a token, without repeating it; None if nothing does."""
    if not token.isascii() or not token.isprintable() or " " in token:
        # It has to go into a header.
        return "must consist of letters, digits and signs of ASCII, without spaces"
    if not TOKEN_CHARS_MIN <= len(token) <= TOKEN_CHARS_MAX:
        return f"must have {TOKEN_CHARS_MIN} to {TOKEN_CHARS_MAX} characters, chosen at random"
    return None
