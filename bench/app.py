"""The app under the benchmark: the SDK protocol on a bare asyncio Protocol, a few µs per call.

    python -m bench.app --url http://127.0.0.1:8288

registers it at a server and serves until interrupted. The benchmark starts it as a process of its
own and steers it over a pipe.
"""

import argparse
import asyncio
import contextlib
import gc
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, cast

import httptools
import uvloop

from bench.functions import APP, NO_COPIES, Functions, answered, http_answer, registration
from bench.ledger import Account, Ledger, Status, Window
from bench.spawning import SPAWN

PATH = "/api/inngest"
_REGISTER_TIMEOUT_S = 60


class RegistrationRefusedError(Exception):
    """The server did not accept the app; the message says why."""


def register(server_url: str, app_url: str, copies: Mapping[str, str] = NO_COPIES) -> None:
    """Make the app known to the server, which may still be opening its store.

    With `copies` of its functions, and their events. A server in production asks for its signing key, which `STEPWELL_SIGNING_KEY` gives it and us.

    Raises:
        RegistrationRefusedError: The server answered with an error, other than 503, or did not
            become able to register the app in a minute.
    """
    request = urllib.request.Request(
        f"{server_url}/fn/register",
        data=registration(app_url, copies),
        headers={"Content-Type": "application/json", "x-inngest-sdk": f"{APP}:v1"},
    )
    if key := os.environ.get("STEPWELL_SIGNING_KEY"):
        request.add_header("Authorization", f"Bearer {key}")
    deadline = time.monotonic() + _REGISTER_TIMEOUT_S
    while True:
        try:
            with urllib.request.urlopen(request, timeout=_REGISTER_TIMEOUT_S) as response:
                response.read()
                return
        except urllib.error.HTTPError as error:
            if error.code != 503 or time.monotonic() > deadline:
                text = error.read().decode(errors="replace")[:500]
                raise RegistrationRefusedError(f"HTTP {error.code}: {text}") from error
        time.sleep(0.01)


class _App:
    """State shared by all connections of the server under test."""

    def __init__(self, completions_fd: int | None) -> None:
        self.ledger = Ledger()
        self.functions = Functions(self.ledger)
        self.holding = False
        self._completions_fd = completions_fd
        self._completions = 0
        self._notify = False

    def begin(
        self, *, session: str, first_index: int, window: Window, notify_completions: bool
    ) -> None:
        self.ledger.begin(session=session, first_index=first_index, window=window)
        self._notify = notify_completions

    def hold(self) -> None:
        """Leave calls unanswered from now on; their connections must be closed by the server."""
        self.ledger.watch()
        self.holding = True

    def release(self) -> None:
        """Answer calls again. The held ones stay unanswered."""
        self.ledger.watch()
        self.holding = False

    def run_ended(self) -> None:
        """Tell the load generator, once for all runs that ended in this turn of the loop."""
        if not self._notify:
            return
        if not self._completions:
            asyncio.get_running_loop().call_soon(self._write_completions)
        self._completions += 1

    def _write_completions(self) -> None:
        count, self._completions = self._completions, 0
        if self._completions_fd is not None:
            # Never full: fewer runs are in flight than the pipe holds bytes.
            os.write(self._completions_fd, bytes(count))


class _Endpoint(asyncio.Protocol):
    """One connection from the server under test."""

    def __init__(self, app: _App) -> None:
        self._app = app
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._arrived_ns = time.monotonic_ns()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_body(self, body: bytes) -> None:
        self._body = self._body + body if self._body else body

    def on_message_complete(self) -> None:
        url, body = self._url, self._body
        self._url = self._body = b""
        if self._parser.get_method() != b"POST":
            # A server may look for the app (GET) or ask it to register (PUT): it has.
            self._transport.write(http_answer("200 OK", b'{"message":"registered"}'))
            return
        app = self._app
        app.ledger.arrived(self._arrived_ns)
        if app.holding:
            app.ledger.held += 1
            return
        answer, run = app.functions.answer(url, body, self._arrived_ns)
        self._transport.write(answer)
        if not self._parser.should_keep_alive():
            self._transport.close()
        if run is not None:
            answered(run)
            if run.ended:
                app.run_ended()


