"""The server as a whole: what it is made of, how it starts and how it stops."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, Final

import structlog
import uvloop

from stepwell import __version__
from stepwell.api.operators import HeldToken
from stepwell.engine.clock import Clock
from stepwell.engine.store import OwnershipLost, StoreUnavailable
from stepwell.server.banner import KnownApp, Whereabouts, banner
from stepwell.server.child import Child, Superior
from stepwell.server.clock import StoreClock, SystemClock
from stepwell.server.companion import Companion, Introduction
from stepwell.server.composition import Circumstances, Parts, compose
from stepwell.server.discovery import DISCOVERY_PORTS, Discovery
from stepwell.server.errors import AssertionsDisabled
from stepwell.server.http_server import HttpServer
from stepwell.server.listening import bind_shared, listen, listen_nearby
from stepwell.server.log_settings import LogFormat
from stepwell.server.logging import set_up_logging
from stepwell.server.operator_token import ShowToken, held_token
from stepwell.server.options import Mode
from stepwell.server.process import raise_open_files, settle_memory, take_short_turns
from stepwell.server.service_manager import ServiceManager
from stepwell.server.settings import Settings
from stepwell.server.stores import ServerStore, StorePlace, open_store

__all__ = ["Announce", "Server", "run_server"]

_log = structlog.get_logger("stepwell.server")

#: Shows the banner; it is given the text.
Announce = Callable[[str], None]

#: For requests under way after calls have ended; they only wait for a commit.
_REQUESTS_GRACE_S: Final = 2
#: For what was decided to be written, by a store that may not answer.
_WRITING_GRACE_S: Final = 5.0
#: For spans that are not exported yet, by a collector that may not answer.
_EXPORT_GRACE_S: Final = 2.0
#: How long clients may wait for a server that is starting.
_READY_PATIENCE_S: Final = 5.0
#: Between two tries to write something at start while the store does not answer.
_STORE_PAUSE_S: Final = 1.0
#: Between two looks for what has expired. What expires does so after a day.
_TIDY_S: Final = 600.0

_EVERY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "[::1]"}  # noqa: S104


def run_server(
    settings: Settings,
    *,
    show_token: ShowToken,
    companion: Companion | None = None,
    announce: Announce | None = None,
    child: Child | None = None,
) -> None:
    """Serve until the process is told to stop by SIGINT or SIGTERM; a second one ends it at once.

    Args:
        settings: How.
        show_token: Shows a person a new operator token.
        companion: An app to run beside the API.
        announce: Shows a person where everything is; without it, that is logged.
        child: What the process is, if it is one of several.

    Raises:
        AssertionsDisabled: Python was started with -O.
        AddressUnavailable: The server cannot listen.
        StoreInUse, StoreCorrupt, StoreNewer, StoreUnusable: The database cannot be used.
        TokenNotShown: Nobody would have seen the operator token.
    """
    # Here and not where assertions stand: with -O none of them is left to notice.
    if not __debug__:
        raise AssertionsDisabled
    log_format = set_up_logging(settings.log, process=child.number if child is not None else None)
    take_short_turns()
    missing_files = raise_open_files(settings.queue_workers)
    if missing_files:
        _log.warning("open_files.too_few", missing=missing_files)
    # Of several processes, the supervisor has told what all of them would tell.
    for note in settings.notes if child is None else ():
        _log.warning("setting.note", note=note)
    server = Server(
        settings, log_format, show_token, companion=companion, announce=announce, child=child
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(server.run())


class Server:
    """One life of a server, from opening the store to closing it."""

    def __init__(
        self,
        settings: Settings,
        log_format: LogFormat,
        show_token: ShowToken,
        *,
        companion: Companion | None,
        announce: Announce | None,
        child: Child | None,
    ) -> None:
        self._settings = settings
        self._show_token = show_token
        self._companion = companion
        self._announce = announce
        self._child = child
        self._superior: Superior | ServiceManager = ServiceManager()
        self._stopping = asyncio.Event()
        self._was_signalled = False
        # Single runs are told to a developer at a terminal, and to whoever asks for details.
        is_watched = settings.mode is Mode.DEV and log_format is LogFormat.LINES
        self._tells_runs = is_watched or settings.log.is_verbose

    async def run(self) -> None:
        """Serve until a signal comes, then finish what was begun."""
        self._catch_signals()
        superior = None
        if self._child is not None:
            self._superior = superior = Superior(self._child, self._told_to_stop)
            if not await superior.may_begin():
                return
        store = await open_store(self._settings)
        try:
            listeners = self._listen()
            clock = SystemClock() if self._settings.postgres is None else StoreClock()
            now = Circumstances(
                clock=clock,
                operator=await self._operator(store, clock),
                port=_port_of(listeners),
                url=_url(self._settings.host, _port_of(listeners)),
                companion=self._companion,
                tells_runs=self._tells_runs,
                process=None if self._child is None else self._child.number,
                joined=None if superior is None else superior.joined,
            )
            parts = compose(self._settings, store, now)
            try:
                await self._serve(parts, listeners)
            finally:
                await parts.close()
        finally:
            await store.close()
        _log.info("server.stopped")

    def stop(self) -> None:
        """Begin to stop. May be called twice."""
        self._stopping.set()

    async def _operator(self, store: ServerStore, clock: Clock) -> HeldToken | None:
        """None in development, where everybody may do everything."""
        if self._settings.mode is Mode.DEV:
            return None
        given = self._settings.operator_token
        return await held_token(given, store.operator_tokens(), clock, self._show_token)

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._signalled, number)

    def _signalled(self, number: signal.Signals) -> None:
        if self._was_signalled:
            # Nothing that matters is lost: whatever was acknowledged is on the disk.
            os._exit(128 + number)
        self._was_signalled = True
        _log.info("server.stopping", signal=number.name)
        self.stop()

    def _told_to_stop(self) -> None:
        """The supervisor wants it, or is gone. A service manager may send a signal besides."""
        if not self._stopping.is_set():
            _log.info("server.stopping")
            self.stop()

    def _listen(self) -> list[socket.socket]:
        settings = self._settings
        if self._child is not None:
            return bind_shared(settings.host, self._child.port)
        if settings.mode is Mode.START or not settings.port:
            return listen(settings.host, settings.port)
        listeners = listen_nearby(settings.host, settings.port)
        if (port := _port_of(listeners)) != settings.port:
            _log.warning("port.taken", wanted=settings.port, using=port)
        return listeners

    async def _serve(self, parts: Parts, listeners: list[socket.socket]) -> None:
        http = HttpServer(parts.app, listeners, grace_s=_REQUESTS_GRACE_S)
        async with asyncio.TaskGroup() as tasks:
            engine = tasks.create_task(parts.behind.engine.run())
            serving = tasks.create_task(self._serve_http(parts, http))
            beside = [tasks.create_task(_export(parts)), tasks.create_task(_spread_news(parts))]
            chores = [tasks.create_task(chore) for chore in self._chores(parts)]
            await self._stopping.wait()

            parts.behind.readiness.stop()
            self._superior.stopping()
            for chore in chores:
                chore.cancel()
            # Apps may ask the server for something before they answer, so it goes on serving.
            await parts.behind.engine.drain(self._settings.shutdown_grace_s)
            parts.behind.run_ends.close()
            parts.behind.changes.close()
            http.stop()
            await serving
            await parts.behind.engine.stop(0)
            await asyncio.wait([engine], timeout=_WRITING_GRACE_S)
            engine.cancel()
            if parts.exporter is not None:
                await parts.exporter.stop(_EXPORT_GRACE_S)
            for task in beside:
                task.cancel()

    async def _serve_http(self, parts: Parts, http: HttpServer) -> None:
        """Serve as soon as there is something to say; until then, connections wait.

        If the store does not answer, clients had better hear that than nothing.
        """
        waits = [
            asyncio.create_task(parts.behind.engine.ready()),
            asyncio.create_task(self._stopping.wait()),
        ]
        await asyncio.wait(waits, timeout=_READY_PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await http.run()

    def _chores(self, parts: Parts) -> list[Coroutine[Any, Any, None]]:
        settings = self._settings
        chores = [
            self._greet(parts),
            self._superior.watch(),
            _tidy(parts),
        ]
        # Of several processes, one asks apps for their functions; all know what it is told.
        if self._child is None or self._child.number == 1:
            chores.append(self._poll_apps(parts))
        if isinstance(self._superior, Superior):
            chores.append(_follow_deaths(parts, self._superior))
        if settings.discovery:
            chores.append(self._discover(parts))
        if self._companion is not None:
            chores.append(self._introduce(parts, self._companion))
        return chores

    async def _greet(self, parts: Parts) -> None:
        """Say that the server is there, once it is."""
        await parts.behind.engine.ready()
        settle_memory()
        self._superior.ready()
        settings = self._settings
        _log.info(
            "server.started",
            version=__version__,
            mode=settings.mode.value,
            url=parts.url + settings.base_path,
            database=StorePlace.of(settings).text or "in memory",
        )
        if self._announce is not None:
            with_colors = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
            where = Whereabouts(
                __version__,
                parts.url,
                _known_apps(parts),
                self._companion.path if self._companion is not None else "",
            )
            self._announce(banner(settings, where, with_colors=with_colors))

    async def _poll_apps(self, parts: Parts) -> None:
        for url in self._settings.sdk_urls:
            await _until_stored(parts, partial(parts.behind.registry.add_placeholder, url))
        await parts.behind.engine.ready()
        await parts.behind.sync.poll(
            interval_s=self._settings.poll_interval_s,
            every_app=self._settings.poll,
            sleep=asyncio.sleep,
        )

    async def _discover(self, parts: Parts) -> None:
        await parts.behind.engine.ready()
        ports = (*DISCOVERY_PORTS, *self._settings.extra_ports)
        discovery = Discovery(
            parts.client,
            parts.behind.sync,
            parts.behind.registry,
            own_ports=(parts.port,),
            ports=ports,
        )
        await discovery.run(interval_s=self._settings.poll_interval_s, sleep=asyncio.sleep)

    async def _introduce(self, parts: Parts, companion: Companion) -> None:
        introduction = Introduction(parts.behind.engine, parts.behind.readers, parts.behind.sync)
        await _until_stored(
            parts,
            partial(
                introduction.make,
                companion,
                parts.url,
                clock=parts.behind.clock,
                ids=parts.behind.ids,
            ),
        )


async def _export(parts: Parts) -> None:
    """Send spans to the collector, if there is one."""
    if parts.exporter is not None:
        await parts.exporter.run()


async def _spread_news(parts: Parts) -> None:
    """Tell other servers what changes, and hear them, if there can be any."""
    if parts.news is not None:
        await parts.news.run()


async def _follow_deaths(parts: Parts, superior: Superior) -> None:
    """Take over what processes of the same server had, as soon as they have died."""
    while True:
        await parts.behind.engine.has_died(await superior.death())


async def _tidy(parts: Parts) -> None:
    """Now and then, delete what has expired."""
    while True:
        await parts.behind.engine.ready()
        with suppress(StoreUnavailable, OwnershipLost):
            await parts.behind.engine.forget_expired()
        await asyncio.sleep(_TIDY_S)


async def _until_stored(parts: Parts, action: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do something at start that has to be written, as soon as the store takes it."""
    while True:
        await parts.behind.engine.ready()
        try:
            await action()
        except StoreUnavailable:
            await asyncio.sleep(_STORE_PAUSE_S)
        else:
            return


def _known_apps(parts: Parts) -> list[KnownApp]:
    counts: dict[str, int] = {}
    for function in parts.behind.registry.functions:
        if not function.archived:
            counts[function.app_id] = counts.get(function.app_id, 0) + 1
    apps = [app for app in parts.behind.registry.apps.values() if not app.archived_ms]
    return [KnownApp(app.name, app.url, counts.get(app.id, 0)) for app in apps]


def _port_of(listeners: list[socket.socket]) -> int:
    port: int = listeners[0].getsockname()[1]
    return port


def _url(host: str, port: int) -> str:
    """Where this machine reaches the server."""
    shown = _EVERY_ADDRESS.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}"
