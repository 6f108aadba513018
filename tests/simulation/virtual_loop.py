"""An asyncio event loop on virtual time.

Its clock stands still while callbacks run and jumps to the next timer when none is ready, so a
year of sleeping costs nothing, and the same callbacks always happen in the same order.
"""

import asyncio
import selectors
from collections import deque
from collections.abc import Awaitable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

__all__ = ["Idle", "VirtualLoop", "pause"]

T = TypeVar("T")

# Below the smallest step of a float at a hundred years in seconds, so that rounding never leaves a
# timer a hair's breadth in the future.
_RESOLUTION_S = 1e-6


class Idle(Exception):
    """Nothing is ready and no timer is set: whatever is awaited can never happen."""


class _NoWaiting(selectors.BaseSelector):
    """Passes virtual time where a real selector waits for files, of which there are none."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._keys: dict[FileDescriptorLike, selectors.SelectorKey] = {}

    def register(
        self, fileobj: "FileDescriptorLike", events: int, data: object = None
    ) -> selectors.SelectorKey:
        # Only the loop's own pipe for signals and threads, of which there are none either.
        key = selectors.SelectorKey(fileobj, len(self._keys), events, data)
        self._keys[fileobj] = key
        return key

    def unregister(self, fileobj: "FileDescriptorLike") -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Idle
        self.now_s += max(timeout, 0.0)
        return []

    def get_map(self) -> Mapping["FileDescriptorLike", selectors.SelectorKey]:
        return self._keys


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose `time` begins at 0 and passes only when there is nothing to do."""

    def __init__(self) -> None:
        self._virtual = _NoWaiting()
        self.errors: list[BaseException | str] = []
        super().__init__(self._virtual)
        self._clock_resolution = _RESOLUTION_S
        self.set_exception_handler(self._keep_error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    _ready: "deque[asyncio.Handle]"

    def time(self) -> float:
        return self._virtual.now_s

    def schedule_with(self, scheduled: "deque[asyncio.Handle]") -> None:
        """Keep in it what is to be done next."""
        scheduled.extend(self._ready)
        self._ready = scheduled

    def do_next(self, handles: Iterable[asyncio.Handle]) -> None:
        """Do these, too, in that order."""
        self._ready.extend(handles)

    def complete(self, awaitable: Awaitable[T]) -> T:
        """Run until the awaitable is done.

        Raises:
            Idle: It can never be done.
        """
        return self.run_until_complete(awaitable)

    def _keep_error(self, _loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        self.errors.append(
            error if isinstance(error, BaseException) else str(context.get("message"))
        )


async def pause(seconds: float) -> None:
    """Let virtual time pass."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop), "tests never wait for real time"
    over: asyncio.Future[None] = loop.create_future()
    timer = loop.call_later(seconds, over.set_result, None)
    try:
        await over
    finally:
        timer.cancel()
