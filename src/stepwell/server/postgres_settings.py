"""Which PostgreSQL database is used, and how many connections to it there may be.

Source: HTTP APIs, 14.4 and 15.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from stepwell.server.errors import SettingInvalid

__all__ = ["POOL_OPTIONS", "POSTGRES_RANGES", "PostgresSettings", "postgres_settings"]

_URI: Final = "postgres-uri"
_IDLE_MAX: Final = "postgres-max-idle-conns"
_OPEN_MAX: Final = "postgres-max-open-conns"
_IDLE_TIME: Final = "postgres-conn-max-idle-time"
_LIFETIME: Final = "postgres-conn-max-lifetime"

#: Settings that mean nothing without a database.
POOL_OPTIONS: Final = (_IDLE_MAX, _OPEN_MAX, _IDLE_TIME, _LIFETIME)

_SCHEMES: Final = ("postgres://", "postgresql://")
_HOST: Final = r"(\[[^\[\]@,]+\]|[\w.%-]*)(:\d{1,5})?"
#: Several are tried in turn. An empty one is the socket on this machine.
_HOSTS: Final = re.compile(f"{_HOST}(,{_HOST})*")
_FORM: Final = (
    "it must be like postgresql://user:password@host:5432/database, with signs such as @ and / in "
    "the password written as %40 and %2F"
)
#: More than any server is set up for.
_CONNECTIONS_MAX: Final = 10_000.0
_YEAR_MINUTES: Final = 366.0 * 24 * 60
_MINUTE_S: Final = 60.0

#: One connection writes, two read, one renews the lease and one listens, at least.
POSTGRES_RANGES: Final = {
    _IDLE_MAX: (0.0, _CONNECTIONS_MAX),
    _OPEN_MAX: (5.0, _CONNECTIONS_MAX),
    _IDLE_TIME: (0.0, _YEAR_MINUTES),
    _LIFETIME: (0.0, _YEAR_MINUTES),
}


# A dataclass and not a Struct: serialisers and pretty printers show the fields of a Struct.
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresSettings:
    """A PostgreSQL database.

    Attributes:
        uri: Where it is and who we are there, as it was given; it may hold a password.
        idle_max: Connections that are kept open without being used.
        open_max: Connections at the same time.
        idle_time_s: After which an unused connection is closed; None never closes it for that.
        lifetime_s: After which a connection is replaced; None is never.
    """

    uri: str = field(repr=False)
    idle_max: int = 10
    open_max: int = 100
    idle_time_s: float | None = 5 * _MINUTE_S
    lifetime_s: float | None = 30 * _MINUTE_S

    @property
    def shown(self) -> str:
        """The URI for people: without user, password and options, of which each may be a secret."""
        parts = urlsplit(self.uri)
        return f"{parts.scheme}://{_hosts(parts)}{parts.path}"


def postgres_settings(values: Mapping[str, Any]) -> PostgresSettings | None:
    """The database that settings name; None if they name none.

    Raises:
        SettingInvalid: A value cannot be used. The URI is never repeated.
    """
    uri: str = values.get(_URI, "").strip()
    if not uri:
        return None
    _check_uri(uri)
    standard = PostgresSettings(uri=uri)
    open_max = int(values.get(_OPEN_MAX, standard.open_max))
    idle_max = int(values.get(_IDLE_MAX, min(standard.idle_max, open_max)))
    if idle_max > open_max:
        message = f"--{_OPEN_MAX}: {open_max} is less than --{_IDLE_MAX}, {idle_max}"
        raise SettingInvalid(_OPEN_MAX, message)
    return PostgresSettings(
        uri=uri,
        idle_max=idle_max,
        open_max=open_max,
        idle_time_s=_seconds(values, _IDLE_TIME, standard.idle_time_s),
        lifetime_s=_seconds(values, _LIFETIME, standard.lifetime_s),
    )


def _check_uri(uri: str) -> None:
    if not uri.startswith(_SCHEMES):
        raise _unusable("it must begin with postgres:// or postgresql://")
    if not uri.isascii() or not uri.isprintable() or " " in uri:
        raise _unusable("it contains spaces or other signs that no URI has")
    try:
        parts = urlsplit(uri)
    except ValueError:
        raise _unusable(_FORM) from None
    # A password with @, / or # that is not encoded ends somewhere else than was meant.
    is_cut = parts.fragment or parts.netloc.count("@") > 1 or "@" in parts.path
    if is_cut or not _HOSTS.fullmatch(_hosts(parts)):
        raise _unusable(_FORM)


def _hosts(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _unusable(reason: str) -> SettingInvalid:
    return SettingInvalid(_URI, f"--{_URI}: {reason}")


def _seconds(values: Mapping[str, Any], name: str, standard: float | None) -> float | None:
    """Settings are in minutes, and 0 is no limit."""
    minutes = values.get(name)
    return standard if minutes is None else minutes * _MINUTE_S or None
