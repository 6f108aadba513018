"""Sets the clock of one process: Python imports this before anything else if it is on its path.

How many seconds it is wrong stands in a file, and may change at any time.
"""

import os
import time

_true_ns = time.time_ns
_file = os.open(os.environ["CLOCK_WRONG_BY"], os.O_RDONLY)


def _wrong_by_s() -> int:
    return int(os.pread(_file, 20, 0) or b"0")


time.time_ns = lambda: _true_ns() + _wrong_by_s() * 1_000_000_000
time.time = lambda: time.time_ns() / 1e9
