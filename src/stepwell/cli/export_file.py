"""Writing JSON lines: to standard output, or into a file that has its name only when it is whole."""

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from stepwell.store.errors import FileExists, FileNotWritten

__all__ = ["written_lines"]

_BUFFER_BYTES: Final = 256 * 1024


def written_lines(values: Iterable[object], output: Path | None) -> int:
    """Write each value as a line of JSON; returns how many there were.

    Raises:
        FileExists: The file exists.
        FileNotWritten: It cannot be written; nothing is left of it.
    """
    if output is None:
        try:
            return _write(values, sys.stdout.buffer)
        except BrokenPipeError:
            # Whoever read has read enough, as `head` does; Python would complain at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
    if output.exists():
        raise FileExists(output, "choose another name, or move it away")
    unfinished = output.with_name(f"{output.name}.part")
    try:
        descriptor = os.open(
            unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600
        )
        with os.fdopen(descriptor, "wb", buffering=_BUFFER_BYTES) as file:
            count = _write(values, file)
            os.fsync(file.fileno())
        unfinished.rename(output)
    except OSError as error:
        raise FileNotWritten(output, error.strerror or str(error)) from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
    return count


def _write(values: Iterable[object], file: BinaryIO) -> int:
    encoder = msgspec.json.Encoder()
    count = 0
    for value in values:
        file.write(encoder.encode(value))
        file.write(b"\n")
        count += 1
    file.flush()
    return count
