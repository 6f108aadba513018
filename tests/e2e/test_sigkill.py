"""A server that is killed again and again while events come in and steps run."""

import random
import secrets
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.checkers import (
    assert_agrees,
    assert_each_started_once,
    assert_sound,
    wait_until_nothing_is_queued,
)
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

    with closing(Series(start, draws, lives=_KILLS + 2)) as lives:
        rounds = [lives.kill] * _KILLS + [lives.terminate, lives.stop_and_continue]
        draws.shuffle(rounds)
        for end_life in rounds:
            lives.go_on()
            end_life()
        record = lives.finish()
        acknowledged, repeated = lives.load.acknowledged, lives.load.repeated
        wait_until_nothing_is_queued(database)
        assert lives.server.stop() == 0

    counts = assert_sound(database)
    assert_each_started_once(database, acknowledged)
    assert_agrees(database, record)
    bodies = sum(len(values) for run in record.runs.values() for values in run.produced.values())
    sys.stdout.write(
        f"seed {seed}: {_KILLS} kills, {len(acknowledged)} events acknowledged"
        f" ({repeated} requests repeated), {counts.runs} runs, {counts.entries} journal entries,"
        f" {counts.results} results, {bodies} values given, {record.calls} calls\n"
    )
