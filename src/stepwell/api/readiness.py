"""`GET /health/ready`: whether the server should be sent requests, for load balancers."""

import asyncio
import enum
from collections.abc import Callable
from typing import Final, Literal, Protocol

import msgspec
from starlette.types import Receive, Scope, Send

from stepwell.api.openapi import Declaration, DeclarationTable, Tag, json, refused
from stepwell.api.responses import JSON, encode_json, send_answer
from stepwell.api.services import RouteTable
from stepwell.engine.store import StoreUnavailable
from stepwell.wire.errors import OperationalError

__all__ = ["DECLARATIONS", "Answering", "Readiness", "Unready"]

#: A store that takes longer does not answer.
_PATIENCE_S: Final = 2.0
#: A question that takes longer is asked anew: the connection it went over may have died without a
#: word.
_QUESTION_LIMIT_S: Final = 4.0
_RETRY_AFTER_S: Final = 1


class Unready(enum.StrEnum):
    """Why a server should be sent no requests now."""

    STOPPING = "stopping"
    STORE = "store"
    OWNERSHIP = "ownership"


_TEXTS: Final = {
    Unready.STOPPING: "the server is stopping",
    Unready.STORE: "the database does not answer",
    Unready.OWNERSHIP: "the server does not own its partition, yet or for a moment",
}


class NotReady(OperationalError):
    """The server should be sent no requests now."""

    code = "SW2016"

    def __init__(self, reason: Unready) -> None:
        super().__init__(f"not ready: {_TEXTS[reason]}")
        self.reason = reason


class Ready(msgspec.Struct, frozen=True):
    """That the server should be sent requests."""

    status: int = 200
    message: str = "OK"


class NotReadyObject(msgspec.Struct, frozen=True, kw_only=True):
    """Why it should not.

    Attributes:
        code: Of the page in the documentation.
        error: Why, for people.
        reason: Why, for programs.
        status: The HTTP status.
    """

    code: str = NotReady.code
    error: str
    data: None = None
    reason: Literal["stopping", "store", "ownership"]
    status: int = NotReady.status


class Answering(Protocol):
    """A store."""

    async def answers(self) -> None:
        """Return if it can be read; raise `StoreUnavailable` if not."""
        ...


DECLARATIONS: Final[DeclarationTable] = {
    "/health/ready": {
        "GET": Declaration(
            "getReadiness",
            "Check readiness",
            Tag.SERVER,
            text="Answers 200 if the database can be read, the server owns what it works on, and it "
            "has not begun to stop.",
            answers=(
                json(Ready),
                refused(503, "Send requests elsewhere (SW2016)", kind=NotReadyObject),
            ),
            refusal=NotReadyObject,
        )
    }
}


class Readiness:
    """Knows whether the server should be sent requests.

    However many ask, the store is asked one question at a time.
    """

    def __init__(
        self,
        store: Answering,
        is_owner: Callable[[], bool],
        *,
        patience_s: float = _PATIENCE_S,
        question_limit_s: float = _QUESTION_LIMIT_S,
    ) -> None:
        """Nothing is asked yet.

        Args:
            store: Must answer.
            is_owner: Whether the server owns what it works on.
            patience_s: How long the store may take.
            question_limit_s: After how long it is asked anew.
        """
        self._question_limit_s = question_limit_s
        self._patience_s = patience_s
        self._store = store
        self._is_owner = is_owner
        self._is_stopping = False
        self._asking: asyncio.Task[bool] | None = None

    def stop(self) -> None:
        """From now on the server is not ready."""
        self._is_stopping = True

    def routes(self) -> RouteTable:
        """Where it is mounted."""
        return {"/health/ready": {"GET": self}}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        reason = await self.fault()
        if reason is None:
            await send_answer(send, 200, encode_json(Ready()), headers=(JSON,))
            return
        error = NotReady(reason)
        body = encode_json(NotReadyObject(error=str(error), reason=reason.value))
        retry_after = (b"retry-after", b"%d" % _RETRY_AFTER_S)
        await send_answer(send, error.status, body, headers=(JSON, retry_after))

    async def fault(self) -> Unready | None:
        """Why the server should be sent no requests; None if it should."""
        if self._is_stopping:
            return Unready.STOPPING
        if not await self._store_answers():
            return Unready.STORE
        return None if self._is_owner() else Unready.OWNERSHIP

    async def _store_answers(self) -> bool:
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
            self._asking.add_done_callback(self._answered)
        try:
            async with asyncio.timeout(self._patience_s):
                # Whoever gives up leaves the question to those who still want to know.
                return await asyncio.shield(self._asking)
        except TimeoutError:
            return False

    def _answered(self, asked: "asyncio.Task[bool]") -> None:
        self._asking = None
        if not asked.cancelled():
            asked.exception()  # it is seen, even if nobody waits any more

    async def _ask(self) -> bool:
        try:
            async with asyncio.timeout(self._question_limit_s):
                await self._store.answers()
        except (StoreUnavailable, TimeoutError):
            return False
        return True
