"""Reading requests: headers, and bodies of bounded size."""

import asyncio
import zlib
from collections.abc import Mapping
from typing import Final

from starlette.types import Receive, Scope

from stepwell.api.errors import BodyNotDecodable, BodyTooLarge, ClientGone, EncodingNotSupported

__all__ = ["Headers", "header", "headers_of", "read_body"]

#: Header names are in lower case; of several headers of one name the last counts.
Headers = Mapping[bytes, bytes]

#: For zlib: the largest window, and a gzip header.
_GZIP_WINDOW_BITS: Final = 31
#: More digits than any length has; without a bound, `int` would take long.
_LENGTH_DIGITS_MAX: Final = 18


def headers_of(scope: Scope) -> Headers:
    """The request's headers."""
    return dict(scope["headers"])


def header(headers: Headers, name: bytes) -> str | None:
    """The value of a header, or None."""
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")


async def read_body(headers: Headers, receive: Receive, *, bytes_max: int) -> bytes:
    """The whole body of a request, decompressed if it came with `Content-Encoding: gzip`.

    Args:
        headers: Of the request.
        receive: Of the request.
        bytes_max: Bound on the body, both as received and decompressed.

    Raises:
        BodyTooLarge, BodyNotDecodable, EncodingNotSupported: The request cannot be served.
        ClientGone: The connection was closed before the end of the body.
    """
    if (length := headers.get(b"content-length")) is not None:
        _check_length(length, bytes_max)
    encoding = headers.get(b"content-encoding")
    if encoding is None:
        return await _received(receive, bytes_max)
    match encoding.strip().lower():
        case b"" | b"identity":
            return await _received(receive, bytes_max)
        case b"gzip" | b"x-gzip":
            packed = await _received(receive, bytes_max)
            # In a thread, because a small body can unpack to a thousand times its size.
            return await asyncio.to_thread(_unpacked, packed, bytes_max)
        case other:
            raise EncodingNotSupported(other.decode("latin-1"))


def _check_length(length: bytes, bytes_max: int) -> None:
    if length.isdigit() and (len(length) > _LENGTH_DIGITS_MAX or int(length) > bytes_max):
        raise BodyTooLarge(bytes_max)


async def _received(receive: Receive, bytes_max: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > bytes_max:
            raise BodyTooLarge(bytes_max)
        if not message.get("more_body", False):
            # Nearly every body comes in one piece.
            return b"".join([*chunks, chunk]) if chunks else chunk
        chunks.append(chunk)


def _unpacked(packed: bytes, bytes_max: int) -> bytes:
    """The content of a gzip file, which may consist of several members."""
    parts: list[bytes] = []
    room = bytes_max
    rest = packed
    while rest:
        member = zlib.decompressobj(_GZIP_WINDOW_BITS)
        try:
            # One byte more than there is room for, because 0 would mean "without bound".
            part = member.decompress(rest, room + 1)
        except zlib.error as error:
            raise BodyNotDecodable("gzip") from error
        if len(part) > room:
            raise BodyTooLarge(bytes_max)
        if not member.eof:
            raise BodyNotDecodable("gzip")
        parts.append(part)
        room -= len(part)
        rest = member.unused_data
    return b"".join(parts)
