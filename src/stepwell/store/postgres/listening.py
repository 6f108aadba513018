"""Hearing wake-ups: a connection that waits for what others say."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress
from typing import Final

import psycopg
import structlog

from stepwell.engine.nodes import Wake
from stepwell.store.postgres.address import Address
from stepwell.store.postgres.connections import connect
from stepwell.store.postgres.failures import reason_of
from stepwell.store.sql.wakes import CHANNEL, wake_from

__all__ = ["Listener"]

_log = structlog.get_logger(__name__)

_LISTEN: Final = f"LISTEN {CHANNEL}".encode()

#: How often the connection is asked whether it still stands, by saying the same again. uvloop does
#: not tell who waits for input of a connection that was reset.
_LOOK_S: Final = 5.0
#: Who does not answer by then has gone.
_ANSWER_LIMIT_S: Final = 5.0

#: Between two attempts to connect.
_RETRY_FIRST_S: Final = 0.1
_RETRY_MAX_S: Final = 5.0

_SETTINGS: Final = {"statement_timeout": "10s"}


class Listener:
    """Listens from the first `on_wake` until `close`, over one connection after the other.

    Wake-ups that came while there was none are lost: so everybody is woken whenever there is one.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._wakes: list[Callable[[Wake], None]] = []
        self._listening: asyncio.Task[None] | None = None

    def on_wake(self, wake: Callable[[Wake], None]) -> None:
        """Have `wake` called for every wake-up."""
        self._wakes.append(wake)
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen_for_ever())

    async def close(self) -> None:
        """Stop listening. May be called twice."""
        if self._listening is not None:
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await self._listening

    async def _listen_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        retry_s = _RETRY_FIRST_S
        while True:
            began_s = loop.time()
            try:
                await self._listen()
            except (psycopg.Error, TimeoutError) as error:
                reason = reason_of(error) if isinstance(error, psycopg.Error) else "no answer"
                _log.warning("store.not_listening", reason=reason, retry_s=retry_s)
            except Exception:  # noqa: BLE001 - a defect of who was woken must not make us deaf
                _log.exception("store.not_listening", retry_s=retry_s)
            if loop.time() - began_s > _LOOK_S:
                retry_s = _RETRY_FIRST_S
            await asyncio.sleep(retry_s)
            retry_s = min(2 * retry_s, _RETRY_MAX_S)

    async def _listen(self) -> None:
        """Listen over one connection, until it breaks."""
        async with await connect(self._address, _SETTINGS) as connection:
            await connection.execute(_LISTEN)
            self._wake(Wake(everybody=True))
            while True:
                async with aclosing(connection.notifies(timeout=_LOOK_S)) as notices:
                    async for notice in notices:
                        self._wake(wake_from(notice.payload))
                async with asyncio.timeout(_ANSWER_LIMIT_S):
                    await connection.execute(_LISTEN)

    def _wake(self, found: Wake) -> None:
        for wake in self._wakes:
            wake(found)
