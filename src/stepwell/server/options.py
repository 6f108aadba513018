"""Every setting that can be given: as a flag, in the environment, or in a configuration file.

The command line, the reader of configuration files and `resolve` all work from this table, so that
a setting has one name, one meaning and one description everywhere.

Source: HTTP APIs, 14.1 to 14.4.
"""

import enum
from typing import Final

import msgspec

__all__ = ["OPTIONS", "Fate", "Kind", "Mode", "Option", "options_of"]


class Mode(enum.StrEnum):
    """What the server is for."""

    DEV = "dev"
    START = "start"


class Kind(enum.Enum):
    """What a value is. A list is given by repeating a flag, or separated by commas."""

    TEXT = "TEXT"
    NUMBER = "NUMBER"
    SECONDS = "SECONDS"
    SWITCH = ""
    LIST = "LIST"


class Fate(enum.Enum):
    """What becomes of a value: used, accepted without effect, or refused with the reason."""

    USED = enum.auto()
    IGNORED = enum.auto()
    REFUSED = enum.auto()


_BOTH: Final = frozenset({Mode.DEV, Mode.START})
_DEV: Final = frozenset({Mode.DEV})
_START: Final = frozenset({Mode.START})


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """One setting.

    Attributes:
        name: As the flag without dashes, and as the key in files.
        about: One sentence for `--help`.
        modes: Which commands know it.
        short: The one-letter flag, if there is one.
        metavar: What stands for the value in `--help`.
        aliases: Other names in files.
        can_be_negated: Whether there is a flag `--no-<name>` as well.
        is_secret: Whether its value must never be shown.
        why: Why it is ignored or refused.
    """

    name: str
    kind: Kind
    about: str
    modes: frozenset[Mode] = _BOTH
    short: str = ""
    metavar: str = ""
    aliases: tuple[str, ...] = ()
    can_be_negated: bool = False
    is_secret: bool = False
    fate: Fate = Fate.USED
    why: str = ""

    @property
    def is_shown(self) -> bool:
        """Whether `--help` mentions it."""
        return self.fate is Fate.USED

    @property
    def variables(self) -> tuple[str, str]:
        """The environment variables that set it; the first one wins."""
        suffix = self.name.upper().replace("-", "_")
        return f"STEPWELL_{suffix}", f"INNGEST_{suffix}"


