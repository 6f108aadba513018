"""The servers of a world: one after the other in each place, and one or several places."""

import asyncio
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from stepwell.engine import mailbox, membership
from stepwell.engine.nodes import Wake
from stepwell.store.sqlite.store import SqliteStore
from tests.simulation.faults import Faults
from tests.simulation.processes import Scheduled
from tests.simulation.server import Clock, Server
from tests.simulation.virtual_loop import pause

if TYPE_CHECKING:
    from tests.simulation.world import World

__all__ = ["Fleet", "Place"]

#: How long work may stand still because a server does not answer: until its lease has ended and
#: somebody else has noticed and read what there is to do.
TAKEOVER_MS = 12_000

_RENEW_S, _SCAN_S = membership.RENEW_S, mailbox.SCAN_S
_CALM_AFTER_S = 60.0
_CALM_RENEW_S = 1_200.0
_CALM_LEASE_MS = 14_400_000


class Place:
    """A machine that servers of one name run on, one after the other.

    Attributes:
        number: Of the place.
        store: The database, which all places share.
        clock: Of the machine.
        faults: What goes wrong there.
    """

    def __init__(self, number: int, store: SqliteStore, clock: Clock, faults: Faults) -> None:
        self.number = number
        self.store = store
        self.clock = clock
        self.faults = faults

    @property
    def name(self) -> str:
        """As an operator would look for it."""
        return f"node-{self.number}"


