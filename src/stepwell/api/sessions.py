"""Sessions of people who have signed in, in a cookie: the server keeps nothing of them.

The value says until when it holds, and is signed with a key that follows from the one that was
presented. So sessions outlive a restart, and end when that key is changed.
"""

import hashlib
import hmac
import re
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from stepwell.api.body import Headers
from stepwell.wire.run_claim import TokenKey
from stepwell.wire.signing import SigningKey, bearer_is_valid

__all__ = ["SESSION_S", "FailedAttempts", "OperatorKey", "Sessions"]

#: A working day. Who is still there after it signs in once more.
SESSION_S: Final = 12 * 3600

_NAME: Final = b"stepwell_session"
_TOKEN: Final = re.compile(rb"([0-9]{1,12})\.([0-9a-f]{64})")


class OperatorKey:
    """What one signs in with: the signing key. Nothing else here knows how it is checked."""

    def __init__(self, key: SigningKey) -> None:
        self._key = key

    def accepts(self, text: str) -> bool:
        """Whether it is the key, with or without its prefix.

        How long that takes does not depend on how much of it is right.
        """
        return bearer_is_valid(f"Bearer {text}", self._key)

    def secret_for(self, purpose: str) -> bytes:
        """A key that follows from it and from which it cannot be found out."""
        return TokenKey.derived(self._key).for_kind(purpose)


class Sessions:
    """Gives out cookies, and knows them again."""

    def __init__(self, key: OperatorKey, now_s: Callable[[], int], *, base_path: str) -> None:
        """Sessions that nobody can forge who does not know the key.

        Args:
            key: What people sign in with.
            now_s: The wall clock, in seconds since 1970.
            base_path: Below which cookies are sent; empty for `/`.
        """
        self._secret = key.secret_for("dashboard session")
        self._now_s = now_s
        self._path = (base_path or "/").encode()

    def begin(self, *, is_secure: bool) -> bytes:
        """A `Set-Cookie` with a new session.

        Args:
            is_secure: Whether the browser must send it over encrypted connections only.
        """
        expiry = b"%d" % (self._now_s() + SESSION_S)
        return self._cookie(b"%b.%b" % (expiry, self._mac(expiry)), SESSION_S, is_secure=is_secure)

    def end(self, *, is_secure: bool) -> bytes:
        """A `Set-Cookie` with which the browser forgets its session."""
        return self._cookie(b"", 0, is_secure=is_secure)

    def admit(self, headers: Headers) -> bool:
        """Whether the request comes with a session that has not ended."""
        return any(self._is_valid(token) for token in _tokens(headers))

    def _cookie(self, value: bytes, age_s: int, *, is_secure: bool) -> bytes:
        # Scripts cannot read it, and pages of other sites cannot have it sent.
        return b"%b=%b; Path=%b; Max-Age=%d; HttpOnly; SameSite=Strict%b" % (
            _NAME,
            value,
            self._path,
            age_s,
            b"; Secure" if is_secure else b"",
        )

    def _is_valid(self, token: bytes) -> bool:
        found = _TOKEN.fullmatch(token)
        if found is None:
            return False
        expiry, mac = found.groups()
        return hmac.compare_digest(mac, self._mac(expiry)) and int(expiry) > self._now_s()

    def _mac(self, expiry: bytes) -> bytes:
        return hmac.new(self._secret, expiry, hashlib.sha256).hexdigest().encode()


class FailedAttempts:
    """Keeps anybody from trying out keys: after so many wrong ones, nobody may try for a while.

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


def _tokens(headers: Headers) -> Iterator[bytes]:
    """All values of the cookie: a browser may have one of another path as well."""
    for pair in headers.get(b"cookie", b"").split(b";"):
        name, _, value = pair.strip().partition(b"=")
        if name == _NAME:
            yield value
