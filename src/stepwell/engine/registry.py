"""All apps and functions of an environment, in memory as they are stored."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import Final, Protocol, TypeVar

import msgspec

from stepwell.core.app import App
from stepwell.core.app_sync import SyncMark
from stepwell.core.endpoint import TooManyEndpoints, declare
from stepwell.core.function import Function, FunctionIndex
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, AppId, EnvironmentId, FunctionId
from stepwell.core.moment import Ids, Moment
from stepwell.core.placing import placed
from stepwell.core.registration import (
    KnownApps,
    Registration,
    app_failed,
    placeholder,
    register,
    remove,
    typed_url,
)
from stepwell.core.sync_failures import UNREACHABLE
from stepwell.core.sync_history import SyncCause, remembered
from stepwell.core.transition import Transition
from stepwell.engine.clock import Clock
from stepwell.engine.store import Overtaken, StoreUnavailable
from stepwell.wire.checkpoint import EndpointStart
from stepwell.wire.registration import RegisterRequest
from stepwell.wire.sdk_url import normalise_url

__all__ = ["Committing", "Registry"]

_Decision = TypeVar("_Decision")

_NOTHING: Final = Transition()

#: As often a change is decided on that others overtake: with each of them one of the others is done.
_TRIES_MAX: Final = 100


class Committing(Protocol):
    """Who writes what the registry decides."""

    async def commit(self, transition: Transition) -> None:
        """Write the transition; returns when it is durable.

        Raises:
            Overtaken: It was not written, because apps or functions are not what it says any more.
            StoreUnavailable: It was not written, or it is unknown whether it was.
        """
        ...


class Registry:
    """Apps and functions, and the only way to change them.

    Changes are made one after another, and seen by others only when they are durable. A change
    that has begun is finished even if the task that asked for it is cancelled; otherwise it could
    be written without being seen.

    The engine reads functions here and commits for the registry, so one of the two must be made
    first: this one, which then is told by `commit_with`.
    """

    def __init__(
        self, clock: Clock, ids: Ids, *, environment_id: EnvironmentId = DEFAULT_ENVIRONMENT_ID
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._environment_id = environment_id
        self._committing: Committing | None = None
        self._catch_up: Callable[[], Awaitable[int]] | None = None
        self._changed: Callable[[], None] | None = None
        self._changing = asyncio.Lock()
        self._apps: dict[AppId, App] = {}
        self._stored: dict[FunctionId, Function] = {}
        self._syncs: dict[AppId, list[SyncMark]] = {}
        self._asking: defaultdict[str, list[SyncCause]] = defaultdict(list)
        self._steps_max: dict[FunctionId, int] = {}
        self._state_bytes_max: dict[FunctionId, int] = {}
        self._index = FunctionIndex()
        #: How many partitions functions are spread over.
        self.partitions = 1

    @property
    def functions(self) -> FunctionIndex:
        """All functions, archived ones included, with their limits as overridden."""
        return self._index

    @property
    def apps(self) -> Mapping[AppId, App]:
        """All apps, archived ones and placeholders included; a view that stays current."""
        return MappingProxyType(self._apps)

    @property
    def has_apps(self) -> bool:
        """Whether any app has registered, and was not removed since."""
        return any(app.name and not app.archived_ms for app in self._apps.values())

    def apps_at(self, url: str) -> list[App]:
        """Apps and placeholders, not archived, whose SDK endpoint is that URL."""
        return self._known.at(self._environment_id, normalise_url(url))

    def sync_marks(self, app_id: AppId) -> Sequence[SyncMark]:
        """What is remembered of the app's synchronisations, the oldest first."""
        return tuple(self._syncs.get(app_id, ()))

    def app(self, reference: str) -> App | None:
        """The app with that id or name, archived or not."""
        return self._known.app(self._environment_id, reference)

    def function(self, reference: str) -> Function | None:
        """The function with that id or slug, archived or not, without overridden limits."""
        return self._known.function(self._environment_id, reference)

    def commit_with(
        self,
        committing: Committing,
        *,
        catch_up: Callable[[], Awaitable[int]] | None = None,
    ) -> None:
        """Let all changes be written by `committing`. Until then they raise `StoreUnavailable`.

        Args:
            committing: Writes changes.
            catch_up: Has `load` called if there are changes that are not known here, and says which
                version is known then; None if nobody else makes any. May raise `StoreUnavailable`.
        """
        self._committing = committing
        self._catch_up = catch_up

    def on_change(self, changed: Callable[[], None] | None) -> None:
        """Call `changed` after each change of `functions`, instead of what was called before.

        It is called in the same turn of the event loop in which the change is first seen, and must
        neither wait nor raise.
        """
        self._changed = changed

    @contextmanager
    def asking(self, url: str, cause: SyncCause) -> Iterator[None]:
        """While what is at a URL is asked to register, it does so because of that."""
        causes = self._asking[normalise_url(url)]
        causes.append(cause)
        try:
            yield
        finally:
            causes.remove(cause)
            if not causes:
                self._asking.pop(normalise_url(url), None)

    def load(
        self,
        apps: Iterable[App],
        functions: Iterable[Function],
        syncs: Iterable[SyncMark] = (),
    ) -> None:
        """Start over with what is stored; `syncs` the oldest first. Overridden limits stay."""
        self._syncs.clear()
        for mark in syncs:
            self._syncs.setdefault(mark.app_id, []).append(mark)
        self._apps.clear()
        self._apps.update((app.id, app) for app in apps)
        self._stored = {function.id: function for function in functions}
        self._build_index()

    async def register(self, request: RegisterRequest, *, platform: str = "") -> Registration:
        """Take over what an app registers; returns when it is durable.

        Args:
            request: What the SDK sent.
            platform: Where the app runs, if the SDK found out.

        Raises:
            StoreUnavailable: It may not have been taken over; the app should register again.
        """
        cause = self._cause_at(request.url)

        def decide(known: KnownApps, at: Moment) -> tuple[Transition, Registration]:
            registration = register(
                request,
                known,
                environment_id=self._environment_id,
                at=at,
                platform=platform,
                cause=cause,
            )
            return registration.transition, registration

        return await self.change(decide)

    async def remove(self, url: str) -> bool:
        """Archive what is at that URL, with its functions; False if nothing is.

        Raises:
            StoreUnavailable: It may not be archived.
        """

        def decide(known: KnownApps, at: Moment) -> tuple[Transition, bool]:
            apps = known.at(self._environment_id, normalise_url(url))
            return remove(apps, known, at=at), bool(apps)

        return await self.change(decide)

    async def archive_app(self, app_id: AppId) -> bool:
        """Archive an app with its functions; False if there is none to archive.

        Raises:
            StoreUnavailable: It may not be archived.
        """

        def decide(known: KnownApps, at: Moment) -> tuple[Transition, bool]:
            app = known.apps.get(app_id)
            if app is None or app.archived_ms:
                return Transition(), False
            return remove([app], known, at=at), True

        return await self.change(decide)

    async def move_app(self, app_id: AppId, url: str) -> App | None:
        """Look for an app at another URL, which may lack `http://`; None if it is not known.

        Raises:
            StoreUnavailable: It may be looked for where it was.
        """

        def decide(known: KnownApps, _at: Moment) -> tuple[Transition, App | None]:
            app = known.apps.get(app_id)
            if app is None:
                return Transition(), None
            moved = msgspec.structs.replace(app, url=typed_url(url))
            return Transition(apps=[moved]), moved

        return await self.change(decide)

    async def record_error(
        self, url: str, error: str, *, cause: SyncCause = SyncCause.POLL
    ) -> None:
        """Remember why what is at that URL could not be reached.

        Args:
            url: The SDK endpoint.
            error: A protocol code or text.
            cause: Why it was asked.

        Raises:
            StoreUnavailable: It may not be remembered.
        """

        def decide(known: KnownApps, at: Moment) -> tuple[Transition, None]:
            apps = known.at(self._environment_id, normalise_url(url))
            return app_failed(apps, error, known, at=at, cause=cause), None

        await self.change(decide)

    async def add_placeholder(self, url: str, error: str = UNREACHABLE) -> None:
        """Remember that there should be an app at a URL, which may lack `http://`.

        Nothing happens if one is known there.

        Raises:
            StoreUnavailable: It may not be remembered.
        """

        def decide(known: KnownApps, at: Moment) -> tuple[Transition, None]:
            transition = placeholder(
                typed_url(url), known, environment_id=self._environment_id, at=at, error=error
            )
            return transition, None

        await self.change(decide)

    async def endpoint(self, start: EndpointStart) -> Function | TooManyEndpoints:
        """A durable endpoint as a function; returns when it is durable.

        Raises:
            StoreUnavailable: It may not be known.
        """

        def decide(known: KnownApps, at: Moment) -> tuple[Transition, Function | TooManyEndpoints]:
            return declare(
                start, known.apps, known.functions, environment_id=self._environment_id, at=at
            )

        return await self.change(decide)

    async def change(
        self, decide: Callable[[KnownApps, Moment], tuple[Transition, _Decision]]
    ) -> _Decision:
        """Change apps and functions, in turn with all other changes.

        Args:
            decide: What is to be written, and what is to be returned then, given what is known.
                Called again if somebody else has changed that meanwhile.

        Raises:
            StoreUnavailable: It was not written, or it is unknown whether it was.
        """
        change = asyncio.create_task(self._change_alone(decide))
        # Seen here, whether or not whoever asked still waits for it.
        change.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(change)

    def set_steps_max(self, function_id: FunctionId, limit: int | None) -> bool:
        """Give runs of a function another limit of steps, until the process ends.

        None takes it back; returns whether there was one before.

        Source: HTTP APIs, 5.3.
        """
        return self._override(self._steps_max, function_id, limit)

    def set_state_bytes_max(self, function_id: FunctionId, limit: int | None) -> bool:
        """As `set_steps_max`, for the size of a run's state."""
        return self._override(self._state_bytes_max, function_id, limit)

    @property
    def _known(self) -> KnownApps:
        return KnownApps(self._apps, self._stored, self._syncs)

    def _cause_at(self, url: str) -> SyncCause:
        """Why what is at a URL registers now."""
        causes = self._asking.get(normalise_url(url))
        if not causes:
            return SyncCause.APP
        return SyncCause.PERSON if SyncCause.PERSON in causes else SyncCause.POLL

    async def _change_alone(
        self, decide: Callable[[KnownApps, Moment], tuple[Transition, _Decision]]
    ) -> _Decision:
        async with self._changing:
            if self._catch_up is None:
                return await self._change_once(decide)
            for _ in range(_TRIES_MAX - 1):
                with suppress(Overtaken):
                    return await self._change_once(decide)
            return await self._change_once(decide)

    async def _change_once(
        self, decide: Callable[[KnownApps, Moment], tuple[Transition, _Decision]]
    ) -> _Decision:
        version = None
        if self._catch_up is not None and self._committing is not None:
            # What others have changed must not be undone.
            version = await self._catch_up()
        at = Moment(self._clock.now_ms(), self._ids)
        transition, decision = decide(self._known, at)
        if transition.functions:
            transition.functions = [
                placed(function, self._stored.get(function.id), self.partitions)
                for function in transition.functions
            ]
        if transition != _NOTHING:
            if self._committing is None:
                raise StoreUnavailable("registration", "the server is starting")
            transition.catalogue = version
            await self._committing.commit(transition)
            if self._catch_up is None:
                self._apply(transition)
            else:
                # Others may have changed the same since.
                await self._catch_up()
        return decision

    def _apply(self, transition: Transition) -> None:
        self._apps.update((app.id, app) for app in transition.apps)
        for app_id in transition.apps_removed:
            self._apps.pop(app_id, None)
            self._syncs.pop(app_id, None)
        for app_id in {sync.app_id for sync in transition.syncs}:
            self._syncs[app_id] = remembered(self._syncs.get(app_id, []), app_id, transition)
        if transition.functions:
            self._stored.update((function.id, function) for function in transition.functions)
            self._build_index()

    def _override(
        self, limits: dict[FunctionId, int], function_id: FunctionId, limit: int | None
    ) -> bool:
        was_set = limits.pop(function_id, None) is not None
        if limit is not None:
            limits[function_id] = limit
        self._build_index()
        return was_set

    def _build_index(self) -> None:
        self._index = FunctionIndex(map(self._limited, self._stored.values()))
        if self._changed is not None:
            self._changed()

    def _limited(self, function: Function) -> Function:
        steps_max = self._steps_max.get(function.id, function.steps_max)
        state_bytes_max = self._state_bytes_max.get(function.id, function.state_bytes_max)
        if (steps_max, state_bytes_max) == (function.steps_max, function.state_bytes_max):
            return function
        return msgspec.structs.replace(
            function, steps_max=steps_max, state_bytes_max=state_bytes_max
        )
