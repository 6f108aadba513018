"""Which server a command talks to, and whether it may be given secrets."""

import ipaddress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from stepwell.core.access_token import TOKEN_CHARS_MAX

__all__ = ["SERVER_DEFAULT", "Target", "TargetInvalid"]

SERVER_DEFAULT: Final = "http://localhost:8288"


class TargetInvalid(ValueError):
    """What was typed names no server, or is no token; the message is for the user."""


# A dataclass and not a Struct: serialisers and pretty printers show the fields of a Struct.
@dataclass(frozen=True, slots=True, repr=False)
class Target:
    """A server. Make it with `parse`.

    Attributes:
        url: With scheme, without a slash at the end.
        bearer: The operator token; empty without one.
        timeout_s: How long an answer may take.
        is_loopback: Whether the server is on this machine.
        may_carry_keys: Whether keys may be sent: they would be encrypted, stay on this machine, or
            the user said that it does not matter.
    """

    url: str
    bearer: str
    timeout_s: float
    is_loopback: bool
    may_carry_keys: bool

    @classmethod
    def parse(
        cls, server: str, token: str, *, timeout_s: float, insecure: bool = False
    ) -> "Target":
        """What the user means by a URL, of which `http://` may be left out, and a token.

        Raises:
            TargetInvalid: It cannot be used. The message shows no token.
        """
        url = _normalised(server)
        host = urlsplit(url).hostname or ""
        is_loopback = _is_loopback(host)
        return cls(
            url,
            _bearer(token),
            timeout_s,
            is_loopback,
            insecure or is_loopback or url.startswith("https://"),
        )


def _normalised(server: str) -> str:
    text = server.strip()
    url = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(url)
        has_port = parts.port != 0
    except ValueError:
        has_port = False
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or not has_port:
        raise TargetInvalid(f"{text!r} is no URL of a server, such as {SERVER_DEFAULT}")
    if parts.username is not None or parts.password is not None:
        raise TargetInvalid("a URL with a user or password is not taken; use --token")
    if parts.query or parts.fragment:
        raise TargetInvalid(f"{text!r} has more than the address of a server")
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _bearer(token: str) -> str:
    text = token.strip()
    # A signing key is let through: the server says best why it does not do.
    if not text.isascii() or not text.isprintable() or " " in text or len(text) > TOKEN_CHARS_MAX:
        raise TargetInvalid("the token has characters that no token has, or too many")
    return text
