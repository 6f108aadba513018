"""What is kept of the operator token, in SQLite."""

import sqlite3
from functools import partial
from typing import Final

from stepwell.core.access_token import TokenHash
from stepwell.store.sqlite.connections import Connections, WritingConnection, transaction

__all__ = ["SqliteOperatorTokens", "replace_token"]

#: Of the only row there is.
_ID: Final = "operator"

_CURRENT: Final = "SELECT hash FROM operator_tokens WHERE id = ?"
_ADD: Final = (
    "INSERT INTO operator_tokens VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING RETURNING id"
)
_REPLACE: Final = """
INSERT INTO operator_tokens VALUES (?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, created_ms = excluded.created_ms
"""


class SqliteOperatorTokens:
    """`stepwell.store.operator_tokens.OperatorTokens` on the connections of a store."""

    def __init__(self, writer: WritingConnection, readers: Connections) -> None:
        self._writer = writer
        self._readers = readers

    async def current(self) -> TokenHash | None:
        return await self._readers.run("operator_token", _current)

    async def add(self, token: TokenHash, *, now_ms: int) -> bool:
        work = partial(_add, token=token, now_ms=now_ms)
        return await self._writer.run("add_operator_token", work)

    async def replace(self, token: TokenHash, *, now_ms: int) -> None:
        work = partial(replace_token, token=token, now_ms=now_ms)
        await self._writer.run("replace_operator_token", work)


def replace_token(connection: sqlite3.Connection, *, token: TokenHash, now_ms: int) -> None:
    """Let this token hold, durably, in place of the one there is, if any."""
    with transaction(connection):
        connection.execute(_REPLACE, (_ID, token.digest, now_ms))


def _current(connection: sqlite3.Connection) -> TokenHash | None:
    row = connection.execute(_CURRENT, (_ID,)).fetchone()
    return None if row is None else TokenHash(row[0])


def _add(connection: sqlite3.Connection, *, token: TokenHash, now_ms: int) -> bool:
    with transaction(connection):
        return bool(connection.execute(_ADD, (_ID, token.digest, now_ms)).fetchall())
