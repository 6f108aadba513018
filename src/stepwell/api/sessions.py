"""Sessions of people who have signed in, in a cookie: the server keeps nothing of them.

The value says until when it holds, and is signed with a key that follows from the signing key and
from what is kept of the operator token. So sessions outlive a restart and end when either is
replaced, and nobody can make one who has only the signing key or only the database.
"""

import hashlib
import hmac
import re
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from stepwell.api.body import Headers
from stepwell.api.operators import HeldToken
from stepwell.core.access_token import TokenHash
from stepwell.wire.run_claim import TokenKey
from stepwell.wire.signing import SigningKey

__all__ = ["SESSION_S", "FailedAttempts", "Sessions"]

#: A working day. Who is still there after it signs in once more.
SESSION_S: Final = 12 * 3600

_NAME: Final = b"stepwell_session"
_VALUE: Final = re.compile(rb"([0-9]{1,12})\.([0-9a-f]{64})")


class Sessions:
    """Gives out cookies, and knows them again."""

    def __init__(
        self, token: HeldToken, key: SigningKey, now_s: Callable[[], int], *, base_path: str
    ) -> None:
        """Sessions that nobody can forge who does not know the key.

        Args:
            token: What people sign in with.
            key: The signing key.
            now_s: The wall clock, in seconds since 1970.
            base_path: Below which cookies are sent; empty for `/`.
        """
        self._token = token
        self._key = TokenKey.derived(key).for_kind("dashboard session")
        self._now_s = now_s
        self._path = (base_path or "/").encode()

    def begin(self, token: TokenHash, *, is_secure: bool) -> bytes:
        """A `Set-Cookie` with a new session.

        Args:
            token: What somebody has just signed in with; the session ends when it is replaced.
            is_secure: Whether the browser must send it over encrypted connections only.
        """
        expiry = b"%d" % (self._now_s() + SESSION_S)
        value = b"%b.%b" % (expiry, self._mac(expiry, token))
        return self._cookie(value, SESSION_S, is_secure=is_secure)

    def end(self, *, is_secure: bool) -> bytes:
        """A `Set-Cookie` with which the browser forgets its session."""
        return self._cookie(b"", 0, is_secure=is_secure)

    async def admit(self, headers: Headers) -> bool:
        """Whether the request comes with a session that has not ended."""
        presented = list(_values(headers))
        if not presented:
            return False
        token = await self._token.current()
        return any(self._is_valid(each, token) for each in presented)

    def _cookie(self, value: bytes, age_s: int, *, is_secure: bool) -> bytes:
        # Scripts cannot read it, and pages of other sites cannot have it sent.
        return b"%b=%b; Path=%b; Max-Age=%d; HttpOnly; SameSite=Strict%b" % (
            _NAME,
            value,
            self._path,
            age_s,
            b"; Secure" if is_secure else b"",
        )

    def _is_valid(self, value: bytes, token: TokenHash) -> bool:
        found = _VALUE.fullmatch(value)
        if found is None:
            return False
        expiry, mac = found.groups()
        return hmac.compare_digest(mac, self._mac(expiry, token)) and int(expiry) > self._now_s()

    def _mac(self, expiry: bytes, token: TokenHash) -> bytes:
        return hmac.new(self._key, token.digest + expiry, hashlib.sha256).hexdigest().encode()


class FailedAttempts:
    """Keeps anybody from trying out tokens: after so many wrong ones, nobody may try for a while.

    It is one limit for all, because addresses are cheap; who has signed in does not notice.
    """

    COUNT_MAX: Final = 10
    WITHIN_S: Final = 60

    def __init__(self, now_s: Callable[[], int]) -> None:
        self._now_s = now_s
        self._failed_s: deque[int] = deque(maxlen=self.COUNT_MAX)

    def add(self) -> None:
        """One more."""
        self._failed_s.append(self._now_s())

    def pause_s(self) -> int:
        """How long nobody may try; 0 if one may."""
        if len(self._failed_s) < self.COUNT_MAX:
            return 0
        return max(0, self._failed_s[0] + self.WITHIN_S - self._now_s())


def _values(headers: Headers) -> Iterator[bytes]:
    """All values of the cookie: a browser may have one of another path as well."""
    for pair in headers.get(b"cookie", b"").split(b";"):
        name, _, value = pair.strip().partition(b"=")
        if name == _NAME:
            yield value
