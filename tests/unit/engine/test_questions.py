"""Nodes ask each other through the store, and nobody waits for ever."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, cast

import pytest

from stepwell.core.identity import NodeId, PartitionId, RunId
from stepwell.engine.asked import Asked, CancelRun
from stepwell.engine.nodes import Cluster, Ownership, Question, Reply
from stepwell.engine.questions import Desk
from stepwell.engine.store import OwnershipLost, StoreUnavailable

pytestmark = pytest.mark.anyio

RUN = CancelRun(RunId("01JD0000000000000000000000"))
THERE = PartitionId(3)


class Between:
    """A store through which two desks ask each other."""

    def __init__(self, carry_out: Callable[[Asked[Any]], Awaitable[Any]]) -> None:
        self.questions: list[Question] = []
        self.replies: list[Reply] = []
        self.carried_out: list[Asked[Any]] = []
        self._carry_out = carry_out
        self._tasks: set[asyncio.Task[None]] = set()
        self.here = self._desk(1)
        self.there = self._desk(2)

    def _desk(self, node: int) -> Desk:
        return Desk(
            cast("Cluster", self),
            Ownership(NodeId(node), node),
            new_id=lambda: f"question {len(self.questions)}",
            carry_out=self._carried_out,
            spawn=self._spawn,
        )

    async def ask(self, owner: Ownership, question: Question) -> None:
        assert owner.node == 1
        self.questions.append(question)
        self.there.answer(question)
        # It is read again until it is answered.
        self.there.answer(question)

    async def answer(self, owner: Ownership, reply: Reply) -> None:
        assert owner.node == 2
        self.replies.append(reply)
        self.here.replied(reply)

    async def _carried_out(self, asked: Asked[Any]) -> Any:
        self.carried_out.append(asked)
        return await self._carry_out(asked)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def gives(result: Any) -> Callable[[Asked[Any]], Awaitable[Any]]:
    async def carry_out(_: Asked[Any]) -> Any:
        if isinstance(result, Exception):
            raise result
        return result

    return carry_out


@pytest.mark.parametrize("result", [True, False])
async def test_what_is_asked_is_done_once_and_answered(result: bool) -> None:
    between = Between(gives(result))
    assert await between.here.ask(THERE, RUN) is result
    assert between.carried_out == [RUN]
    assert [question.partition for question in between.questions] == [THERE]


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (StoreUnavailable("commit", "disk full"), "disk full"),
        (OwnershipLost(NodeId(2)), "node 2"),
        (ValueError("a secret"), "the owner could not do it"),
    ],
)
async def test_why_nothing_comes_of_it_is_said(failure: Exception, reason: str) -> None:
    between = Between(gives(failure))
    with pytest.raises(StoreUnavailable) as refused:
        await between.here.ask(THERE, RUN)
    assert reason in refused.value.reason
    assert "secret" not in str(refused.value)


async def test_nobody_waits_for_an_owner_that_says_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(CancelRun, "patience_s", 0.0)

    async def never(_: Asked[Any]) -> Any:
        await asyncio.Event().wait()

    between = Between(never)
    with pytest.raises(StoreUnavailable, match="partition 3 does not answer"):
        await between.here.ask(THERE, RUN)


async def test_a_reply_for_which_nobody_waits_is_dropped() -> None:
    Between(gives(True)).here.replied(Reply("unknown", b"{}"))


async def test_who_waits_is_told_when_the_server_stops() -> None:
    between = Between(gives(True))

    async def stops(_: Asked[Any]) -> Any:
        between.here.abort()
        await asyncio.Event().wait()

    between._carry_out = stops
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await between.here.ask(THERE, RUN)


async def test_what_a_newer_node_asks_or_an_owner_before_may_have_done_is_refused() -> None:
    between = Between(gives(True))
    between.there.answer(Question("q", THERE, b'{"type": "SomethingNew"}'))
    between.there.refuse(Question("r", THERE, b"{}"))
    await asyncio.gather(*between._tasks)
    first, second = between.replies
    assert b"could not do it" in first.body
    assert b"another owner" in second.body
    assert between.carried_out == []
