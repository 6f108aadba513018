"""What is kept of the operator token: one row."""

from typing import Final

from stepwell.core.access_token import TokenHash
from stepwell.store.sql.statements import Query, Question, Statement

__all__ = ["add_token", "current_token", "replace_token"]

#: Of the only row there is.
_ID: Final = "operator"

_CURRENT: Final = Statement("SELECT hash FROM operator_tokens WHERE id = ?1")
_ADD: Final = Statement("""
INSERT INTO operator_tokens (id, hash, created_ms) VALUES (?1, ?2, ?3)
    ON CONFLICT (id) DO NOTHING RETURNING id
""")
_REPLACE: Final = Statement("""
INSERT INTO operator_tokens (id, hash, created_ms) VALUES (?1, ?2, ?3)
    ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, created_ms = excluded.created_ms
""")


def current_token() -> Question[TokenHash | None]:
    """What holds now; None until there is a token."""
    (found,) = yield [Query(_CURRENT, (_ID,))]
    return TokenHash(found.rows[0][0]) if found.rows else None


def add_token(token: TokenHash, *, now_ms: int) -> Query:
    """What lets the first token hold; it hits no row if there is one."""
    return Query(_ADD, (_ID, token.digest, now_ms))


def replace_token(token: TokenHash, *, now_ms: int) -> Query:
    """What lets another token hold, in place of the one there is, if any."""
    return Query(_REPLACE, (_ID, token.digest, now_ms))