_USED: Final = (
    Option(
        name="sdk-url",
        kind=Kind.LIST,
        short="-u",
        metavar="URL",
        aliases=("urls",),
        about="Where an app serves its functions, such as http://localhost:3000/api/inngest; "
        "http:// may be left out. Can be repeated.",
    ),
    Option(
        name="no-discovery",
        kind=Kind.SWITCH,
        modes=_DEV,
        about="Do not look for apps on the usual ports of this machine.",
    ),
    Option(
        name="no-poll",
        kind=Kind.SWITCH,
        modes=_DEV,
        about="Do not ask known apps again and again for their functions.",
    ),
    Option(
        name="poll-interval",
        kind=Kind.SECONDS,
        about="How often apps are asked for their functions. Default: 5 for dev; for start 0, "
        "which asks only those again that could not be reached.",
    ),
    Option(
        name="host",
        kind=Kind.TEXT,
        metavar="ADDRESS",
        about="Address to listen on; 0.0.0.0 is every one of this machine. Default: 127.0.0.1.",
    ),
    Option(
        name="port",
        kind=Kind.NUMBER,
        short="-p",
        metavar="PORT",
        about="Port to listen on. If it is taken, dev uses the next free one and start fails. "
        "Default: 8288.",
    ),
    Option(
        name="base-path",
        kind=Kind.TEXT,
        metavar="PATH",
        about="Path below which the server is reached, such as /tools/stepwell, for a reverse proxy "
        "that serves other things as well. Default: /.",
    ),
    Option(
        name="signing-key",
        kind=Kind.TEXT,
        modes=_START,
        metavar="HEX",
        is_secret=True,
        about="Key shared with the apps: an even number of hexadecimal digits, optionally after a "
        "prefix such as signkey-prod-. Required.",
    ),
    Option(
        name="event-key",
        kind=Kind.LIST,
        modes=_START,
        metavar="KEY",
        is_secret=True,
        about="Key with which events may be sent. Can be repeated; at least one is required.",
    ),
    Option(
        name="operator-token",
        kind=Kind.TEXT,
        modes=_START,
        metavar="TOKEN",
        is_secret=True,
        about="Token of those who run the server, for the dashboard and the command line: 32 to 512 "
        "random characters. Default: made at the first start, and shown once.",
    ),
    Option(
        name="metrics-token",
        kind=Kind.TEXT,
        modes=_START,
        metavar="TOKEN",
        is_secret=True,
        about="Token with which numbers can be read, for Prometheus: 32 to 512 random characters. "
        "Default: none, so that only the operator token does.",
    ),
    Option(
        name="persist",
        kind=Kind.SWITCH,
        modes=_DEV,
        can_be_negated=True,
        about="Keep everything in a file, or only in memory. Default: keep it.",
    ),
    Option(
        name="sqlite-dir",
        kind=Kind.TEXT,
        metavar="DIRECTORY",
        about="Where the database main.db is. Default: .stepwell in the working directory.",
    ),
    Option(
        name="postgres-uri",
        kind=Kind.TEXT,
        metavar="URI",
        is_secret=True,
        about="Keep everything in this PostgreSQL database instead of SQLite: "
        "postgresql://user:password@host:5432/database.",
    ),
    Option(
        name="postgres-max-idle-conns",
        kind=Kind.NUMBER,
        metavar="COUNT",
        about="Connections to PostgreSQL that are kept without being used. Default: 10.",
    ),
    Option(
        name="postgres-max-open-conns",
        kind=Kind.NUMBER,
        metavar="COUNT",
        about="Connections to PostgreSQL, at most; 4 or more, of which 9 are used. Default: 100.",
    ),
    Option(
        name="postgres-conn-max-idle-time",
        kind=Kind.NUMBER,
        metavar="MINUTES",
        about="How long an unused connection to PostgreSQL is kept; 0 is for ever. Default: 5.",
    ),
    Option(
        name="postgres-conn-max-lifetime",
        kind=Kind.NUMBER,
        metavar="MINUTES",
        about="How long a connection to PostgreSQL is used; 0 is for ever. Default: 30.",
    ),
    Option(
        name="processes",
        kind=Kind.NUMBER,
        modes=_START,
        metavar="COUNT",
        about="Processes that share the work and the port, 1 to 64, to use several cores; more than "
        "one needs --postgres-uri. Default: 1.",
    ),
    Option(
        name="shutdown-grace",
        kind=Kind.SECONDS,
        about="How long calls to apps may take to end when the server is told to stop; the next "
        "start makes those again that took longer. Default: 6, and 2 for dev.",
    ),
    Option(
        name="retry-interval",
        kind=Kind.SECONDS,
        about="Pause between attempts, instead of the growing one. Default: 0, the growing one.",
    ),
    Option(
        name="queue-workers",
        kind=Kind.NUMBER,
        metavar="COUNT",
        about="Calls to apps under way at the same time, at most. Default: 1000.",
    ),
    Option(
        name="concurrency",
        kind=Kind.NUMBER,
        metavar="COUNT",
        about="Steps that run at the same time, over all functions, at most; others wait their "
        "turn. Default: 0, as many as there are queue workers.",
    ),
    Option(
        name="app-concurrency",
        kind=Kind.LIST,
        metavar="[APP=]COUNT",
        about="Steps of one app that run at the same time, at most: COUNT for every app, APP=COUNT "
        "for one; 0 is no limit. Can be repeated.",
    ),
    Option(
        name="allow-private-requests",
        kind=Kind.SWITCH,
        can_be_negated=True,
        about="Let step.fetch and step.ai.infer reach addresses in private networks. "
        "Default: yes for dev, no for start.",
    ),
    Option(
        name="retention",
        kind=Kind.TEXT,
        metavar="TIME",
        about="How long events, ended runs and bulk operations are kept, such as 30d or 12h, or "
        "forever. Default: 30d, and a day for dev in memory.",
    ),
    Option(
        name="retention-events",
        kind=Kind.TEXT,
        metavar="TIME",
        about="How long events are kept. Default: as --retention says.",
    ),
    Option(
        name="retention-runs",
        kind=Kind.TEXT,
        metavar="TIME",
        about="How long runs are kept after their end. Default: as --retention says.",
    ),
    Option(
        name="retention-journals",
        kind=Kind.TEXT,
        metavar="TIME",
        about="How long the steps of a run are kept after its end; its outcome stays as long as "
        "the run. Default: as long as the run.",
    ),
    Option(
        name="retention-rollups",
        kind=Kind.TEXT,
        metavar="TIME",
        about="How long counts by the hour are kept. Default: 90d, and a day for dev in memory.",
    ),
    Option(
        name="no-ui",
        kind=Kind.SWITCH,
        about="Serve neither the dashboard, GraphQL nor the stream of changes; the other APIs stay.",
    ),
    Option(
        name="demo",
        kind=Kind.SWITCH,
        modes=_DEV,
        about="Also run a small app, to see a function at work.",
    ),
    Option(
        name="otlp-endpoint",
        kind=Kind.TEXT,
        metavar="URL",
        about="Export runs and steps as OpenTelemetry spans to this collector, such as "
        "http://localhost:4318. Default: OTEL_EXPORTER_OTLP_ENDPOINT; without it, nothing is "
        "exported.",
    ),
    Option(
        name="otlp-protocol",
        kind=Kind.TEXT,
        metavar="PROTOCOL",
        about="http/protobuf or grpc; the latter needs stepwell[otlp]. "
        "Default: OTEL_EXPORTER_OTLP_PROTOCOL, else http/protobuf.",
    ),
    Option(
        name="otlp-headers",
        kind=Kind.LIST,
        metavar="NAME=VALUE",
        is_secret=True,
        about="Header sent to the collector, such as an API key. Can be repeated. "
        "Default: OTEL_EXPORTER_OTLP_HEADERS.",
    ),
    Option(
        name="json",
        kind=Kind.SWITCH,
        about="Log as JSON. Default: when standard error is not a terminal.",
    ),
    Option(name="verbose", kind=Kind.SWITCH, about="Log more; the same as --log-level debug."),
    Option(
        name="log-level",
        kind=Kind.TEXT,
        short="-l",
        metavar="LEVEL",
        about="trace, debug, info, warn or error; the variable LOG_LEVEL wins over the flag. "
        "Default: info.",
    ),
)

