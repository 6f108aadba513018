"""A server that is killed again and again while events come in and steps run."""

import random
import secrets
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.processes import Servers, free_port
from tests.e2e.series import FLAGS, Series

_KILLS = 12


@pytest.mark.timeout(120)
def test_nothing_acknowledged_is_lost_and_no_result_changes(
    servers: Servers, tmp_path: Path
) -> None:
    """Every acknowledged event runs each function once, to its end, with results that stay."""
    seed = secrets.randbits(32)
    draws = random.Random(seed)
    database = tmp_path / ".stepwell" / "main.db"

    start = partial(servers.dev, *FLAGS, port=free_port())

    with closing(Series(start, draws)) as lives:
        ends = [lives.kill] * _KILLS + [lives.terminate, lives.stop_and_continue]
        lives.rounds.end_each_with(ends)
        lives.finish(database)

    sys.stdout.write(f"seed {seed}: {_KILLS} kills, {lives.rounds.check(database)}\n")
