"""Values as PostgreSQL takes them: binary, and always of the same type for the same kind of value.

Left to itself, the driver would choose the smallest integer type for each number, and a statement
would have to be prepared for every mixture of them.
"""

from collections.abc import Callable, Sequence
from struct import Struct, pack
from typing import Any, Final

from psycopg import adapt, pq
from psycopg.abc import AdaptContext, Buffer

from stepwell.store.postgres.texts import escape, is_plain, unescape

__all__ = ["encode_arrays", "encode_value", "register_texts"]

# Numbers of types, which are the same in every installation. Source: PostgreSQL, pg_type.dat.
_BYTEA: Final = 17
_INT8: Final = 20
_TEXT: Final = 25
_TEXT_ARRAY: Final = 1009
_INT8_ARRAY: Final = 1016

_DIMENSIONS: Final = Struct(">iiIii").pack
_EMPTY: Final = Struct(">iiI").pack
_LENGTH: Final = Struct(">i").pack
_NUMBER: Final = Struct(">q").pack


def encode_value(value: Any) -> tuple[bytes, int]:
    """An integer, text, bytes, list of text or tuple of integers, and the number of its type."""
    if type(value) is str:
        return escape(value).encode(), _TEXT
    if isinstance(value, int):
        return _NUMBER(value), _INT8
    if type(value) is list:
        return _texts(value), _TEXT_ARRAY
    if type(value) is tuple:
        return _integers(value), _INT8_ARRAY
    return bytes(value), _BYTEA


def encode_arrays(columns: str, values: Sequence[Any]) -> list[bytes]:
    """Rows, whose values stand one after the other, as one array per column.

    Args:
        columns: The kind of each column, as in `BulkStatement`.
        values: Of at least one row.
    """
    width = len(columns)
    return [_ARRAYS[kind](values[at::width]) for at, kind in enumerate(columns)]


def register_texts(context: AdaptContext) -> None:
    """Have the driver escape and unescape text on a connection."""
    context.adapters.register_dumper(str, _TextDumper)
    context.adapters.register_loader("text", _TextLoader)
    context.adapters.register_loader("text", _BinaryTextLoader)


def _integers(values: Sequence[int]) -> bytes:
    count = len(values)
    if not count:
        return _EMPTY(0, 0, _INT8)
    flat = [8] * (2 * count)
    flat[1::2] = values
    return _DIMENSIONS(1, 0, _INT8, count, 1) + pack(">" + "iq" * count, *flat)


def _texts(values: Sequence[str]) -> bytes:
    # Looked for in all at once: hardly any text has something to be escaped.
    if is_plain("".join(values)):
        return _elements(_TEXT, [value.encode() for value in values])
    return _elements(_TEXT, [escape(value).encode() for value in values])


def _blobs(values: Sequence[Buffer]) -> bytes:
    return _elements(_BYTEA, [bytes(value) for value in values])


def _elements(kind: int, values: Sequence[bytes]) -> bytes:
    count = len(values)
    if not count:
        return _EMPTY(0, 0, kind)
    parts = [_DIMENSIONS(1, 0, kind, count, 1)] * (2 * count + 1)
    parts[1::2] = map(_LENGTH, map(len, values))
    parts[2::2] = values
    return b"".join(parts)


_ARRAYS: Final[dict[str, Callable[[Sequence[Any]], bytes]]] = {
    "i": _integers,
    "t": _texts,
    "b": _blobs,
}


class _TextDumper(adapt.Dumper):
    oid = _TEXT

    def dump(self, obj: str) -> Buffer:
        return escape(obj).encode()


class _TextLoader(adapt.Loader):
    def load(self, data: Buffer) -> str:
        text = str(data, "utf-8")
        return text if is_plain(text) else unescape(text)


class _BinaryTextLoader(_TextLoader):
    format = pq.Format.BINARY
