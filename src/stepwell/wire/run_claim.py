"""Tokens that the server gives out for one run: to fetch its output, and to follow its stream.

Nothing but the server reads them, so how they are signed is its own business; SDKs and browsers
only pass them on. Each kind is signed with a key of its own, so that none passes for another.

Source: HTTP APIs, 8.6 and 9.2.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

import jwt

from stepwell.wire.signing import SigningKey

__all__ = [
    "REALTIME_TOKEN_S",
    "RUN_CLAIM_S",
    "TokenKey",
    "issue_realtime_token",
    "issue_run_claim",
    "run_claim_is_valid",
]

#: How long the output of a run can be fetched.
RUN_CLAIM_S: Final = 3600
#: How long a stream can be joined; who has joined may stay.
REALTIME_TOKEN_S: Final = 16 * 60

_ALGORITHM: Final = "HS256"
_CLAIM_ISSUER: Final = "api.inngest.com"
_CLAIM_SUBJECT: Final = "run-claim"
_REALTIME_ISSUER: Final = "rt.inngest.com"
#: Topic of the bytes that a durable endpoint streams to its caller.
_STREAM_TOPIC: Final = "$stream"
_SECRET_BYTES_MIN: Final = 32
_TOKEN_CHARS_MAX: Final = 4096


# A dataclass and not a Struct: serialisers and pretty printers show the fields of a Struct.
@dataclass(frozen=True, slots=True, repr=False)
class TokenKey:
    """The secret from which the keys of all kinds of tokens are derived.

    Attributes:
        secret: At least 32 bytes that nobody else knows.
    """

    secret: bytes

    def __post_init__(self) -> None:
        assert len(self.secret) >= _SECRET_BYTES_MIN, "a short secret can be guessed"

    @classmethod
    def derived(cls, key: SigningKey) -> "TokenKey":
        """The secret that belongs to a signing key, so that tokens outlive a restart."""
        return cls(hmac.digest(key.secret.encode(), b"stepwell tokens", hashlib.sha256))

    def for_kind(self, kind: str) -> bytes:
        """The key with which tokens of that kind are signed."""
        return hmac.digest(self.secret, kind.encode(), hashlib.sha256)

    def __repr__(self) -> str:
        return "TokenKey(***)"


def issue_run_claim(run_id: str, environment_id: str, key: TokenKey, *, now_s: int) -> str:
    """A token with which the output of the run can be fetched for an hour.

    Source: HTTP APIs, 8.6.
    """
    claims = {
        "iss": _CLAIM_ISSUER,
        "sub": _CLAIM_SUBJECT,
        "exp": now_s + RUN_CLAIM_S,
        "Env": environment_id,
        "RunID": run_id,
    }
    return jwt.encode(claims, key.for_kind(_CLAIM_SUBJECT), algorithm=_ALGORITHM)


def run_claim_is_valid(
    token: str, run_id: str, environment_id: str, key: TokenKey, *, now_s: int
) -> bool:
    """Whether the token was given out for that run, and its hour is not over."""
    if not token or len(token) > _TOKEN_CHARS_MAX:
        return False
    try:
        claims = jwt.decode(
            token,
            key.for_kind(_CLAIM_SUBJECT),
            algorithms=[_ALGORITHM],
            issuer=_CLAIM_ISSUER,
            options={
                "require": ["exp", "iss", "sub"],
                # Compared below with the clock that is given.
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except jwt.InvalidTokenError:
        return False
    expires_s = claims["exp"]
    return (
        isinstance(expires_s, int)
        and now_s < expires_s
        and claims["sub"] == _CLAIM_SUBJECT
        and claims.get("Env") == environment_id
        and claims.get("RunID") == run_id
    )


def issue_realtime_token(
    run_id: str, environment_id: str, account_id: str, key: TokenKey, *, token_id: str, now_s: int
) -> str:
    """A token with which the stream of a durable endpoint's run can be joined.

    Args:
        run_id: The run; also the name of its channel.
        environment_id: Where the run belongs.
        account_id: Whom it belongs to.
        key: The server's.
        token_id: A new ULID.
        now_s: Now, in seconds since 1970.

    Source: HTTP APIs, 8.2 and 9.2.
    """
    topic = {
        "kind": "run",
        "env_id": environment_id,
        "run_id": run_id,
        "channel": run_id,
        "name": _STREAM_TOPIC,
    }
    claims = {
        "iss": _REALTIME_ISSUER,
        "sub": account_id,
        "iat": now_s,
        "exp": now_s + REALTIME_TOKEN_S,
        "jti": token_id,
        "env": environment_id,
        "topics": [topic],
        "publish": False,
    }
    return jwt.encode(claims, key.for_kind("realtime"), algorithm=_ALGORITHM)
