"""Keeps the head of a request, its first line and its headers, from using up memory.

Bodies are bounded where they are read, but a head is collected whole before anybody is asked, and
uvicorn takes one of any length.
"""

from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["HEAD_BYTES_MAX", "BoundedHeadProtocol"]

#: The longest URL that the parser takes. Proxies and browsers allow an eighth of it.
HEAD_BYTES_MAX: Final = 64 * 1024

_TOO_LARGE: Final = f"Request head is larger than {HEAD_BYTES_MAX} bytes."


class BoundedHeadProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which refuses a head that goes on for too long and hangs up.

    What comes with one read of the socket is not refused, because it is in memory already: a head
    is too large when it has not ended `HEAD_BYTES_MAX` bytes after the read with which it began.
    """

    _is_in_head = False
    _head_bytes = 0

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head = True
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self.send_400_response(_TOO_LARGE)
                return
        super().data_received(data)