async def _listen(app: _App) -> int:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Endpoint(app), "127.0.0.1", 0, backlog=1024)
    port: int = server.sockets[0].getsockname()[1]
    # Servers rewrite 127.0.0.1 to localhost in registered URLs, which may mean ::1.
    with contextlib.suppress(OSError):
        await loop.create_server(lambda: _Endpoint(app), "::1", port, backlog=1024)
    return port


def _serve(control: "Connection[Any, Any]", completions: "Connection[Any, Any]") -> None:
    async def main() -> None:
        os.set_blocking(completions.fileno(), False)
        app = _App(completions.fileno())
        commands: dict[str, Callable[..., object]] = {
            "begin": app.begin,
            "hold": app.hold,
            "release": app.release,
            "status": app.ledger.status,
            "account": app.ledger.account,
            "cpu_ns": time.process_time_ns,
        }
        ended = asyncio.Event()

        def on_command() -> None:
            try:
                name, arguments = control.recv()
                control.send(commands[name](**arguments))
            except EOFError:
                ended.set()
            except Exception:
                # The benchmark waits for an answer; the end of this process is one.
                ended.set()
                raise

        control.send(await _listen(app))
        asyncio.get_running_loop().add_reader(control.fileno(), on_command)
        # uvloop has just made it non-blocking, but an account is larger than a pipe's buffer.
        os.set_blocking(control.fileno(), True)
        await ended.wait()
        asyncio.get_running_loop().remove_reader(control.fileno())

    # Reference counting frees everything here; a collection would count as the server's latency.
    gc.disable()
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(main())


class AppProcess:
    """The app in a process of its own, and the calls that steer it."""

    def __init__(self) -> None:
        self._control, control = SPAWN.Pipe()
        self.completions, completions = SPAWN.Pipe(duplex=False)
        self._process: SpawnProcess = SPAWN.Process(
            target=_serve, args=(control, completions), daemon=True
        )
        self._process.start()
        control.close()
        completions.close()
        self.url = f"http://127.0.0.1:{self._control.recv()}{PATH}"

    def begin(
        self, *, session: str, first_index: int, window: Window, notify_completions: bool
    ) -> None:
        """Forget earlier workloads and book this one."""
        self._ask(
            "begin",
            session=session,
            first_index=first_index,
            window=window,
            notify_completions=notify_completions,
        )

    def hold(self) -> None:
        """Leave calls unanswered from now on."""
        self._ask("hold")

    def release(self) -> None:
        """Answer calls again, and note the arrival of the first one."""
        self._ask("release")

    def status(self) -> Status:
        return cast("Status", self._ask("status"))

    def account(self, *, not_accepted: frozenset[int]) -> Account:
        return cast("Account", self._ask("account", not_accepted=not_accepted))

    def cpu_s(self) -> float:
        return cast("int", self._ask("cpu_ns")) / 1e9

    def stop(self) -> None:
        self._control.close()
        self._process.join()

    def _ask(self, name: str, **arguments: object) -> object:
        self._control.send((name, arguments))
        return self._control.recv()


def main() -> None:
    parser = argparse.ArgumentParser(description="The benchmark's app, alone.")
    parser.add_argument("--url", required=True, help="server to register at")
    options = parser.parse_args()

    async def serve() -> None:
        port = await _listen(_App(None))
        app_url = f"http://127.0.0.1:{port}{PATH}"
        await asyncio.to_thread(register, options.url.rstrip("/"), app_url)
        print(f"registered {app_url}", flush=True)
        await asyncio.Event().wait()

    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(serve())


if __name__ == "__main__":
    main()
