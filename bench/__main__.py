"""Measure a server that speaks the SDK protocol.

    uv run python -m bench                          everything, with the server of this checkout
    uv run python -m bench --workload noop          one workload
    uv run python -m bench --smoke                  a little of everything, in seconds
    uv run python -m bench --postgres 18            on a PostgreSQL of its own
    uv run python -m bench --url http://127.0.0.1:8288
    uv run python -m bench --server-command 'other-server --port {port} --dir {data}'

Exits with status 1 if anything was lost, executed twice, changed or refused; never because of the
time something took.
"""

import argparse
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import msgspec

from bench.app import RegistrationRefusedError
from bench.machine import this_machine
from bench.report import Report, as_json, heading, markdown_row, table
from bench.result import Result
from bench.server import ServerFailedError, default_command
from bench.session import SMOKE, Scale, Session, Target
from bench.workloads import WORKLOADS
from tests.postgres.packages import NEWEST, OLDEST
from tests.postgres.server import PostgresServer


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--workload", action="append", choices=list(WORKLOADS), help="repeatable; default: all"
    )
    parser.add_argument("--smoke", action="store_true", help="one tiny iteration of everything")
    parser.add_argument("--url", help="measure this running server instead of starting one")
    parser.add_argument(
        "--server-command", default=default_command(), help="with {port} and {data} in it"
    )
    parser.add_argument(
        "--server-pid",
        action="append",
        type=int,
        default=[],
        help="with --url: also counts as the server, for example its database; repeatable",
    )
    parser.add_argument(
        "--postgres",
        type=int,
        choices=(OLDEST, NEWEST),
        help="have servers keep everything in a PostgreSQL of this version, which is started",
    )
    parser.add_argument("--event-key", default="bench")
    parser.add_argument(
        "--data-dir",
        type=Path,
        help="parent of the servers' data directories; default: the system's temporary directory",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything as JSON")
    parser.add_argument("--markdown", action="store_true", help="print a row for bench/RESULTS.md")
    defaults = Scale()
    for option, kind in (
        ("duration_s", float),
        ("idle_s", float),
        ("population", int),
        ("in_flight", int),
        ("noop_rate", float),
        ("ten_steps_rate", float),
    ):
        parser.add_argument(
            f"--{option.replace('_', '-')}",
            type=kind,
            help=f"default: {getattr(defaults, option):g}",
        )
    return parser.parse_args()


def _scale(options: argparse.Namespace) -> Scale:
    scale = SMOKE if options.smoke else Scale()
    given = {
        name: getattr(options, name)
        for name in scale.__struct_fields__
        if getattr(options, name, None) is not None
    }
    return msgspec.structs.replace(scale, **given)


def _measure(session: Session, names: list[str]) -> list[Result]:
    results: list[Result] = []
    for name in names:
        for result in WORKLOADS[name](session):
            results.append(result)
            print(f"{result.workload} {result.case}".rstrip(), "done", file=sys.stderr, flush=True)
    return results


def main() -> int:
    options = _arguments()
    # The default would end this process and leave its server behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    data_parent = Path(tempfile.mkdtemp(prefix="stepwell-bench-", dir=options.data_dir))
    target = Target(
        url=options.url,
        command=options.server_command,
        server_pids=options.server_pid,
        data_parent=data_parent,
        event_key=options.event_key,
    )
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(shutil.rmtree, data_parent, ignore_errors=True)
        if options.postgres is not None:
            database = PostgresServer(options.postgres)
            cleanup.callback(database.stop)
            # Servers inherit it, and nobody sees the password among their flags.
            os.environ["STEPWELL_POSTGRES_URI"] = database.uri(database.create_database())
        machine = this_machine(data_parent)
        session = Session(target, _scale(options))
        cleanup.callback(session.close)
        try:
            results = _measure(session, options.workload or list(WORKLOADS))
        except (ServerFailedError, RegistrationRefusedError) as error:
            print(error, file=sys.stderr)
            return 2
    measured = options.url or options.server_command
    if options.postgres is not None:
        measured += f", PostgreSQL {options.postgres}"
    report = Report(machine, measured, results)
    print(heading(report))
    print(table(results))
    if options.markdown:
        print(markdown_row(report))
    if options.json is not None:
        options.json.write_bytes(as_json(report))
    return 0 if all(result.is_sound for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
