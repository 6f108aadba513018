"""Answers, straight in ASGI: one message for the head, one for the body."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from starlette.types import Send

from stepwell.api.dates import date_text
from stepwell.api.openapi.shapes import Timestamp

__all__ = [
    "EMPTY",
    "HTML",
    "JSON",
    "TEXT",
    "Header",
    "Metadata",
    "encode_json",
    "send_answer",
    "send_data",
    "send_json",
]

Header = tuple[bytes, bytes]

JSON: Final[Header] = (b"content-type", b"application/json")
TEXT: Final[Header] = (b"content-type", b"text/plain; charset=utf-8")
HTML: Final[Header] = (b"content-type", b"text/html; charset=utf-8")
EMPTY: Final = b""

encode_json = msgspec.json.Encoder().encode


class Metadata(msgspec.Struct, frozen=True):
    """What is said about an answer.

    Attributes:
        fetched_at: When it was read; what it says was true then.
    """

    fetched_at: Timestamp


class _DataAnswer(msgspec.Struct, frozen=True):
    data: Any
    metadata: Metadata


async def send_answer(
    send: Send, status: int, body: bytes, *, headers: Iterable[Header] = ()
) -> None:
    """Send a whole answer; its length is added to the headers."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


async def send_json(send: Send, status: int, value: Any) -> None:
    """Send a value as JSON."""
    await send_answer(send, status, encode_json(value), headers=(JSON,))


async def send_data(send: Send, data: Any, *, now_ms: int) -> None:
    """Send what a v1 route was asked for, with the time it was read. Source: HTTP APIs, 7."""
    await send_json(send, 200, _DataAnswer(data, Metadata(date_text(now_ms))))
