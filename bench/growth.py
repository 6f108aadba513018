"""How tables and indexes of PostgreSQL grow while runs go through them for a long time.

    uv run python -m bench.growth                       10 minutes of 60 runs a second
    uv run python -m bench.growth --minutes 60 --rate 100

A third of the runs have ten steps, a third have none and a third sleep for two seconds. History grows
with the runs, by so many bytes each. What is hot (the queue, and what is there only while something
is under way) has to stay as large as it was, or nearly.

Exits with status 1 if anything was lost, executed twice, changed or refused.
"""

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Self

import msgspec
import psycopg

from bench.functions import EVENT_OF
from bench.machine import this_machine
from bench.server import ServerFailedError, default_command
from bench.session import SMOKE, Scale, Session, Target
from tests.postgres.packages import NEWEST, OLDEST
from tests.postgres.server import PostgresServer

_FUNCTIONS = ("ten-steps", "noop", "sleeper")
_NAP = ',"nap":"2s"'
#: What grows with every run, and is dropped by the week.
_HISTORY = ("events", "runs", "journal")
#: Tables below this size are not shown.
_SHOWN_BYTES_MIN = 256 * 1024

# Weeks are added up, to the table they are parts of.
_SIZES = """
SELECT coalesce(pg_partition_root(c.oid), c.oid)::regclass::text,
       sum(pg_table_size(c.oid))::bigint, sum(pg_indexes_size(c.oid))::bigint,
       sum(coalesce(s.n_dead_tup, 0))::bigint
  FROM pg_class c LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
 WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
 GROUP BY 1
"""
_RUNS = "SELECT count(*) FROM runs"


class Size(msgspec.Struct, frozen=True):
    """One table, with all its weeks."""

    table_bytes: int
    index_bytes: int
    dead_rows: int

    @property
    def bytes(self) -> int:
        """With its indexes."""
        return self.table_bytes + self.index_bytes


class Sample(msgspec.Struct, frozen=True):
    """What there was after so many seconds."""

    after_s: float
    runs: int
    tables: dict[str, Size]


class Sampler:
    """Looks at the database so many times, in a thread of its own."""

    def __init__(self, uri: str, *, times: int, every_s: float) -> None:
        self.samples: list[Sample] = []
        self._times = times
        self._uri = uri
        self._every_s = every_s
        self._began_s = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        with psycopg.connect(self._uri, autocommit=True) as database:
            while len(self.samples) < self._times and not self._ended.wait(self._every_s):
                self.samples.append(self._look(database))

    def _look(self, database: "psycopg.Connection[Any]") -> Sample:
        counted = database.execute(_RUNS).fetchone()
        assert counted is not None
        tables = {name: Size(*numbers) for name, *numbers in database.execute(_SIZES)}
        return Sample(time.monotonic() - self._began_s, counted[0], tables)


def _told(samples: list[Sample]) -> list[str]:
    first, last = samples[0], samples[-1]
    lines = [
        "| | " + " | ".join(f"{sample.after_s:.0f} s" for sample in samples) + " |",
        "|---" * (len(samples) + 1) + "|",
        "| runs | " + " | ".join(f"{sample.runs:,}" for sample in samples) + " |",
    ]
    hot = [
        name
        for name, size in sorted(last.tables.items())
        if name not in _HISTORY and size.bytes >= _SHOWN_BYTES_MIN
    ]
    for name in hot:
        sizes = [sample.tables[name] for sample in samples]
        cells = [
            f"{size.table_bytes / 1024:,.0f} + {size.index_bytes / 1024:,.0f}" for size in sizes
        ]
        lines.append(f"| `{name}`, KiB + indexes | {' | '.join(cells)} |")
        dead = " | ".join(f"{size.dead_rows:,}" for size in sizes)
        lines.append(f"| `{name}`, dead rows | {dead} |")
    runs = max(1, last.runs - first.runs)
    for name in _HISTORY:
        before, after = first.tables[name], last.tables[name]
        if after.bytes > before.bytes:
            table = (after.table_bytes - before.table_bytes) / runs
            index = (after.index_bytes - before.index_bytes) / runs
            lines.append(f"`{name}`: {table:,.0f} bytes per run, and {index:,.0f} of indexes")
    return lines


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.growth",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=10, help="default: 10")
    parser.add_argument("--rate", type=float, default=60, help="runs a second; default: 60")
    parser.add_argument("--samples", type=int, default=6, help="default: 6")
    parser.add_argument("--postgres", type=int, choices=(OLDEST, NEWEST), default=NEWEST)
    parser.add_argument("--smoke", action="store_true", help="a moment of it")
    return parser.parse_args()


def main() -> int:
    options = _arguments()
    data_parent = Path(tempfile.mkdtemp(prefix="stepwell-bench-"))
    scale = SMOKE if options.smoke else Scale(duration_s=60 * options.minutes)
    target = Target(
        url=None,
        command=default_command(),
        server_pids=[],
        data_parent=data_parent,
        event_key="bench",
    )
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(shutil.rmtree, data_parent, ignore_errors=True)
        # As often as it is by default; tests want none.
        postgres = PostgresServer(options.postgres, settings={"autovacuum_naptime": "1min"})
        cleanup.callback(postgres.stop)
        uri = os.environ["STEPWELL_POSTGRES_URI"] = postgres.uri(postgres.create_database())
        session = Session(target, scale)
        cleanup.callback(session.close)
        machine = this_machine(data_parent)
        try:
            with (
                session.server() as server,
                Sampler(
                    uri, times=options.samples, every_s=scale.duration_s / options.samples
                ) as sampler,
            ):
                result = session.paced(
                    server,
                    "growth",
                    "",
                    function=_FUNCTIONS[0],
                    events=[EVENT_OF[function] for function in _FUNCTIONS],
                    fields=(_NAP,),
                    rate=options.rate,
                )
        except ServerFailedError as error:
            print(error, file=sys.stderr)
            return 2
    print(f"{machine.line}\nPostgreSQL {options.postgres}, {options.rate:g} runs/s")
    print("\n".join(_told(sampler.samples)))
    if not result.is_sound:
        print(f"not sound: {msgspec.json.encode(result).decode()}", file=sys.stderr)
    return 0 if result.is_sound else 1


if __name__ == "__main__":
    sys.exit(main())
