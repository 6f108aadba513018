"""What a person at a terminal is told when the server is ready: where everything is."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from stepwell.server.options import Mode
from stepwell.server.settings import Settings
from stepwell.server.stores import StorePlace

__all__ = ["KnownApp", "Whereabouts", "banner"]

_BOLD: Final = "\x1b[1m"
_PLAIN: Final = "\x1b[0m"
#: Of more apps only the number is told.
_APPS_SHOWN_MAX: Final = 8
_EVERY_ADDRESS: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared, nothing listens
_EXAMPLE_EVENT: Final = '{"name": "test/hello", "data": {"to": "world"}}'


class KnownApp(msgspec.Struct, frozen=True):
    """An app the server knows from an earlier start, or was told of.

    Attributes:
        name: Empty as long as it has not registered.
        url: Its SDK endpoint.
        functions: How many functions it has registered.
    """

    name: str
    url: str
    functions: int


class Whereabouts(msgspec.Struct, frozen=True):
    """What is known once the server listens.

    Attributes:
        version: Of the server.
        url: Where this machine reaches it.
        apps: What it knows.
        demo_path: Where the demo app is, or "".
    """

    version: str
    url: str
    apps: Sequence[KnownApp] = ()
    demo_path: str = ""


def banner(settings: Settings, where: Whereabouts, *, with_colors: bool = False) -> str:
    """The text, with a line break at its end. It holds no keys."""
    kind = "development server" if settings.mode is Mode.DEV else "self-hosted server"
    title = f"Stepwell {where.version}"
    if with_colors:
        title = f"{_BOLD}{title}{_PLAIN}"
    rows = [
        *([("Dashboard", f"{where.url}{settings.base_path}/")] if settings.ui else []),
        ("API", _api(settings, where)),
        ("Events", f"POST {where.url}/e/{_event_key(settings)}"),
        ("Database", _database(StorePlace.of(settings))),
        *_rows("Apps", _apps(where.apps)),
        *_rows("Discovery", _discovery(settings)),
    ]
    lines = ["", f"  {title}, {kind}", ""]
    lines += [f"  {name:<11}{text}" for name, text in rows]
    lines += ["", *(f"  {line}".rstrip() for line in _next_steps(settings, where)), ""]
    return "\n".join(lines) + "\n"


def _rows(name: str, texts: Iterable[str]) -> list[tuple[str, str]]:
    return [(name if index == 0 else "", text) for index, text in enumerate(texts)]


def _api(settings: Settings, where: Whereabouts) -> str:
    if settings.host in _EVERY_ADDRESS:
        return f"{where.url}{settings.base_path}, and every other address of this machine"
    return where.url + settings.base_path


def _event_key(settings: Settings) -> str:
    return "test" if settings.mode is Mode.DEV else "<event key>"


def _database(place: StorePlace) -> str:
    if not place.text:
        return "in memory; everything ends with the server (--no-persist)"
    return f"{place.text}, kept between starts"


def _apps(apps: Sequence[KnownApp]) -> list[str]:
    shown = [
        f"{app.name} at {app.url}, {_count(app.functions, 'function')}"
        if app.name
        else f"{app.url}, not registered yet"
        for app in apps[:_APPS_SHOWN_MAX]
    ]
    if (hidden := len(apps) - len(shown)) > 0:
        shown.append(f"and {_count(hidden, 'more app')}")
    return shown or ["none yet"]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _discovery(settings: Settings) -> list[str]:
    if settings.mode is Mode.START:
        return []
    if settings.discovery:
        return ["on: looking for apps on the usual ports (off: --no-discovery -u <app URL>)"]
    return ["off: name apps with -u <app URL>"]


def _next_steps(settings: Settings, where: Whereabouts) -> list[str]:
    if where.demo_path:
        order = '{"name": "demo/order.placed", "data": {"orderId": "1002", "total": 80}}'
        return [
            "The demo places an order. Its function runs a step, sleeps for 20 s, and then",
            "awards the points. Kill the server while it sleeps, for example with kill -9, and",
            "start it again: the run goes on, and no step runs a second time.",
            "",
            "Place another order:",
            f"  curl {where.url}/e/test -d '{order}'",
        ]
    send = f"  curl {where.url}/e/{_event_key(settings)} -d '{_EXAMPLE_EVENT}'"
    steps = ["Send an event:", send]
    if settings.mode is Mode.DEV:
        steps = [f"Start an app with INNGEST_DEV={where.url}", *steps]
    return [*steps, "Stop with Ctrl-C."]
