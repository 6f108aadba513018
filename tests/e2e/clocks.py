"""A server whose clock can be set while it runs."""

from collections.abc import Mapping
from pathlib import Path

__all__ = ["SetClock"]

_SITE = Path(__file__).parent / "set_clock"


class SetClock:
    """How wrong the clock of a server is, which is right at first.

    Attributes:
        environ: What the server has to be started with.
    """

    def __init__(self, directory: Path) -> None:
        self._file = directory / "wrong-by"
        self._file.write_bytes(b"%-10d" % 0)
        self.environ: Mapping[str, str] = {
            "PYTHONPATH": str(_SITE),
            "CLOCK_WRONG_BY": str(self._file),
        }

    def set(self, wrong_by_s: int) -> None:
        """Let it be so many seconds ahead from now on."""
        with self._file.open("r+b") as file:
            file.write(b"%-10d" % wrong_by_s)
