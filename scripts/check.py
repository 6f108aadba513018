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
import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import urljoin

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
# Made from other files by the tools of the dashboard, and committed.
WEB_GENERATED = (WEB / "src" / "routeTree.gen.ts", WEB / "src" / "graphql-env.d.ts")
# The slowest step takes a few minutes; one that hangs must not use up the time of a CI machine.
STEP_SECONDS_MAX = 720.0
SERVER_START_SECONDS_MAX = 30.0
SERVER_STOP_SECONDS_MAX = 20.0

# The router's generator and the build write into the same folder of sources.
_WEB_SOURCES = threading.Lock()
_FIRST_LOAD = re.compile(r"^first load.*$", re.MULTILINE)

# A proxy of the machine must not see requests to its own loopback.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

_PYTEST_NO_TESTS = 5
_PYTEST_SUMMARY = re.compile(
    r"^(?:=+ )?((?:\d+ [a-z]+(?:, )?)+ in [\d.]+s.*?)(?: =+)?$", re.MULTILINE
)
_PYTEST_COUNT = re.compile(r"(\d+) ([a-z]+)")


class StepError(Exception):
    """A check did not hold; the message says which, its output says why."""


class CannotRunError(Exception):
    """Something the step needs is not there; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One named check."""

    name: str
    about: str
    action: Callable[["StepRun"], None]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a step."""

    step: Step
    verdict: str
    seconds: float
    note: str
    passed: int
    failed: int
    output: str


@dataclass(kw_only=True)
class StepRun:
    """One run of a step: starts its processes, collects their output, ends them when time is up."""

    seed: int
    output: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    end_s: float = float("inf")
    tests_passed: int | None = None
    tests_failed: int = 0
    summary: str = ""
    _process: subprocess.Popen[bytes] | None = None
    _is_stopped: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def call(
        self, *command: str | Path, cwd: Path = ROOT, environ: Mapping[str, str] | None = None
    ) -> int:
        """Exit status of a command that has finished."""
        process = self.start(*command, cwd=cwd, environ=environ)
        try:
            return process.wait(timeout=max(0.0, self.end_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise StepError(f"stopped after {STEP_SECONDS_MAX:.0f} s") from None
        finally:
            self.kill()

    def require(
        self, *command: str | Path, cwd: Path = ROOT, environ: Mapping[str, str] | None = None
    ) -> None:
        """Run a command that has to succeed."""
        status = self.call(*command, cwd=cwd, environ=environ)
        if status != 0:
            raise StepError(f"{Path(command[0]).name} exited with {status}")

    def start(
        self, *command: str | Path, cwd: Path = ROOT, environ: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """A command that goes on running; `kill` ends it and everything it started."""
        with self._lock:
            if self._is_stopped:
                raise StepError("interrupted")
            self.note(f"$ {' '.join(str(part) for part in command)}")
            self._process = subprocess.Popen(
                [str(part) for part in command],
                cwd=cwd,
                env={**_environment(), **(environ or {})},
                stdin=subprocess.DEVNULL,
                stdout=self.output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            return self._process

    def kill(self) -> None:
        """End the running command, if any, with all its children."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        # The group outlives its leader: a failed test may leave a server behind.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End the running command and start no other one."""
        with self._lock:
            self._is_stopped = True
        self.kill()

    def note(self, line: str) -> None:
        """Add a line to the output, in order with what the commands print."""
        self.output.write(f"{line}\n".encode())
        self.output.flush()

    def output_text(self) -> str:
        self.output.seek(0)
        return self.output.read().decode(errors="replace")


