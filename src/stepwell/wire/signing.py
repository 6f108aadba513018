"""Signing keys: signatures of requests and responses, and bearer tokens.

Source: SDK protocol, 3; HTTP APIs, 2.2.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

__all__ = [
    "SigningKey",
    "SigningKeyInvalid",
    "bearer_digest",
    "bearer_is_valid",
    "event_key_hash",
    "sign",
    "verify_signature",
]

#: SDKs refuse what is further away, in either direction, so that a recorded request is soon useless.
_AGE_S_MAX: Final = 5 * 60

_PREFIX: Final = re.compile(r"signkey-\w+-", re.ASCII)
_HEX_BYTES: Final = re.compile(r"(?:[0-9a-fA-F]{2})+")
_TIME: Final = re.compile(r"[0-9]{1,12}")
_BEARER: Final = "bearer "


class SigningKeyInvalid(ValueError):
    """The configured signing key is not hexadecimal. The message never shows the key."""

    def __init__(self) -> None:
        super().__init__(
            "the signing key must be an even number of hexadecimal digits, "
            'optionally after a prefix such as "signkey-prod-"'
        )


# A dataclass and not a Struct: serialisers and pretty printers show the fields of a Struct.
@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """A key that the server shares with its apps. Make it with `parse`; printing does not show it.

    Attributes:
        prefix: "signkey-prod-" or the like, or empty. Takes no part in any computation.
        secret: The hexadecimal digits as configured; their case matters.
    """

    prefix: str
    secret: str

    @classmethod
    def parse(cls, text: str) -> "SigningKey":
        """The key in its configured form, `<hex>` or `signkey-<word>-<hex>`.

        The length is judged without the prefix, so that keys made for hosted environments work.

        Raises:
            SigningKeyInvalid: What follows the prefix is empty, of odd length or not hexadecimal.
                Such a key has no digest, and an empty token would match it.

        Source: SDK protocol, 3.1; HTTP APIs, 2.2.
        """
        secret = _without_prefix(text)
        if _HEX_BYTES.fullmatch(secret) is None:
            raise SigningKeyInvalid
        return cls(prefix=text[: len(text) - len(secret)], secret=secret)

    def __repr__(self) -> str:
        return f"SigningKey({self.prefix}***)"


def sign(body: bytes, key: SigningKey, *, unix_s: int) -> str:
    """The value of the header `x-inngest-signature`. SDKs accept it for five minutes.

    Args:
        body: The bytes as sent. A request's must be in canonical form, because SDKs canonicalise
            before they compute; a response's are taken as they are. May be empty.
        key: Its text is the key of the MAC; it is not hex-decoded.
        unix_s: Now, in seconds since 1970.

    Source: SDK protocol, 3.2 and 3.4.
    """
    time = b"%d" % unix_s
    # The Go SDK compares the whole value: time first.
    return f"t={unix_s}&s={_mac(body, time, key)}"


def verify_signature(header: str | None, body: bytes, key: SigningKey, *, now_s: int) -> bool:
    """Whether the body was signed with this key, at most five minutes from now in either direction.

    Takes the same time whatever the difference between the signatures is. Anything malformed is
    just not valid.

    Args:
        header: Value of `x-inngest-signature`, or None if there is none.
        body: A request's in canonical form, a response's as received.
        key: The key that is expected. For a fallback key, call again.
        now_s: Now, in seconds since 1970.

    Source: SDK protocol, 3.3.
    """
    fields = dict(parse_qsl(header or ""))
    time, signature = fields.get("t", ""), fields.get("s", "")
    if _TIME.fullmatch(time) is None or abs(now_s - int(time)) > _AGE_S_MAX:
        return False
    return _is_equal(signature, _mac(body, time.encode(), key))


def bearer_digest(key: SigningKey) -> str:
    """What SDKs send as bearer token, without prefix: the SHA-256 of the decoded key, in hex.

    Source: SDK protocol, 3.5.
    """
    return hashlib.sha256(bytes.fromhex(key.secret)).hexdigest()


def bearer_is_valid(authorization: str | None, key: SigningKey | None) -> bool:
    """Whether a request to a protected route may pass.

    Without a configured key everything passes. With one, the token must be the key's digest or the
    key itself (the Go SDK checkpoints with it), each with or without any prefix. An empty token,
    which TypeScript sends when it has no key, never passes.

    Args:
        authorization: Value of the header `Authorization`, or None if there is none.
        key: The configured key, or None.

    Source: HTTP APIs, 2.2.
    """
    if key is None:
        return True
    if authorization is None or authorization[: len(_BEARER)].lower() != _BEARER:
        return False
    token = _without_prefix(authorization[len(_BEARER) :])
    if not token:
        return False
    is_digest = _is_equal(token, bearer_digest(key))
    is_secret = _is_equal(token, key.secret)
    return is_digest or is_secret


def event_key_hash(event_key: str) -> str:
    """The event key as introspection shows it: its SHA-256, in hex.

    Source: SDK protocol, 3.5.
    """
    return hashlib.sha256(event_key.encode()).hexdigest()


def _without_prefix(text: str) -> str:
    match = _PREFIX.match(text)
    return text if match is None else text[match.end() :]


def _mac(body: bytes, time: bytes, key: SigningKey) -> str:
    # Two updates instead of one concatenation: a body may have 32 MiB.
    mac = hmac.new(key.secret.encode(), body, hashlib.sha256)
    mac.update(time)
    return mac.hexdigest()


def _is_equal(presented: str, expected: str) -> bool:
    # As bytes, because for text `compare_digest` refuses everything beyond ASCII.
    return hmac.compare_digest(presented.encode("utf-8", "replace"), expected.encode())
