"""Clients that send events through everything until they are acknowledged."""

import base64
import http.client
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from tests.e2e import raw_app
from tests.e2e.processes import START_LIMIT_S, Answer, post

_CLIENTS = 4
# Ids of one request differ from its seed by their place in it.
_SEED_STEP = 1 << 16


def _one_event(number: int) -> list[dict[str, Any]]:
    key = f"event-{number}"
    return [{"name": raw_app.EVENT, "id": key, "data": {"key": key}}]


class Load:
    """Events with ids of their own, each sent again until the answer is 200.

    The events of every other request carry a seed, as SDKs send it, so that their internal ids are
    the same each time.

    Args:
        url: Of the server.
        others: Of servers that requests go to in turn with it.
        clients: How many requests may be under way.
        events: What is sent with the request of a number; every event has an `id`.

    Attributes:
        acknowledged: The ids of the events, with the internal ids of the answers.
        sent: When a request was sent first, by its number.
        answered: When it was acknowledged.
        repeated: Requests that had no answer, or another one than 200.
        refusals: The answers with status 503.
    """

    def __init__(
        self,
        url: str,
        *,
        others: Sequence[str] = (),
        clients: int = _CLIENTS,
        events: Callable[[int], Sequence[dict[str, Any]]] = _one_event,
    ) -> None:
        self.acknowledged: dict[str, str] = {}
        self.sent: dict[int, float] = {}
        self.answered: dict[int, float] = {}
        self.repeated = 0
        self.refusals: list[Answer] = []
        self._urls = itertools.cycle([f"{each}/e/test" for each in (url, *others)])
        self._events = events
        self._allowed = 0
        self._numbers = itertools.count()
        self._is_paused = False
        self._is_closed = False
        self._failure: AssertionError | None = None
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._send_all) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def allow(self, count: int) -> None:
        """Send so many more requests."""
        with self._changed:
            self._allowed += count
            self._changed.notify_all()

    def pause(self) -> None:
        """Begin no more requests."""
        with self._changed:
            self._is_paused = True

    def resume(self) -> None:
        with self._changed:
            self._is_paused = False
            self._changed.notify_all()

    def wait_for(self, acknowledged: int) -> None:
        """Until so many events have been acknowledged."""
        self._wait(lambda: len(self.acknowledged) >= acknowledged, f"{acknowledged} answers")

    def wait_for_refusal(self) -> Answer:
        """The first answer with status 503, once there is one."""
        self._wait(lambda: bool(self.refusals), "a refusal")
        return self.refusals[0]

    def close(self) -> None:
        """Send nothing any more; what is not acknowledged by now never will be."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        with self._changed:
            is_met = self._changed.wait_for(
                lambda: self._failure is not None or condition(), START_LIMIT_S
            )
        if self._failure is not None:
            raise self._failure
        assert is_met, f"not within {START_LIMIT_S} s: {what}; got {len(self.acknowledged)}"

    def _send_all(self) -> None:
        while self._may_begin(lambda: self._allowed > 0):
            with self._changed:
                if self._allowed == 0:
                    continue
                self._allowed -= 1
                number = next(self._numbers)
            self._send(number)

    def _send(self, number: int) -> None:
        seed = base64.b64encode((number * _SEED_STEP).to_bytes(10)).decode()
        headers = {"x-inngest-event-id-seed": f"1750000000000,{seed}"} if number % 2 else {}
        events = self._events(number)
        while self._may_begin(lambda: True):
            self.sent.setdefault(number, time.monotonic())
            try:
                answer = post(next(self._urls), events, headers=headers)
            except (OSError, http.client.HTTPException):
                answer = None
            with self._changed:
                if answer is not None and answer.status == 200:
                    ids = answer.json()["ids"]
                    keys = [event["id"] for event in events]
                    self.acknowledged.update(zip(keys, ids, strict=True))
                    self.answered[number] = time.monotonic()
                    self._changed.notify_all()
                    return
                self.repeated += 1
                self._note_refusal(answer)
                if answer is not None and not self._is_closed:
                    # Cut short when something changes; no other client changes much by a refusal.
                    self._changed.wait(float(answer.headers.get("retry-after", "0")))

    def _note_refusal(self, answer: Answer | None) -> None:
        if answer is None:
            return
        if answer.status == 503:
            self.refusals.append(answer)
            is_news = len(self.refusals) == 1
        else:
            self._failure = AssertionError(f"unexpected answer: {answer}")
            self._is_closed = is_news = True
        if is_news:
            self._changed.notify_all()

    def _may_begin(self, condition: Callable[[], bool]) -> bool:
        """Wait until there is something to do; False when there never will be."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or (not self._is_paused and condition()))
            return not self._is_closed
