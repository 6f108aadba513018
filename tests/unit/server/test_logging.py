"""The log as machines and people see it."""

import io
import json
import logging
from collections.abc import Iterator

import msgspec
import pytest
import structlog

from stepwell.server.log_settings import LogFormat, LogSettings
from stepwell.server.logging import set_up_logging


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """The configuration belongs to the process, so it is put back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def log_as(settings: LogSettings, stream: io.StringIO, environ: dict[str, str]) -> None:
    set_up_logging(settings, stream=stream, environ=environ)


def test_json_has_the_keys_that_log_readers_know() -> None:
    stream = io.StringIO()
    log_as(LogSettings(), stream, {})

    structlog.get_logger("stepwell.engine").warning("partition.lost", retry_s=0.2)

    (line,) = stream.getvalue().splitlines()
    entry = msgspec.json.decode(line)
    assert list(entry) == ["time", "level", "msg", "caller", "retry_s"]
    del entry["time"]
    assert entry == {
        "level": "warn",
        "msg": "partition.lost",
        "caller": "engine",
        "retry_s": 0.2,
    }


def test_an_exception_is_one_json_entry() -> None:
    stream = io.StringIO()
    log_as(LogSettings(), stream, {})

    try:
        int("wrong")
    except ValueError:
        structlog.get_logger("stepwell.api").exception("request.failed")

    (line,) = stream.getvalue().splitlines()
    entry = msgspec.json.decode(line)
    assert entry["level"] == "error"
    assert entry["exception"].endswith("invalid literal for int() with base 10: 'wrong'")


def test_a_terminal_gets_lines_and_colors_unless_it_does_not_want_them() -> None:
    colored, plain = Terminal(), Terminal()
    log_as(LogSettings(), colored, {})
    structlog.get_logger("stepwell.server").info("server.started", port=8288)
    log_as(LogSettings(), plain, {"NO_COLOR": "1"})
    structlog.get_logger("stepwell.server").info("server.started", port=8288)

    assert "\x1b[" in colored.getvalue()
    assert "server.started" in colored.getvalue()
    assert "\x1b[" not in plain.getvalue()
    assert plain.getvalue().endswith("port=8288\n")


def test_a_chosen_format_wins_over_what_the_stream_is() -> None:
    assert LogSettings(format=LogFormat.JSON).format_for(Terminal()) is LogFormat.JSON
    assert LogSettings(format=LogFormat.LINES).format_for(io.StringIO()) is LogFormat.LINES
    assert LogSettings().format_for(Terminal()) is LogFormat.LINES
    assert LogSettings().format_for(io.StringIO()) is LogFormat.JSON


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("trace", ["a", "b", "c", "d"]),
        ("debug", ["a", "b", "c", "d"]),
        ("info", ["b", "c", "d"]),
        ("warn", ["c", "d"]),
        ("error", ["d"]),
    ],
)
def test_only_what_is_important_enough_is_written(level: str, expected: list[str]) -> None:
    stream = io.StringIO()
    log_as(LogSettings(level), stream, {})

    log = structlog.get_logger("stepwell.server")
    log.debug("a")
    log.info("b")
    log.warning("c")
    log.error("d")

    lines = stream.getvalue().splitlines()
    assert [msgspec.json.decode(line)["msg"] for line in lines] == expected


def test_libraries_are_heard_when_something_is_wrong() -> None:
    stream = io.StringIO()
    log_as(LogSettings(), stream, {})

    logging.getLogger("uvicorn.error").info("chatter")
    logging.getLogger("uvicorn.error").warning("Invalid %s", "request")

    (line,) = stream.getvalue().splitlines()
    entry = msgspec.json.decode(line)
    assert (entry["level"], entry["msg"], entry["caller"]) == (
        "warn",
        "Invalid request",
        "uvicorn.error",
    )


def test_a_stream_that_takes_nothing_any_more_stops_nobody() -> None:
    stream = io.StringIO()
    log_as(LogSettings(), stream, {})
    stream.close()

    structlog.get_logger("stepwell.server").info("server.started")


def test_text_that_is_no_unicode_is_logged_escaped() -> None:
    """Names of files need not be text; an entry about one must not fail its writer."""
    stream = io.StringIO()
    set_up_logging(LogSettings(format=LogFormat.JSON), stream=stream)

    structlog.get_logger("stepwell.server").info("server.started", database="/data/\udcff")

    assert json.loads(stream.getvalue())["database"] == "/data/\udcff"
