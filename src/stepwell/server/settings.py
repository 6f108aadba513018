"""How a server is set up, from whatever place each setting comes.

Source: HTTP APIs, 14.2 to 14.4.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from stepwell.core.access_token import TokenHash
from stepwell.core.retention import Retention
from stepwell.server import token_settings
from stepwell.server.base_path import base_path
from stepwell.server.config_file import ConfigFile, find_config, read_config
from stepwell.server.errors import SettingInvalid, SettingUnsupported
from stepwell.server.log_settings import LEVELS, LogFormat, LogSettings
from stepwell.server.options import Fate, Kind, Mode, Option, options_of
from stepwell.server.otlp_settings import OtlpSettings, otlp_settings
from stepwell.server.postgres_settings import (
    POOL_OPTIONS,
    POSTGRES_RANGES,
    PostgresSettings,
    postgres_settings,
)
from stepwell.server.retention_settings import retention
from stepwell.wire.signing import SigningKey, SigningKeyInvalid

__all__ = ["DATABASE_NAME", "PORT", "Given", "Settings", "resolve"]

PORT: Final = 8288
"""Where SDKs look for a development server."""

DATABASE_NAME: Final = "main.db"

# What is on the loopback interface is nobody else's business.
_HOST: Final = "127.0.0.1"
_DATA_FOLDER: Final = ".stepwell"
_POLL_INTERVAL_S: Final = 5.0
# A developer wants the prompt back; container managers kill after ten seconds.
_SHUTDOWN_GRACE_S: Final = {Mode.DEV: 2.0, Mode.START: 6.0}
# The reference's default is 100. Calls mostly wait for the app, which costs a connection and no
# processor, and a limit that is reached delays everyone behind it.
_QUEUE_WORKERS: Final = 1000
# Each takes a connection, and a system hands out only so many.
_QUEUE_WORKERS_MAX: Final = 50_000
# Each opens connections to the database. Whoever has more cores has more machines.
_PROCESSES_MAX: Final = 64
_CONCURRENCY_MAX: Final = 1_000_000
_SECONDS_MAX: Final = 86_400.0
_PORT_MAX: Final = 65_535
# Source: HTTP APIs, 14.11.
_STEP_METADATA: Final = "EXPERIMENTAL_STEP_METADATA"

_TRUE: Final = frozenset({"true", "1", "yes", "on", "t", "y"})
_FALSE: Final = frozenset({"false", "0", "no", "off", "f", "n", ""})
_FORMATS: Final = {"json": LogFormat.JSON, "dev": LogFormat.LINES, "txt": LogFormat.LINES}


# A dataclass and not a Struct: serialisers and pretty printers show the fields of a Struct.
@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A checked set of settings.

    Attributes:
        mode: Development server or self-hosted server.
        host: Address or name to listen on.
        port: Port to listen on.
        base_path: Path below which it is reached, without a slash at its end; empty for `/`.
        database: The database file, or None to keep everything in memory.
        postgres: The database that is used instead; None if there is none.
        sdk_urls: Apps the server was told of, as typed.
        discovery: Whether to look for apps on this machine.
        extra_ports: Where to look for them besides the usual ports.
        poll: Whether to ask known apps again and again, and not only those that failed.
        poll_interval_s: Seconds between two rounds.
        retry_interval_s: Seconds between attempts; None is the growing pause.
        processes: How many of them share the work and the port.
        queue_workers: Calls to apps at the same time, of each process.
        concurrency: Steps of all functions at the same time; None is no limit of its own.
        app_concurrency: Steps of one app at the same time, by the app's id; "" is every other app.
            0 is no limit.
        allow_private_requests: Whether steps may have the server fetch from private networks.
        signing_key: Shared with the apps; None in development.
        event_keys: Keys with which events may be sent; empty in development, where any will do.
        operator_token: Of those who run the server; None if the store has it, and in development.
        metrics_token: With which numbers may be read, and nothing else; None if there is none.
        shutdown_grace_s: For calls under way when the server is told to stop.
        otlp: The collector that runs and steps are exported to; None exports nothing.
        step_metadata: Whether apps may attach metadata to runs and steps.
        retention: How long what is kept, where an environment says nothing else.
        ui: Whether to serve what people and operators look at: the dashboard,
            GraphQL, changes.
        demo: Whether to run the demo app.
        log: What is logged, and how.
        config_path: The configuration file that was used.
        notes: What a person should know about how the settings were read.
    """

    mode: Mode
    host: str
    port: int
    database: Path | None
    base_path: str = ""
    postgres: PostgresSettings | None = None
    sdk_urls: tuple[str, ...] = ()
    discovery: bool = False
    extra_ports: tuple[int, ...] = ()
    poll: bool = False
    poll_interval_s: float = _POLL_INTERVAL_S
    retry_interval_s: float | None = None
    processes: int = 1
    queue_workers: int = _QUEUE_WORKERS
    concurrency: int | None = None
    app_concurrency: Mapping[str, int] = field(default_factory=dict)
    allow_private_requests: bool = False
    signing_key: SigningKey | None = None
    event_keys: tuple[str, ...] = field(default=(), repr=False)
    operator_token: TokenHash | None = None
    metrics_token: TokenHash | None = None
    shutdown_grace_s: float = _SHUTDOWN_GRACE_S[Mode.START]
    otlp: OtlpSettings | None = None
    step_metadata: bool = True
    retention: Retention = field(default_factory=Retention)
    ui: bool = True
    demo: bool = False
    log: LogSettings = field(default_factory=LogSettings)
    config_path: Path | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Where settings may come from.

    Attributes:
        flags: By option name; what was not given is missing or None.
        environ: The environment variables.
        directory: The working directory.
        home: The home directory.
    """

    flags: Mapping[str, Any] = field(repr=False)
    environ: Mapping[str, str] = field(repr=False)
    directory: Path
    home: Path


def resolve(mode: Mode, given: Given) -> Settings:
    """The settings for a server.

    A flag wins over `STEPWELL_…`, that over `INNGEST_…`, that over the file, that over the default.

    Raises:
        SettingInvalid: A value cannot be used, or a required one is missing.
        SettingUnsupported: A setting asks for something that this version does not have.
        ConfigFileUnreadable: The file that was asked for cannot be read.
    """
    file = _config_file(given)
    notes = [*file.notes]
    values: dict[str, Any] = {}
    for option in options_of(mode):
        found = _find(option, given, file)
        if found is None:
            continue
        source, raw = found
        if option.fate is Fate.REFUSED:
            raise SettingUnsupported(source, option.why)
        if option.fate is Fate.IGNORED:
            notes.append(f"{source} has no effect: {option.why}")
            continue
        values[option.name] = _value(option, source, raw)
    notes += [*_unknown_keys(file), *_pool_notes(values)]
    log, log_notes = _log_settings(values, given.environ)
    return replace(
        _settings(mode, values, given.directory),
        extra_ports=_extra_ports(given.environ),
        otlp=otlp_settings(values, given.environ),
        step_metadata=given.environ.get(_STEP_METADATA, "").lower() != "false",
        log=log,
        config_path=file.path,
        notes=(*notes, *log_notes),
    )


def _config_file(given: Given) -> ConfigFile:
    variables = (given.environ.get(f"{prefix}_CONFIG") for prefix in ("STEPWELL", "INNGEST"))
    named = next((name for name in (given.flags.get("config"), *variables) if name), None)
    if named is None:
        return find_config(given.directory, given.home)
    return read_config(given.directory / named)


def _find(option: Option, given: Given, file: ConfigFile) -> tuple[str, Any] | None:
    """Where the value comes from, for messages, and the value as it was given."""
    flag = given.flags.get(option.name)
    if flag is not None and flag != ():
        return f"--{option.name}", flag
    for variable in option.variables:
        if value := given.environ.get(variable):
            return variable, value
    for key in (option.name, *option.aliases):
        if (value := file.values.get(key)) is not None:
            return f"{key} in {file.path}", value
    return None


def _unknown_keys(file: ConfigFile) -> list[str]:
    # A file may serve both commands, so what only the other one knows is no mistake.
    known = {
        name
        for mode in Mode
        for option in options_of(mode)
        for name in (option.name, *option.aliases)
    }
    # Settings of another command of the reference.
    known |= {"api-host", "api-port", "prod"}
    return [f"unknown key {key!r} in {file.path}" for key in file.values if key not in known]


def _pool_notes(values: Mapping[str, Any]) -> list[str]:
    if "postgres-uri" in values:
        return []
    return [f"{name} has no effect without postgres-uri" for name in POOL_OPTIONS if name in values]


def _value(option: Option, source: str, raw: object) -> object:
    match option.kind:
        case Kind.SWITCH:
            return _switch(option, source, raw)
        case Kind.LIST:
            return _list(option, source, raw)
        case Kind.NUMBER | Kind.SECONDS:
            return _number(option, source, raw)
        case Kind.TEXT:
            # YAML reads a key of digits as a number.
            if isinstance(raw, str | int | float) and not isinstance(raw, bool):
                return str(raw)
            raise SettingInvalid(option.name, f"{source}: must be a text")


def _switch(option: Option, source: str, raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    text = str(raw).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise SettingInvalid(option.name, f"{source}: {raw!r} is neither true nor false")


def _list(option: Option, source: str, raw: object) -> tuple[str, ...]:
    # A flag is repeated; in the environment, and in files that give a text, commas separate.
    parts = raw.split(",") if isinstance(raw, str) else raw
    if not isinstance(parts, list | tuple) or any(isinstance(p, dict | list) for p in parts):
        raise SettingInvalid(option.name, f"{source}: must be a list of texts")
    return tuple(text for part in parts if (text := str(part).strip()))


def _number(option: Option, source: str, raw: object) -> float:
    if isinstance(raw, bool):
        raise SettingInvalid(option.name, f"{source}: must be a number")
    try:
        value = float(raw) if isinstance(raw, int | float) else float(str(raw).strip())
    except ValueError:
        raise SettingInvalid(option.name, f"{source}: {raw!r} is not a number") from None
    least, most = _RANGES.get(option.name, (0.0, _SECONDS_MAX))
    if not least <= value <= most:  # also says no to NaN
        between = f"from {least:g} to {most:g}"
        raise SettingInvalid(option.name, f"{source}: {raw!r} is not a number {between}")
    if option.kind is Kind.NUMBER and not value.is_integer():
        raise SettingInvalid(option.name, f"{source}: {raw!r} is not a whole number")
    return value


_RANGES: Final = {
    # 0 lets the system choose.
    "port": (0.0, float(_PORT_MAX)),
    "processes": (1.0, float(_PROCESSES_MAX)),
    "queue-workers": (1.0, float(_QUEUE_WORKERS_MAX)),
    "concurrency": (0.0, float(_CONCURRENCY_MAX)),
    **POSTGRES_RANGES,
}


def _log_settings(
    values: Mapping[str, Any], environ: Mapping[str, str]
) -> tuple[LogSettings, list[str]]:
    notes = []
    level = values.get("log-level", "debug" if values.get("verbose") else "info").lower()
    if level not in LEVELS:
        known = ", ".join(LEVELS)
        raise SettingInvalid("log-level", f"--log-level: {level!r} is none of {known}")
    # Other programs have variables of that name, too, so a foreign value stops nobody.
    if variable := environ.get("LOG_LEVEL", "").lower():
        if variable in LEVELS:
            level = variable
        else:
            notes.append(f"LOG_LEVEL={variable} has no effect: it is none of {', '.join(LEVELS)}")
    log_format = LogFormat.JSON if values.get("json") else None
    if handler := environ.get("LOG_HANDLER", "").lower():
        log_format = _FORMATS.get(handler, log_format)
    return LogSettings(level=level, format=log_format), notes


def _settings(mode: Mode, values: Mapping[str, Any], directory: Path) -> Settings:
    is_dev = mode is Mode.DEV
    interval_s = values.get("poll-interval", _POLL_INTERVAL_S if is_dev else 0.0)
    folder = directory / values.get("sqlite-dir", _DATA_FOLDER)
    return Settings(
        mode=mode,
        host=values.get("host", _HOST),
        port=int(values.get("port", PORT)),
        base_path=base_path(values.get("base-path", "/")),
        database=folder / DATABASE_NAME if values.get("persist", True) else None,
        # `-u=URL` arrives with the sign, which no URL begins with.
        sdk_urls=tuple(url.removeprefix("=") for url in values.get("sdk-url", ())),
        discovery=is_dev and not values.get("no-discovery", False),
        poll=interval_s > 0 and not values.get("no-poll", False),
        poll_interval_s=interval_s or _POLL_INTERVAL_S,
        retry_interval_s=values.get("retry-interval") or None,
        processes=_processes(values),
        queue_workers=int(values.get("queue-workers", _QUEUE_WORKERS)),
        concurrency=int(values.get("concurrency", 0)) or None,
        app_concurrency=_app_concurrency(values.get("app-concurrency", ())),
        allow_private_requests=values.get("allow-private-requests", is_dev),
        signing_key=None if is_dev else _signing_key(values),
        event_keys=() if is_dev else _event_keys(values),
        operator_token=token_settings.given_token(token_settings.OPERATOR, values),
        metrics_token=token_settings.given_token(token_settings.METRICS, values),
        shutdown_grace_s=values.get("shutdown-grace", _SHUTDOWN_GRACE_S[mode]),
        postgres=postgres_settings(values),
        retention=retention(values, in_memory=not values.get("persist", True)),
        ui=not values.get("no-ui", False),
        demo=values.get("demo", False),
    )


def _processes(values: Mapping[str, Any]) -> int:
    count = int(values.get("processes", 1))
    if count > 1 and not values.get("postgres-uri", "").strip():
        message = (
            f"--processes: {count} processes need PostgreSQL, because a SQLite file has one writer; "
            "give --postgres-uri, or leave it at 1"
        )
        raise SettingInvalid("processes", message)
    return count


def _app_concurrency(texts: Sequence[str]) -> dict[str, int]:
    """By the app's id; the one for all others stands under ""."""
    limits = {}
    for text in texts:
        app, _, count = text.rpartition("=")
        if not count.isascii() or not count.isdecimal() or int(count) > _CONCURRENCY_MAX:
            message = f"--app-concurrency: {text!r} is neither COUNT nor APP=COUNT"
            raise SettingInvalid("app-concurrency", message)
        limits[app] = int(count)
    return limits


