"""What the tests of synchronisation and discovery share: a clock, and apps made of answers."""

import socket
from collections.abc import Mapping

import msgspec

from stepwell.engine.registry import Registry
from stepwell.wire.registration import RegisterRequest, parse_register
from tests.unit.drivers.http.scripted_app import Peer, Talk, answer

#: 2026-11-21T09:10:30Z
NOW_S = 1_795_252_230


class FixedClock:
    """A clock that stands still."""

    def now_ms(self) -> int:
        return NOW_S * 1000


def request_of(url: str, app: str = "shop") -> RegisterRequest:
    """The registration of an app with one function."""
    step = {"name": "step", "runtime": {"url": f"{url}?fnId={app}-pay"}}
    functions = [{"id": f"{app}-pay", "name": "Pay", "steps": {"step": step}}]
    return parse_register(msgspec.json.encode({"appName": app, "url": url, "functions": functions}))


def sdk_app(
    registry: Registry, url: list[str], answers: Mapping[str, bytes], *, name: str = "shop"
) -> Talk:
    """An app that registers when it is asked to, before it answers, as SDKs do.

    Args:
        registry: Where it registers, without the detour over HTTP.
        url: One element: its SDK endpoint, which is only known once it is running.
        answers: By method and path, such as "GET /api/inngest"; 404 for all others.
        name: Of the app.
    """

    async def talk(peer: Peer) -> None:
        while True:
            request = await peer.request()
            found = answers.get(f"{request.method} {request.target}")
            if found is not None and request.method == "PUT":
                await registry.register(request_of(url[0], name))
            await peer.send(answer(status=404) if found is None else found)

    return talk


def port_of(origin: str) -> int:
    """The port of "http://127.0.0.1:5000"."""
    return int(origin.rpartition(":")[2])


def closed_port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
