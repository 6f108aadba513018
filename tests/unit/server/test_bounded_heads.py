"""Heads of requests that go on and on."""

import asyncio
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from stepwell.server.bounded_heads import HEAD_BYTES_MAX, BoundedHeadProtocol

pytestmark = pytest.mark.anyio

_BEGIN = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\nx-long: "
_END = b"\r\n\r\n"
_BODY = b"b" * 100_000


class Connection(asyncio.Transport):
    """The other side of the protocol, without a socket between them.

    Attributes:
        answers: Everything that was written.
        lengths: Of the header in each request that the application was given.
    """

    def __init__(self) -> None:
        super().__init__()
        self.answers = b""
        self.is_closed = False
        self.lengths: list[int] = []
        self._protocol = BoundedHeadProtocol(
            uvicorn.Config(self._take, interface="asgi3", ws="none", log_config=None),
            ServerState(),
            {},
        )
        self._protocol.connection_made(self)

    async def send(self, *reads: bytes) -> None:
        """Let the protocol read these one after the other, as far as it reads."""
        for read in reads:
            if not self.is_closed:
                self._protocol.data_received(read)
        for _ in range(5):
            await asyncio.sleep(0)

    async def _take(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.lengths.append(len(dict(scope["headers"])[b"x-long"]))
        while (await receive())["more_body"]:
            pass
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    def write(self, data: Any) -> None:
        self.answers += bytes(data)

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def pause_reading(self) -> None:
        """The tests send no more than is taken."""

    def resume_reading(self) -> None:
        """As above."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_a_head_as_long_as_allowed_is_taken() -> None:
    connection = Connection()
    rest = b"v" * (HEAD_BYTES_MAX - len(_END)) + _END

    await connection.send(_BEGIN, rest, _BODY)

    assert connection.lengths == [HEAD_BYTES_MAX - len(_END)]
    assert connection.answers.startswith(b"HTTP/1.1 204")
    assert not connection.is_closed


@pytest.mark.parametrize("reads", [1, 7, 5_000])
async def test_a_longer_head_is_refused_and_the_connection_closed(reads: int) -> None:
    connection = Connection()
    value = b"v" * (HEAD_BYTES_MAX + 1)
    size = len(value) // reads + 1

    await connection.send(
        _BEGIN, *(value[start : start + size] for start in range(0, len(value), size)), _END
    )

    assert connection.lengths == []
    assert connection.answers.startswith(b"HTTP/1.1 400")
    assert connection.answers.endswith(b"Request head is larger than 65536 bytes.")
    assert connection.is_closed


async def test_the_bound_is_for_each_head_and_not_for_bodies() -> None:
    connection = Connection()

    for _ in range(3):
        await connection.send(_BEGIN, b"v" * (HEAD_BYTES_MAX // 2), _END, _BODY)

    assert connection.lengths == [HEAD_BYTES_MAX // 2] * 3
    assert connection.answers.count(b"HTTP/1.1 204") == 3