class Fleet:
    """Starts, stops and disturbs servers.

    Args:
        world: What they are in.
        nodes: How many there are; one is alone and knows of no others.
        partitions: Over which their work is spread.
        skew_ms: How wrong the clocks of machines may be.

    Attributes:
        servers: Those that run, by place.
        reached: The place that clients reach; None for any.
    """

    def __init__(self, world: "World", *, nodes: int, partitions: int, skew_ms: int) -> None:
        self._world = world
        self._random = Random(world.random.getrandbits(64)) if nodes > 1 else world.random
        self.places: list[Place] = []
        self.servers: dict[int, Server | None] = dict.fromkeys(range(nodes))
        self.reached: int | None = 0 if nodes == 1 else None
        self._dying: list[Server] = []
        self._wants_crash = asyncio.Event()
        self._crashes: set[asyncio.Task[None]] = set()
        if nodes > 1:
            world.loop.schedule_with(Scheduled(world.loop))
            store = SqliteStore.in_memory(
                connection=world.connection, partitions=partitions, now_ms=world.clock.now_ms
            )
            store.on_wake(self._wake)
            self.places = [
                Place(
                    number,
                    store,
                    world.clock.off_by(self._random.randint(-skew_ms, skew_ms)),
                    world.faults.elsewhere(self._random),
                )
                for number in range(nodes)
            ]

    @property
    def is_one(self) -> bool:
        """Whether there is one place only."""
        return not self.places

    @property
    def running(self) -> list[Server]:
        """The servers there are."""
        return [server for server in self.servers.values() if server is not None]

    def any(self) -> Server | None:
        """The server that a client reaches; None if it reaches none."""
        if self.reached is not None:
            return self.servers[self.reached]
        number = self._random.randrange(len(self.places))
        order = [*range(number, len(self.places)), *range(number)]
        # A balancer before them knows which of them run, but not whether they are well.
        return next((server for each in order if (server := self.servers[each])), None)

    # Beginning and end.

    def boot(self, number: int = 0) -> None:
        """Start a server, if none runs there."""
        if self.servers[number] is None:
            self._world.note("boot" if self.is_one else f"boot {number}")
            place = None if self.is_one else self.places[number]
            faults = self._world.faults if place is None else place.faults
            self.servers[number] = Server(self._world, faults, place)

    def boot_all(self) -> None:
        """Start a server in every place."""
        for number in self.servers:
            self.boot(number)

    async def watch(self) -> None:
        """Start another server wherever one has died."""
        while True:
            await self._wants_crash.wait()
            self._wants_crash.clear()
            dying, self._dying = self._dying, []
            for server in dying:
                number = server.place.number if server.place is not None else 0
                if self.servers[number] is not server:
                    continue
                crash = self.crash(number, self._world.down_s)
                if self.is_one:
                    await crash
                else:
                    task = self._world.loop.create_task(crash)
                    self._crashes.add(task)
                    task.add_done_callback(self._crashes.discard)

    async def calm(self) -> None:
        """Let servers look around seldom once nothing goes wrong any more.

        Days of virtual time would be spent with that.
        """
        if not self.is_one:
            await pause(_CALM_AFTER_S)
            self.places[0].store._database.lease_ms = _CALM_LEASE_MS  # type: ignore[misc]
            membership.RENEW_S = _CALM_RENEW_S  # type: ignore[misc]
            mailbox.SCAN_S = _CALM_RENEW_S  # type: ignore[misc]

    def close(self) -> list[asyncio.Task[None]]:
        """End all restarts; returns what to wait for."""
        membership.RENEW_S, mailbox.SCAN_S = _RENEW_S, _SCAN_S  # type: ignore[misc]
        tasks = list(self._crashes)
        for task in tasks:
            task.cancel()
        return tasks

    async def die(self) -> None:
        """End all servers for good."""
        for number, server in self.servers.items():
            if server is not None:
                self.servers[number] = None
                await server.die()

    # What happens to servers.

    def dies(self, server: Server) -> None:
        """The server dies now; somebody has to clean up after it."""
        self._dying.append(server)
        self._wants_crash.set()

    async def crash(self, number: int, down_s: float) -> None:
        """Kill a server; start another one there later."""
        server, self.servers[number] = self.servers[number], None
        if server is None:
            # It is down already.
            return
        world = self._world
        world.crashes += 1
        world.note("crash" if self.is_one else f"crash {number}")
        down_from_ms = world.clock.now_ms()
        await server.die()
        if world.connection.in_transaction:
            world.connection.rollback()
        await pause(down_s)
        self._note_down(down_from_ms)
        self.boot(number)

    async def crash_all(self, down_s: float) -> None:
        """Let the power fail."""
        await asyncio.gather(*(self.crash(number, down_s) for number in self.servers))

    async def stop(self, number: int, down_s: float, grace_s: float) -> None:
        """Stop a server as Ctrl-C does; start another one there later."""
        server = self.servers[number]
        if server is None:
            return
        self._world.note("stop" if self.is_one else f"stop {number}")
        await server.stop(grace_s)
        if self.servers[number] is server:
            await self.crash(number, down_s)

    async def suspend(self, number: int, seconds: float) -> None:
        """Let nothing of a server run for a while, as SIGSTOP and SIGCONT do."""
        server = self.servers[number]
        if server is None or server.process is None or server.process.is_stopped:
            return
        self._world.note(f"suspend {number}")
        from_ms = self._world.clock.now_ms()
        server.process.stop()
        await pause(seconds)
        self._world.note(f"go on {number}")
        server.process.go_on()
        self._note_down(from_ms)

    async def cut_off(self, number: int, seconds: float) -> None:
        """Keep a server from reaching the database for a while."""
        server = self.servers[number]
        if server is None or server.store.is_cut_off:
            return
        self._world.note(f"cut off {number}")
        from_ms = self._world.clock.now_ms()
        server.store.is_cut_off = True
        await pause(seconds)
        server.store.is_cut_off = False
        self._world.note(f"connected {number}")
        self._note_down(from_ms)
        # Who connects anew may have missed something.
        self._deliver(server, 0.0, Wake(everybody=True))

    def _note_down(self, from_ms: int) -> None:
        """Work has stood still since then; of several servers others have taken it over."""
        until_ms = self._world.clock.now_ms()
        if not self.is_one and self.running:
            until_ms = min(until_ms, from_ms + TAKEOVER_MS)
        self._world.downs.append((from_ms, until_ms))

    # Wake-ups.

    def _wake(self, wake: Wake) -> None:
        for server in self.running:
            faults = server.place.faults if server.place is not None else self._world.faults
            if not faults.happens("wake_lost"):
                self._deliver(server, faults.network_s(), wake)

    def _deliver(self, server: Server, seconds: float, wake: Wake) -> None:
        assert server.process is not None
        server.process.deliver(seconds, partial(server.store.wake, wake))
