"""What is logged, and how. Apart from the logging itself, which commands that log nothing can spare.

Source: HTTP APIs, 14.1.
"""

import enum
import logging
from typing import Final, TextIO

import msgspec

__all__ = ["LEVELS", "LogFormat", "LogSettings"]

#: Trace is debug here: there is nothing below it.
LEVELS: Final = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}


class LogFormat(enum.Enum):
    """How an entry is written."""

    JSON = "json"
    LINES = "lines"


class LogSettings(msgspec.Struct, frozen=True):
    """What is logged, and how.

    Attributes:
        level: The least important level that is logged; a key of `LEVELS`.
        format: None chooses by what standard error is.
    """

    level: str = "info"
    format: LogFormat | None = None

    @property
    def is_verbose(self) -> bool:
        """Whether entries about single runs and steps are wanted."""
        return LEVELS[self.level] <= logging.DEBUG

    def format_for(self, stream: TextIO) -> LogFormat:
        """The format that was chosen, or the one that suits the stream."""
        if self.format is not None:
            return self.format
        return LogFormat.LINES if stream.isatty() else LogFormat.JSON
