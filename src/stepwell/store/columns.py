"""Columns of tables as both databases have them, and what all tables are part of."""

from typing import Final

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Text

__all__ = ["bytes_column", "integer_column", "metadata", "text_column"]

metadata: Final = MetaData()

# STRICT tables know no BIGINT; their INTEGER has 64 bits.
_INTEGER: Final = BigInteger().with_variant(Integer, "sqlite")

# Byte by byte everywhere: the language of a database has no say in the order of ids.
_TEXT: Final = Text().with_variant(Text(collation="C"), "postgresql")


def text_column(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, _TEXT, nullable=False, primary_key=key)


def integer_column(name: str, *, key: bool = False) -> Column[int]:
    return Column(name, _INTEGER, nullable=False, primary_key=key, autoincrement=False)


def bytes_column(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)
