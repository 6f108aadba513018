"""Run every check of the repository, the same ones on a laptop and in CI.

    uv run python scripts/check.py                 everything
    uv run python scripts/check.py --fast          lint, types, imports, unit tests; for both languages
    uv run python scripts/check.py --only unit,e2e

The output of a step is shown when it failed; `-v` shows all of it. A step that cannot run here, for
example because Node is missing, is left out, unless `CI` is set: then it counts as a failure. The
last line is `N passed, M failed`: the tests of the pytest steps, plus one for every other step.

Needs nothing but the standard library and the development dependencies of pyproject.toml.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from step_run import ROOT, STEP_SECONDS_MAX, CannotRunError, Outcome, Step, StepError, StepRun
from steps import FAST, STEPS


def _perform(step: Step, run: StepRun) -> Outcome:
    started_s = time.monotonic()
    # The time of a step begins with it, however long it waited for those before it.
    run.end_s = started_s + STEP_SECONDS_MAX
    verdict, note = "passed", ""
    try:
        step.action(run)
    except CannotRunError as missing:
        verdict, note = "failed" if _is_ci() else "not run", f"cannot run: {missing}"
    except StepError as failure:
        verdict, note = "failed", str(failure)

    is_failed = verdict == "failed"
    if run.tests_passed is None:
        passed, failed = int(verdict == "passed"), int(is_failed)
    else:
        # Tests can all pass and pytest fail, for example on an unknown option of the configuration.
        passed, failed = run.tests_passed, max(run.tests_failed, int(is_failed))
    return Outcome(
        step=step,
        verdict=verdict,
        seconds=time.monotonic() - started_s,
        note=note or run.summary,
        passed=passed,
        failed=failed,
        output=run.output_text(),
    )


def _perform_all(steps: Sequence[Step], options: argparse.Namespace) -> list[Outcome]:
    """Outcomes in the order of the steps; each is reported as soon as it is known."""
    outcomes: dict[str, Outcome] = {}
    runs = [StepRun(seed=options.seed, is_patient=step.is_patient) for step in steps]
    report = threading.Lock()

    def work(step: Step, run: StepRun) -> None:
        outcome = _perform(step, run)
        run.output.close()
        outcomes[step.name] = outcome
        with report:
            _report(outcome, show_output=options.verbose or outcome.verdict == "failed")

    with ThreadPoolExecutor(max_workers=options.jobs) as pool:
        try:
            for future in [pool.submit(work, *each) for each in zip(steps, runs, strict=True)]:
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for run in runs:
                run.stop()
            raise
    return [outcomes[step.name] for step in steps]


def _report(outcome: Outcome, *, show_output: bool) -> None:
    line = f"{outcome.verdict:8} {outcome.step.name:11}{outcome.seconds:7.1f} s  {outcome.note}"
    print(line.rstrip())
    if show_output:
        print("".join(f"    {line}\n" for line in outcome.output.splitlines()), end="")
    sys.stdout.flush()


def _close(outcomes: Sequence[Outcome], seconds: float) -> int:
    """Print the closing table and the last line; returns the exit status."""
    print(f"\n{'step':12}{'result':9}{'time':>8}  summary")
    for outcome in outcomes:
        line = f"{outcome.step.name:12}{outcome.verdict:9}{outcome.seconds:6.1f} s  {outcome.note}"
        print(line.rstrip())
    print(f"{'total':21}{seconds:6.1f} s\n")
    failed = sum(outcome.failed for outcome in outcomes)
    print(f"{sum(outcome.passed for outcome in outcomes)} passed, {failed} failed")
    return 1 if failed else 0


def _is_ci() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def _commit() -> str:
    git = shutil.which("git")
    if git is None:
        return "unknown"
    answer = subprocess.run(
        [git, "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() if answer.returncode == 0 else "unknown"


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    known = [step.name for step in STEPS]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f"no such step: {', '.join(unknown) or '(none)'}; there are {', '.join(known)}"
        )
    return names


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Run every check of the repository, the same ones on a laptop and in CI."
    )
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--only", type=_names, metavar="NAME[,NAME]", help="run these steps only")
    chosen.add_argument("--fast", action="store_true", help=f"run {', '.join(FAST)}")
    chosen.add_argument("--list", action="store_true", help="list the steps and exit")
    parser.add_argument(
        "--jobs", type=int, default=4, help="steps at a time (default 4: some of them mostly wait)"
    )
    parser.add_argument("--seed", type=int, help="repeat with the seed an earlier run printed")
    parser.add_argument("-v", "--verbose", action="store_true", help="show the output of all steps")
    options = parser.parse_args(arguments)
    if options.jobs < 1:
        parser.error("--jobs must be at least 1")
    if options.seed is None:
        options.seed = int.from_bytes(os.urandom(4), "big")
    return options


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    if options.list:
        for step in STEPS:
            print(f"{step.name:12}{step.about}")
        return 0

    # A shell that starts us in the background has SIGINT ignored, which the server would inherit.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    names = FAST if options.fast else options.only
    steps = [step for step in STEPS if names is None or step.name in names]
    version = ".".join(str(part) for part in sys.version_info[:3])
    print(f"commit {_commit()}, Python {version}, seed {options.seed}, {options.jobs} at a time")

    started_s = time.monotonic()
    try:
        outcomes = _perform_all(steps, options)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return _close(outcomes, time.monotonic() - started_s)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
