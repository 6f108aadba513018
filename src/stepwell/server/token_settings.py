"""Tokens that settings give. Only what is needed to know them again is kept of them."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from stepwell.core.access_token import TokenHash, token_fault
from stepwell.server.errors import SettingInvalid

__all__ = ["METRICS", "OPERATOR", "given_token"]

OPERATOR: Final = "operator-token"
METRICS: Final = "metrics-token"


def given_token(name: str, values: Mapping[str, Any]) -> TokenHash | None:
    """The token of that name; None if there is none.

    Raises:
        SettingInvalid: It is too short, cannot be sent, or is a key that others have as well. The
            message never shows it.
    """
    token: str | None = values.get(name)
    if token is None:
        return None
    if (fault := token_fault(token)) is not None:
        raise SettingInvalid(name, f"{name} {fault}")
    for other, text in _other_secrets(name, values):
        if token == text:
            raise SettingInvalid(name, f"{name} must differ from {other}, which others have")
    return TokenHash.of(token)


def _other_secrets(name: str, values: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    signing_key: str = values.get("signing-key", "")
    yield "signing-key", signing_key
    yield "signing-key", signing_key.rpartition("-")[2]
    yield from (("event-key", key) for key in values.get("event-key", ()))
    other = METRICS if name == OPERATOR else OPERATOR
    yield other, values.get(other, "")
