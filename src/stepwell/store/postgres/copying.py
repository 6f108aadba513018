"""Rows as PostgreSQL takes and gives them in bulk: the binary form of COPY.

Source: PostgreSQL documentation, COPY, "Binary Format".
"""

from collections.abc import Iterable, Iterator, Sequence
from struct import Struct
from typing import Any, Final

from psycopg.abc import Buffer

from stepwell.store.postgres.texts import escape_bytes

__all__ = ["HEADER", "TRAILER", "encode_row", "encoded_rows"]

#: What stands before the first row: a mark, no flags, and no more to be said.
HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
#: What stands after the last one.
TRAILER: Final = b"\xff\xff"

_COUNT: Final = Struct(">h").pack
_LENGTH: Final = Struct(">i").pack
_INTEGER: Final = Struct(">iq").pack


def encode_row(kinds: str, values: Sequence[Any]) -> bytes:
    """One row.

    Args:
        kinds: Of each column "t" for text, "i" for integers of 64 bits, "b" for bytes.
        values: Text is given in UTF-8.
    """
    parts = [_COUNT(len(kinds))]
    for kind, value in zip(kinds, values, strict=True):
        if kind == "i":
            parts.append(_INTEGER(8, value))
            continue
        content = escape_bytes(value) if kind == "t" else value
        parts += (_LENGTH(len(content)), content)
    return b"".join(parts)


def encoded_rows(messages: Iterable[Buffer]) -> Iterator[bytes]:
    """The rows that PostgreSQL gives: each of its messages has one, the first also the header."""
    is_first = True
    for message in messages:
        content = bytes(message)
        if is_first:
            assert content.startswith(HEADER)
            content = content[len(HEADER) :]
            is_first = False
        if content and content != TRAILER:
            yield content