def _environment() -> dict[str, str]:
    # The wheel must not find the checkout's packages, nor uv the checkout's environment.
    inherited = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    return inherited | {"NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}


def _tool(name: str) -> Path:
    """A command installed beside this interpreter."""
    path = Path(sys.executable).parent / name
    if not path.exists():
        raise CannotRunError(f"{name} is not installed; run this script with `uv run`")
    return path


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise CannotRunError(f"{name} is not on the path")
    return path


def _check_format(run: StepRun) -> None:
    run.require(_tool("ruff"), "format", "--check", ".")


def _check_lint(run: StepRun) -> None:
    run.require(_tool("ruff"), "check", ".")


def _check_types(run: StepRun) -> None:
    run.require(_tool("mypy"))


def _check_imports(run: StepRun) -> None:
    run.require(_tool("lint-imports"), "--no-logo")


def _check_unit(run: StepRun) -> None:
    _pytest(run, "tests/unit")


def _check_simulation(run: StepRun) -> None:
    _pytest(run, "tests/simulation")


def _check_compat(run: StepRun) -> None:
    _program("node")
    _install_typescript_sdk(run, ROOT / "tests" / "compat" / "typescript")
    _pytest(run, "tests/compat")


def _check_web(run: StepRun) -> None:
    npm = _program("npm")
    _install_web_packages(run)
    with _WEB_SOURCES:
        before = [path.read_bytes() for path in WEB_GENERATED]
        run.require(npm, "run", "check", cwd=WEB)
        changed = [
            str(path.relative_to(ROOT))
            for path, content in zip(WEB_GENERATED, before, strict=True)
            if path.read_bytes() != content
        ]
    if changed:
        raise StepError(f"was not up to date, commit what is there now: {', '.join(changed)}")


def _check_vitest(run: StepRun) -> None:
    node = _program("node")
    _install_web_packages(run)
    with tempfile.TemporaryDirectory(prefix="stepwell-vitest-") as folder:
        report = Path(folder) / "report.json"
        status = run.call(
            *(node, "node_modules/vitest/vitest.mjs", "run", "--reporter=default"),
            *("--reporter=json", f"--outputFile={report}"),
            cwd=WEB,
        )
        if not report.exists():
            raise StepError(f"vitest exited with {status} and without a report")
        counts = json.loads(report.read_bytes())
    run.tests_passed, run.tests_failed = counts["numPassedTests"], counts["numFailedTests"]
    run.summary = f"{run.tests_passed} passed, {run.tests_failed} failed"
    if counts["numTotalTests"] != run.tests_passed + run.tests_failed:
        raise StepError(f"{run.summary}, but there are {counts['numTotalTests']} tests")
    if status != 0:
        raise StepError(run.summary)


def _check_bundle(run: StepRun) -> None:
    node = _program("node")
    _install_web_packages(run)
    with tempfile.TemporaryDirectory(prefix="stepwell-bundle-") as folder:
        with _WEB_SOURCES:
            vite = (node, "node_modules/vite/bin/vite.js", "build")
            run.require(*vite, cwd=WEB, environ={"STEPWELL_UI_OUT": folder})
        status = run.call(node, "scripts/first-load.mjs", folder, cwd=WEB)
        run.summary = "".join(_FIRST_LOAD.findall(run.output_text())[-1:])
        if status != 0:
            raise StepError(f"too much: {run.summary}")
        run.require(node, "scripts/addresses.mjs", folder, cwd=WEB)


def _check_browser(run: StepRun) -> None:
    _program("node")
    _install_typescript_sdk(run, ROOT / "tests" / "compat" / "typescript")
    with _WEB_SOURCES:
        run.require(sys.executable, "hatch_build.py")
    _pytest(run, "tests/web")


def _install_web_packages(run: StepRun) -> None:
    run.require(sys.executable, "hatch_build.py", "--packages")


def _check_openapi(run: StepRun) -> None:
    _tool("schemathesis")
    _pytest(run, "tests/openapi")


def _check_e2e(run: StepRun) -> None:
    _pytest(run, "tests/e2e")


def _check_bench(run: StepRun) -> None:
    if not (ROOT / "bench" / "__main__.py").exists():
        raise CannotRunError("there is no bench/__main__.py")
    run.require(sys.executable, "-m", "bench", "--smoke")
    run.require(sys.executable, "-m", "bench.retention", "--seconds", "5", "--kept", "2")
    run.require(sys.executable, "-m", "bench.run_search", "--runs", "2000", "--repetitions", "2")


def _check_packaging(run: StepRun) -> None:
    """What users install, in an environment that knows nothing of the checkout."""
    uv = _program("uv")
    with tempfile.TemporaryDirectory(prefix="stepwell-packaging-") as name:
        folder = Path(name)
        _copy_checkout(folder / "checkout")
        # Of a clean checkout, and with a Node.js that is too old to build the dashboard.
        run.require(
            *(uv, "build", "--out-dir", folder / "dist", folder / "checkout"),
            environ={"PATH": f"{_old_node(folder / 'bin')}{os.pathsep}{os.environ['PATH']}"},
        )
        (archive,) = (folder / "dist").glob("*.tar.gz")
        _look_into(run, archive)

        (wheel,) = (folder / "dist").glob("*.whl")
        run.require(uv, "venv", "--python", sys.executable, folder / "venv")
        python = folder / "venv" / "bin" / "python"
        run.require(uv, "pip", "install", "--python", python, wheel)

        stepwell = folder / "venv" / "bin" / "stepwell"
        run.require(stepwell, "version", cwd=folder)
        _serve_once(run, stepwell, folder)


def _copy_checkout(target: Path) -> None:
    """Everything of the checkout that Git does not ignore, as it is on the disk."""
    listed = subprocess.run(
        [_program("git"), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def _old_node(folder: Path) -> Path:
    """A folder for the path whose Node.js is too old to build the dashboard."""
    folder.mkdir()
    (folder / "node").write_text("#!/bin/sh\necho v18.0.0\n")
    (folder / "node").chmod(0o755)
    return folder


def _look_into(run: StepRun, archive: Path) -> None:
    """The source archive has what one needs to build it, the built dashboard, and nothing more."""
    with tarfile.open(archive) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    tops = sorted({name.partition("/")[0] for name in names})
    run.note(f"{archive.name}: {len(names)} files in {', '.join(tops)}")

    dashboard = "src/stepwell/dashboard/dist"
    needed = {
        *("hatch_build.py", "pyproject.toml", "LICENSE", "NOTICE", "README.md"),
        *("web/package-lock.json", "web/.npmrc", "web/index.html", "web/src/main.tsx"),
        *(f"{dashboard}/{name}" for name in (".build-id", "index.html", "THIRD_PARTY_LICENSES.md")),
    }
    if missing := sorted(needed - names):
        raise StepError(f"the source archive lacks {', '.join(missing)}")
    unwanted = re.compile(r"(^|/)(node_modules|__pycache__|\.tanstack|screenshots|\.dist-\w+)(/|$)")
    if found := sorted(name for name in names if unwanted.search(name)):
        raise StepError(f"the source archive has {', '.join(found[:5])}")


def _serve_once(run: StepRun, stepwell: Path, folder: Path) -> None:
    port = _free_port()
    server = run.start(
        *(stepwell, "dev", "--no-persist", "--no-discovery", "--port", str(port)), cwd=folder
    )
    try:
        _wait_until_healthy(server, f"http://127.0.0.1:{port}/health")
        run.note("healthy; looking at the dashboard")
        _look_at_dashboard(f"http://127.0.0.1:{port}/")
        run.note("sending SIGINT")
        server.send_signal(signal.SIGINT)
        status = server.wait(timeout=SERVER_STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        raise StepError(f"still running {SERVER_STOP_SECONDS_MAX:.0f} s after SIGINT") from None
    finally:
        run.kill()
    if status != 0:
        raise StepError(f"the server exited with {status} after SIGINT, not with 0")


def _look_at_dashboard(url: str) -> None:
    """The shell and the script that it starts with."""
    try:
        with _OPENER.open(url, timeout=10) as response:
            shell = response.read().decode()
        base = re.search(r'<base href="([^"]*)"', shell)
        entry = re.search(r'<script type="module"[^>]* src="([^"]*)"', shell)
        if base is None or entry is None:
            raise StepError(f"what {url} answers is not the dashboard: {shell[:200]!r}")
        with _OPENER.open(urljoin(urljoin(url, base[1]), entry[1]), timeout=10) as response:
            if "javascript" not in response.headers["content-type"]:
                raise StepError(f"{entry[1]} is {response.headers['content-type']}")
    except urllib.error.URLError as error:
        raise StepError(f"the dashboard is not there: {error}") from None


def _wait_until_healthy(server: subprocess.Popen[bytes], url: str) -> None:
    end_s = time.monotonic() + SERVER_START_SECONDS_MAX
    while time.monotonic() < end_s:
        if server.poll() is not None:
            raise StepError(f"the server exited with {server.returncode} while starting")
        try:
            with _OPENER.open(url, timeout=2) as response:
                if response.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            pass  # not listening yet
        time.sleep(0.1)
    raise StepError(f"{url} did not answer 200 within {SERVER_START_SECONDS_MAX:.0f} s")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _install_typescript_sdk(run: StepRun, folder: Path) -> None:
    """`npm ci`, unless it has already run for this very lock file."""
    lock = folder / "package-lock.json"
    if not lock.exists():
        return
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    mark = folder / "node_modules" / ".stepwell-lock"
    if mark.exists() and mark.read_text() == digest:
        return
    run.require(_program("npm"), "ci", "--no-audit", "--no-fund", cwd=folder)
    mark.write_text(digest)


def _pytest(run: StepRun, folder: str) -> None:
    if not any((ROOT / folder).rglob("test_*.py")):
        raise CannotRunError(f"there are no tests in {folder}")
    status = run.call(
        *(sys.executable, "-m", "pytest", folder, "-q", "--color=no", "-p", "no:cacheprovider"),
        *(f"--randomly-seed={run.seed}", f"--hypothesis-seed={run.seed}"),
    )
    if status == _PYTEST_NO_TESTS:
        raise CannotRunError(f"no test was selected in {folder}")
    summaries = _PYTEST_SUMMARY.findall(run.output_text())
    if not summaries:
        raise StepError(f"pytest exited with {status} and without a summary")
    run.summary = summaries[-1]
    counts = {what: int(count) for count, what in _PYTEST_COUNT.findall(run.summary)}
    run.tests_passed = counts.get("passed", 0)
    run.tests_failed = sum(counts.get(what, 0) for what in ("failed", "error", "errors"))
    if status != 0:
        raise StepError(run.summary)


STEPS = (
    Step(name="format", about="ruff format --check", action=_check_format),
    Step(name="lint", about="ruff check", action=_check_lint),
    Step(name="types", about="mypy, strict, tests included", action=_check_types),
    Step(name="imports", about="rooms import in one direction only", action=_check_imports),
    Step(name="web", about="web: types, GraphQL, format and lint", action=_check_web),
    Step(name="vitest", about="web: components and pure logic", action=_check_vitest),
    Step(name="bundle", about="web: size of the first load, no other hosts", action=_check_bundle),
    Step(name="unit", about="tests/unit", action=_check_unit),
    Step(
        name="simulation", about="tests/simulation: promises under faults", action=_check_simulation
    ),
    Step(name="compat", about="tests/compat: unmodified official SDKs", action=_check_compat),
    Step(
        name="openapi",
        about="tests/openapi: a server keeps to what its document says",
        action=_check_openapi,
    ),
    Step(name="e2e", about="tests/e2e: real processes and kills", action=_check_e2e),
    Step(
        name="browser",
        about="tests/web: the dashboard in a browser, with real apps",
        action=_check_browser,
    ),
    Step(name="bench", about="every benchmark for one iteration", action=_check_bench),
    Step(
        name="packaging", about="build, install and start what users get", action=_check_packaging
    ),
)
FAST = ("lint", "types", "imports", "web", "vitest", "unit")


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
    runs = [StepRun(seed=options.seed) for _ in steps]
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
        "--jobs", type=int, default=3, help="steps at a time (default 3: some of them mostly wait)"
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
