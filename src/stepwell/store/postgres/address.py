"""Where a database is, and how one connects to it."""

from typing import Final, Self

import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from stepwell.store.errors import StoreUnusable

__all__ = ["Address"]

#: What is not said in the address. A host that vanished is noticed within half a minute, also while
#: nothing is sent; of several hosts the one that can be written to is taken.
_DEFAULTS: Final = {
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
    "target_session_attrs": "primary",
    "application_name": "stepwell",
}
_UNREADABLE: Final = "the address of a PostgreSQL database"


class Address(msgspec.Struct, frozen=True):
    """An address, complete and without a way to show its password.

    Attributes:
        place: The address as it may be shown: without password and parameters.
    """

    _conninfo: str
    place: str

    @classmethod
    def parse(cls, uri: str) -> Self:
        """The address that libpq reads in a URI or in "host=… dbname=…".

        Raises:
            StoreUnusable: libpq cannot read it.
        """
        try:
            given = {name: str(value) for name, value in conninfo_to_dict(uri).items()}
        except psycopg.ProgrammingError:
            # What libpq says of it may quote it, password and all.
            raise StoreUnusable(_UNREADABLE, "it is no connection URI") from None
        return cls(make_conninfo("", **{**_DEFAULTS, **given}), _place(given))

    @property
    def conninfo(self) -> str:
        """What the driver connects with. Holds the password: for the driver alone."""
        return self._conninfo

    def __repr__(self) -> str:
        return f"Address({self.place!r})"


def _place(given: dict[str, str]) -> str:
    if "host" not in given and "service" in given:
        return f"postgresql service {given['service']}"
    hosts = (given.get("host") or given.get("hostaddr") or "localhost").split(",")
    ports = given.get("port", "").split(",")
    ports *= len(hosts) if len(ports) == 1 else 1
    shown = [f"{host}:{port}" if port else host for host, port in zip(hosts, ports, strict=False)]
    return f"postgresql://{','.join(shown)}/{given.get('dbname', '')}"
