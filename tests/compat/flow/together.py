"""Tests that spend most of their time waiting, run side by side.

Each test still reads, fails and is reported as one test. When the first of its class begins, the
bodies of all selected tests of the class are started in threads; each test then waits for its own.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

from tests.compat.flow.stage import FlowApp

__all__ = ["together"]

_AT_ONCE = 16

Tests = TypeVar("Tests", bound=type)
Body = Callable[[Any, FlowApp], None]


class _Bodies:
    """The tests of one class, and what has become of them."""

    def __init__(self, tests: type, bodies: dict[str, Body]) -> None:
        self._tests = tests
        self._bodies = bodies
        self._running: dict[str, Future[None]] = {}

    def join(self, name: str, app: FlowApp, request: pytest.FixtureRequest) -> None:
        if name not in self._running:
            self._start({name, *self._selected(request)}, app)
        self._running.pop(name).result()

    def _selected(self, request: pytest.FixtureRequest) -> set[str]:
        return {
            item.originalname
            for item in request.session.items
            if isinstance(item, pytest.Function) and item.cls is self._tests
        }

    def _start(self, names: set[str], app: FlowApp) -> None:
        with_bodies = [(name, self._bodies[name]) for name in sorted(names & self._bodies.keys())]
        executor = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix=self._tests.__name__)
        for name, body in with_bodies:
            self._running[name] = executor.submit(body, self._tests(), app)
        executor.shutdown(wait=False)


def together(tests: Tests) -> Tests:
    """Class decorator: run the tests of the class, each of which takes `app` only, side by side."""
    bodies = {
        name: getattr(tests, name)
        for name in dir(tests)
        if name.startswith("test_") and callable(getattr(tests, name))
    }
    running = _Bodies(tests, bodies)
    for name, body in bodies.items():
        setattr(tests, name, _joining(running, name, body))
    return tests


def _joining(running: _Bodies, name: str, body: Body) -> Callable[..., None]:
    def test(self: object, app: FlowApp, request: pytest.FixtureRequest) -> None:
        running.join(name, app, request)

    # Not `functools.wraps`: pytest would ask the wrapped function which fixtures it takes.
    test.__name__ = name
    test.__doc__ = body.__doc__
    return test
