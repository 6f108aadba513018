"""Processes that can be stopped as SIGSTOP does it, all of them on one virtual loop.

What a process does runs in a context of its own, which its tasks and timers inherit. While the
process is stopped, the loop keeps what would run next; when it goes on, all of that happens at once
and in the same order, as timers of a real process do that have run out meanwhile.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar

from tests.simulation.virtual_loop import VirtualLoop

__all__ = ["Process", "Scheduled"]

T = TypeVar("T")

_CURRENT: ContextVar["Process | None"] = ContextVar("process", default=None)


class Scheduled(deque[asyncio.Handle]):
    """What a loop is to do next; what belongs to a stopped process is put aside."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._nothing = asyncio.Handle(lambda: None, (), loop)
        self._nothing.cancel()

    def popleft(self) -> asyncio.Handle:
        """The next one, or one that does nothing."""
        handle = super().popleft()
        context: Context = handle._context  # type: ignore[attr-defined]
        process = context.get(_CURRENT)
        if process is None or not process.is_stopped:
            return handle
        process.held.append(handle)
        return self._nothing


class Process:
    """What belongs to one process.

    Attributes:
        is_stopped: Whether nothing of it runs.
        held: What would have run since.
    """

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._outside = copy_context()
        self._context = copy_context()
        self._outside.run(_CURRENT.set, None)
        self._context.run(_CURRENT.set, self)
        self.is_stopped = False
        self.held: list[asyncio.Handle] = []

    def spawn(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Begin with a task of the process."""
        return self._loop.create_task(work, context=self._context)

    def deliver(self, seconds: float, what: Callable[..., None], *values: object) -> None:
        """Let the process do something that comes from outside, after a while."""
        if seconds > 0:
            self._loop.call_later(seconds, what, *values, context=self._context)
        else:
            self._loop.call_soon(what, *values, context=self._context)

    def outside(self, what: Callable[..., T], *values: object) -> T:
        """Do something that goes on whatever becomes of the process."""
        return self._outside.copy().run(what, *values)

    def stop(self) -> None:
        """Let nothing of it run any more."""
        self.is_stopped = True

    def go_on(self) -> None:
        """Let it run again."""
        if self.is_stopped:
            self.is_stopped = False
            held, self.held = self.held, []
            self._loop.do_next(held)
