"""Asks other nodes, and answers them.

What only the owner of a partition may do is left for it in the store as a question. The store is
the only way between nodes, so whoever reaches it is reached. A question is carried out at most once:
an owner refuses what it finds when it takes a partition over, because the owner before may have
carried it out. Who asked then knows as little as if its own server had died, and asks again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import msgspec
import structlog

from stepwell.core.identity import PartitionId
from stepwell.engine.asked import Asked, decode_asked, encode_asked
from stepwell.engine.nodes import Cluster, Question, Reply
from stepwell.engine.store import Ownership, OwnershipLost, StoreUnavailable

__all__ = ["Desk"]

_log = structlog.get_logger("stepwell.engine")

T = TypeVar("T")


class _Answered(msgspec.Struct, frozen=True):
    """What is written as a reply: the result as JSON, or why there is none."""

    result: msgspec.Raw = msgspec.Raw(b"null")
    refused: str = ""


class Desk:
    """Questions of one ownership, and to it.

    Args:
        cluster: Where questions and replies are left.
        owner: Who asks and answers.
        new_id: Gives ids for questions.
        carry_out: Does what somebody asks for; raises `StoreUnavailable` if it cannot be done here.
        spawn: Does something beside everything else, as long as the ownership lasts.
    """

    def __init__(
        self,
        cluster: Cluster,
        owner: Ownership,
        *,
        new_id: Callable[[], str],
        carry_out: Callable[[Asked[Any]], Awaitable[Any]],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._cluster = cluster
        self._owner = owner
        self._new_id = new_id
        self._carry_out = carry_out
        self._spawn = spawn
        self._waiting: dict[str, asyncio.Future[bytes]] = {}
        self._answering: set[str] = set()
        self._is_over = False

    async def ask(self, partition: PartitionId, asked: Asked[T]) -> T:
        """What the partition's owner says.

        Raises:
            StoreUnavailable: It refuses or says nothing; it is unknown whether it did anything.
        """
        if self._is_over:
            raise _silence(partition)
        question = Question(self._new_id(), partition, encode_asked(asked))
        replied: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[question.id] = replied
        try:
            await self._cluster.ask(self._owner, question)
            async with asyncio.timeout(asked.patience_s):
                body = await replied
        except TimeoutError:
            raise _silence(partition) from None
        finally:
            del self._waiting[question.id]
        reply = msgspec.json.decode(body, type=_Answered)
        if reply.refused:
            raise StoreUnavailable("request", reply.refused)
        result: T = msgspec.json.decode(reply.result, type=asked.gives)
        return result

    def replied(self, reply: Reply) -> None:
        """A reply has come; nobody may wait for it any more."""
        waiting = self._waiting.get(reply.id)
        if waiting is not None and not waiting.done():
            waiting.set_result(reply.body)

    def answer(self, question: Question) -> None:
        """Carry out what is asked, and say what came of it."""
        if question.id not in self._answering:
            self._answering.add(question.id)
            self._spawn(self._answer(question))

    def refuse(self, question: Question) -> None:
        """Say that it is unknown whether an owner before has carried it out."""
        if question.id not in self._answering:
            self._answering.add(question.id)
            reason = f"partition {question.partition} has another owner now"
            self._spawn(self._reply(question, _Answered(refused=reason)))

    def abort(self) -> None:
        """Tell everyone who waits for a reply that there will be none."""
        self._is_over = True
        for waiting in list(self._waiting.values()):
            if not waiting.done():
                waiting.set_exception(StoreUnavailable("request", "the server stops"))

    async def _answer(self, question: Question) -> None:
        try:
            asked = decode_asked(question.body)
            result = await self._carry_out(asked)
            answered = _Answered(msgspec.Raw(msgspec.json.encode(result)))
        except OwnershipLost as lost:
            answered = _Answered(refused=str(lost))
        except StoreUnavailable as unavailable:
            answered = _Answered(refused=unavailable.reason)
        except Exception:  # noqa: BLE001 - a defect must cost one question, not the partition
            _log.exception("question.failed", partition=question.partition)
            answered = _Answered(refused="the owner could not do it")
        await self._reply(question, answered)

    async def _reply(self, question: Question, answered: _Answered) -> None:
        body = msgspec.json.encode(answered)
        await self._cluster.answer(self._owner, Reply(question.id, body))
        self._answering.discard(question.id)


def _silence(partition: PartitionId) -> StoreUnavailable:
    return StoreUnavailable("request", f"the owner of partition {partition} does not answer")