_NO_POLLING: Final = "nothing is polled here"
_NO_GATEWAY: Final = "apps connect over HTTP in this version; there is no connect gateway yet"
_OTLP: Final = "spans go to --otlp-endpoint"


def _ignored(name: str, why: str, kind: Kind = Kind.TEXT) -> Option:
    return Option(name=name, kind=kind, about="", fate=Fate.IGNORED, why=why)


def _refused(name: str, why: str) -> Option:
    return Option(name=name, kind=Kind.TEXT, about="", fate=Fate.REFUSED, why=why)


_OF_THE_REFERENCE_ONLY: Final = (
    _ignored("tick", _NO_POLLING),
    _ignored("connect-gateway-port", _NO_GATEWAY),
    _ignored("connect-gateway-grpc-ip", _NO_GATEWAY),
    _ignored("connect-gateway-grpc-port", _NO_GATEWAY),
    _ignored("connect-executor-grpc-ip", _NO_GATEWAY),
    _ignored("connect-executor-grpc-port", _NO_GATEWAY),
    _ignored("debug-api-port", "there is no debug service"),
    _ignored("system-trace-endpoint", _OTLP),
    _ignored("system-trace-url-path", _OTLP),
    _refused(
        "redis-uri",
        "queue and run state are in the database, so no Redis is needed; leave it out",
    ),
)

OPTIONS: Final = _USED + _OF_THE_REFERENCE_ONLY


def options_of(mode: Mode) -> tuple[Option, ...]:
    """The settings that a command knows, in the order in which they are shown."""
    return tuple(option for option in OPTIONS if mode in option.modes)