def _extra_ports(environ: Mapping[str, str]) -> tuple[int, ...]:
    """Where many hosts tell an app to listen. Source: HTTP APIs, 14.11."""
    port = environ.get("PORT", "")
    return (int(port),) if port.isdecimal() and 0 < int(port) <= _PORT_MAX else ()


def _signing_key(values: Mapping[str, Any]) -> SigningKey:
    """The key, or the reference's words for what is wrong with it.

    Departs from the protocol in that the prefix does not count, so that prefixed keys work.

    Source: HTTP APIs, 14.4.
    """
    name = "signing-key"
    text = values.get(name, "")
    if not text:
        raise SettingInvalid(name, "signing-key is required")
    try:
        return SigningKey.parse(text)
    except SigningKeyInvalid:
        digits = text.rpartition("-")[2]
        if len(digits) % 2:
            message = "signing-key must be hex string with even number of chars"
        else:
            detail = "only 0-9 and a-f may follow the prefix, and at least two of them"
            message = f"signing-key must be valid hex string: {detail}"
        raise SettingInvalid(name, message) from None


def _event_keys(values: Mapping[str, Any]) -> tuple[str, ...]:
    keys: tuple[str, ...] = values.get("event-key", ())
    if not keys:
        raise SettingInvalid("event-key", "at least one event-key is required")
    return keys
