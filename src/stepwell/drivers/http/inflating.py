"""Decoding compressed bodies piece by piece."""

import zlib
from collections.abc import Iterator
from typing import Final

__all__ = ["Inflater"]

_PIECE_BYTES_MAX: Final = 256 * 1024
# A gzip stream may consist of several members (RFC 1952, 2.2); empty ones cost time and give
# nothing.
_MEMBERS_MAX: Final = 100
_GZIP_BITS: Final = 16 + zlib.MAX_WBITS


class Inflater:
    """Decodes gzip or deflate, so that a small answer cannot become a huge one in memory."""

    __slots__ = ("_has_begun", "_is_gzip", "_members_count", "_stream")

    def __init__(self, *, is_gzip: bool) -> None:
        self._is_gzip = is_gzip
        self._stream = zlib.decompressobj(_GZIP_BITS if is_gzip else zlib.MAX_WBITS)
        self._members_count = 1
        self._has_begun = False

    @property
    def is_complete(self) -> bool:
        """Whether the stream ended where it may, or never began."""
        return self._stream.eof or not self._has_begun

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What the next bytes of the stream decode to.

        Raises:
            zlib.error: They cannot be decoded, or have more members than anyone needs.
        """
        if not self._has_begun and not self._is_gzip and not _begins_as_zlib(data):
            # Half of the world sends the bare stream as "deflate" (RFC 9110, 8.4.1.2).
            self._stream = zlib.decompressobj(-zlib.MAX_WBITS)
        self._has_begun = True
        while data:
            if self._stream.eof:
                if not self._is_gzip or self._members_count == _MEMBERS_MAX:
                    raise zlib.error("bytes after the end")
                self._members_count += 1
                self._stream = zlib.decompressobj(_GZIP_BITS)
            yield self._stream.decompress(data, _PIECE_BYTES_MAX)
            data = self._stream.unconsumed_tail or self._stream.unused_data


def _begins_as_zlib(data: bytes) -> bool:
    """Whether the first byte is that of RFC 1950: no bare stream of a usual encoder begins so."""
    return data[0] & 0x0F == zlib.DEFLATED and data[0] >> 4 <= 7
