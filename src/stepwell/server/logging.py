"""The log: lines for a person at a terminal, JSON for everything else; always on standard error.

Source: HTTP APIs, 14.1.
"""

import contextlib
import json
import logging
import os
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any, Final, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, WrappedLogger

from stepwell.server.log_settings import LEVELS, LogFormat, LogSettings
from stepwell.server.repetitions import Repetitions

__all__ = ["set_up_logging"]

_OWN_NAME: Final = "stepwell"
_STANDARD_LEVELS: Final = {"warning": "warn", "critical": "error", "exception": "error"}


def set_up_logging(
    settings: LogSettings,
    *,
    process: int | None = None,
    stream: TextIO | None = None,
    environ: Mapping[str, str] = os.environ,
) -> LogFormat:
    """Send all entries of the process to the stream, ours and those of libraries.

    Entries below the level cost one call of an empty method. Libraries are heard from "warn" on.

    Args:
        settings: What is logged, and how.
        process: The number of one of several processes, which its entries are to have.
        stream: Standard error if not given.
        environ: `NO_COLOR` keeps lines plain.

    Returns:
        The format that was chosen.
    """
    stream = sys.stderr if stream is None else stream
    log_format = settings.format_for(stream)
    common = _common(log_format, process)
    renderer = _renderer(log_format, with_colors=stream.isatty() and not environ.get("NO_COLOR"))
    structlog.configure(
        processors=[Repetitions(), _add_caller, _add_level, *common, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[settings.level]),
        logger_factory=_LoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_add_library_caller, _add_level, *common],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(LEVELS[settings.level], logging.WARNING))
    return log_format


def _common(log_format: LogFormat, process: int | None) -> list[structlog.typing.Processor]:
    named = [] if process is None else [partial(_add_process, process)]
    if log_format is LogFormat.JSON:
        return [
            *named,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.format_exc_info,
        ]
    return [*named, structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False, key="time")]


def _renderer(log_format: LogFormat, *, with_colors: bool) -> list[structlog.typing.Processor]:
    if log_format is LogFormat.JSON:
        return [_to_json]
    return [
        _without_caller,
        structlog.dev.ConsoleRenderer(
            colors=with_colors,
            sort_keys=False,
            timestamp_key="time",
            pad_event_to=20,
            exception_formatter=structlog.dev.plain_traceback,
        ),
    ]


class _NamedLogger:
    """Writes finished lines, and knows which room they come from."""

    def __init__(self, name: str, stream: TextIO) -> None:
        self.name = name
        self._stream = stream

    def msg(self, line: str) -> None:
        # A terminal that was closed or a disk that is full must not stop the server.
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()

    debug = info = warning = error = critical = exception = log = msg


class _LoggerFactory:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, name: str = _OWN_NAME) -> _NamedLogger:
        return _NamedLogger(name, self._stream)


def _add_caller(logger: WrappedLogger, _method: str, entry: EventDict) -> EventDict:
    entry["caller"] = logger.name.removeprefix(f"{_OWN_NAME}.")
    return entry


def _add_library_caller(_logger: WrappedLogger, _method: str, entry: EventDict) -> EventDict:
    entry["caller"] = entry["_record"].name
    return entry


def _add_process(process: int, _logger: WrappedLogger, _method: str, entry: EventDict) -> EventDict:
    entry["process"] = process
    return entry


def _add_level(_logger: WrappedLogger, method: str, entry: EventDict) -> EventDict:
    entry["level"] = _STANDARD_LEVELS.get(method, method)
    return entry


def _without_caller(_logger: WrappedLogger, _method: str, entry: EventDict) -> EventDict:
    entry.pop("caller", None)
    return entry


def _to_json(_logger: WrappedLogger, _method: str, entry: EventDict) -> str:
    """One JSON object with the keys that log readers of the reference know, those first."""
    ordered: dict[str, Any] = {
        "time": entry.pop("time", None),
        "level": entry.pop("level", None),
        "msg": entry.pop("event", None),
        "caller": entry.pop("caller", None),
    }
    whole = {**ordered, **entry}
    try:
        return msgspec.json.encode(whole, enc_hook=str).decode()
    except UnicodeEncodeError:
        # Names of files may hold bytes that are no text; they are escaped here.
        return json.dumps(whole, default=str, separators=(",", ":"))
