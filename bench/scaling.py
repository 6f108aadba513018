"""What more servers, and more processes of one, bring on one PostgreSQL.

    uv run python -m bench.scaling                  1, 2 and 4 servers, then 1, 2 and 4 processes
    uv run python -m bench.scaling --cores 0.25     each process may use a quarter of a core
    uv run python -m bench.scaling --servers 1 2 --processes

Ten-step runs of many functions, as many in flight per process. Where the machine has no core for
each process, `--cores` gives each a budget of its own (Linux control groups, as root), and the
processor time per 1,000 steps says how far it would go: servers scale as long as that stays what it
is, and the database carries what its own processor time per 1,000 steps lets it.

Exits with status 1 if anything was lost, executed twice, changed or refused.
"""

import argparse
import contextlib
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from bench.app import register
from bench.budget import Budget, NoBudgetsError, budget
from bench.functions import STEPS, copies_of
from bench.machine import Machine, this_machine
from bench.result import Result
from bench.server import OwnServer, ServerFailedError, cpu_s, with_descendants
from bench.session import SMOKE, Scale, Session, Target
from tests.postgres.packages import NEWEST, OLDEST
from tests.postgres.server import PostgresServer

_FUNCTION = "ten-steps"
_SPREAD_LIMIT_S = 60.0
_POLL_S = 0.1

_OWNERS = "SELECT count(*) FROM partitions WHERE node_id <> 0 GROUP BY node_id"
_DONE = """
SELECT (SELECT count(*) FROM runs WHERE ended_ms > 0), pg_current_wal_lsn() - '0/0'::pg_lsn,
       (SELECT sum(xact_commit) FROM pg_stat_database)
"""


class Case(msgspec.Struct, frozen=True):
    """So many servers with so many processes each."""

    servers: int
    processes: int

    @property
    def workers(self) -> int:
        """How many processes work on runs."""
        return self.servers * self.processes

    @property
    def name(self) -> str:
        """How it is shown."""
        if self.processes == 1:
            return f"{self.servers} servers" if self.servers > 1 else "1 server"
        return f"1 server, {self.processes} processes"


class Cost(msgspec.Struct, frozen=True):
    """What 1,000 steps cost the database, from the first event to the last run's end.

    Attributes:
        cpu_s: Processor time of all its processes.
        log_mb: What was written to its log, in 10^6 bytes.
        commits: Transactions.
    """

    cpu_s: float
    log_mb: float
    commits: float


class Servers:
    """Several servers on one database, as `bench.server.Server` is one."""

    def __init__(self, each: Sequence[OwnServer]) -> None:
        self._each = each
        self.url = each[0].url

    @property
    def urls(self) -> list[str]:
        return [server.url for server in self._each]

    def pids(self) -> list[int]:
        return [pid for server in self._each for pid in server.pids()]


def _command(processes: int) -> str:
    script = Path(sys.executable).with_name("stepwell")
    several = f" --processes {processes}" if processes > 1 else ""
    return f"{script} start --port {{port}} --sqlite-dir {{data}} --no-ui{several}"


@contextlib.contextmanager
def _running(case: Case, data_parent: Path, cores: float | None) -> Iterator[Servers]:
    with contextlib.ExitStack() as cleanup:
        servers: list[OwnServer] = []
        for _ in range(case.servers):
            share: Budget | None = None
            if cores is not None:
                share = cleanup.enter_context(budget(cores * case.processes))
            server = OwnServer(_command(case.processes), data_parent)
            cleanup.callback(server.stop)
            server.start()
            if share is not None:
                share.add(server.process_id)
            servers.append(server)
        for server in servers:
            server.wait_until_ready()
        yield Servers(servers)


def _wait_until_spread(database: psycopg.Connection[Any], workers: int) -> None:
    """Until every process owns its share of the partitions."""
    end_s = time.monotonic() + _SPREAD_LIMIT_S
    while True:
        owned = sorted(count for (count,) in database.execute(_OWNERS).fetchall())
        if len(owned) == workers and owned[-1] - owned[0] <= 1:
            return
        if time.monotonic() > end_s:
            raise ServerFailedError(f"the partitions are owned unevenly: {owned}")
        time.sleep(_POLL_S)


def _measure(
    session: Session, case: Case, postgres: PostgresServer, options: argparse.Namespace
) -> tuple[Result, Cost]:
    name = postgres.create_database()
    os.environ["STEPWELL_POSTGRES_URI"] = postgres.uri(name)
    copies = copies_of(_FUNCTION, options.functions)
    with (
        _running(case, session.target.data_parent, options.cores) as servers,
        psycopg.connect(postgres.uri(name), autocommit=True) as database,
    ):
        register(servers.url, session.app.url, copies)
        _wait_until_spread(database, case.workers)
        before, before_s = _seen(database), cpu_s(with_descendants([postgres.process_id]))
        result = session.paced(
            servers,
            "scaling",
            case.name,
            function=_FUNCTION,
            in_flight=options.in_flight * case.workers,
            events=list(copies.values()),
        )
        after, after_s = _seen(database), cpu_s(with_descendants([postgres.process_id]))
    postgres.drop_database(name)
    runs, log_bytes, commits = (new - old for new, old in zip(after, before, strict=True))
    thousands = max(runs, 1) * STEPS / 1_000
    return result, Cost(
        (after_s - before_s) / thousands, log_bytes / 1e6 / thousands, commits / thousands
    )


def _seen(database: psycopg.Connection[Any]) -> tuple[float, float, float]:
    row = database.execute(_DONE).fetchone()
    assert row is not None
    return float(row[0]), float(row[1]), float(row[2])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.scaling",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--servers", type=int, nargs="*", default=[1, 2, 4])
    parser.add_argument("--processes", type=int, nargs="*", default=[2, 4])
    parser.add_argument("--cores", type=float, help="of each process; default: no limit")
    parser.add_argument("--functions", type=int, default=64, help="default: 64")
    parser.add_argument("--in-flight", type=int, default=32, help="runs per process; default: 32")
    parser.add_argument("--duration-s", type=float, default=8, help="default: 8")
    parser.add_argument("--postgres", type=int, choices=(OLDEST, NEWEST), default=NEWEST)
    parser.add_argument("--smoke", action="store_true", help="two servers for a moment")
    return parser.parse_args()


def _cases(options: argparse.Namespace) -> list[Case]:
    if options.smoke:
        return [Case(2, 1)]
    servers = [Case(count, 1) for count in options.servers]
    return servers + [Case(1, count) for count in options.processes]


def _head(machine: Machine, options: argparse.Namespace) -> str:
    cores = "no limit" if options.cores is None else f"{options.cores:g} of a core"
    return (
        f"{machine.line}\nPostgreSQL {options.postgres}, {options.functions} functions, each process: {cores}\n"
        "| | ten-step runs/s | step → step ms p50 / p99 | servers, CPU s per 1,000 steps |"
        " PostgreSQL, CPU s | log MB | commits |\n|---|---|---|---|---|---|---|"
    )


def _row(result: Result, cost: Cost) -> str:
    step, used = result.step_ms, result.cpu_s_per_1000_steps
    latency = "" if step is None else f"{step.p50:.1f} / {step.p99:.1f}"
    return (
        f"| {result.case} | {result.runs_per_s or 0:.0f} | {latency} | {used or 0:.3f} |"
        f" {cost.cpu_s:.3f} | {cost.log_mb:.2f} | {cost.commits:.0f} |"
    )


def main() -> int:
    options = _arguments()
    os.environ.setdefault("STEPWELL_SIGNING_KEY", secrets.token_hex(16))
    os.environ["STEPWELL_EVENT_KEY"] = event_key = secrets.token_hex(8)
    data_parent = Path(tempfile.mkdtemp(prefix="stepwell-bench-"))
    scale = SMOKE if options.smoke else Scale(duration_s=options.duration_s)
    target = Target(
        url=None, command="", server_pids=[], data_parent=data_parent, event_key=event_key
    )
    is_sound = True
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(shutil.rmtree, data_parent, ignore_errors=True)
        postgres = PostgresServer(options.postgres, settings={"max_connections": "200"})
        cleanup.callback(postgres.stop)
        session = Session(target, scale)
        cleanup.callback(session.close)
        print(_head(this_machine(data_parent), options), flush=True)
        try:
            for case in _cases(options):
                result, cost = _measure(session, case, postgres, options)
                print(_row(result, cost), flush=True)
                if not result.is_sound:
                    is_sound = False
                    print(f"not sound: {msgspec.json.encode(result).decode()}", file=sys.stderr)
        except (NoBudgetsError, ServerFailedError) as error:
            print(error, file=sys.stderr)
            return 2
    return 0 if is_sound else 1


if __name__ == "__main__":
    sys.exit(main())
