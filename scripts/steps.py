"""The checks of the repository, one after the other."""

import hashlib
import json
import re
import sys
import tempfile
import threading
from pathlib import Path

from packaging_check import check_packaging
from step_run import ROOT, CannotRunError, Step, StepError, StepRun, program, tool

WEB = ROOT / "web"
BUILT = ROOT / "src" / "stepwell" / "dashboard" / "dist"
# What the build says about itself; see hatch_build.py.
BUILD_NOTES = WEB / ".build-notes"
# Made from other files by the tools of the dashboard, and committed.
WEB_GENERATED = (WEB / "src" / "routeTree.gen.ts", WEB / "src" / "graphql-env.d.ts")

# The router's generator and the build write into the same folder of sources.
_WEB_SOURCES = threading.Lock()
# Two steps need these packages, and install them if nobody has.
_TYPESCRIPT_SDK = threading.Lock()
_FIRST_LOAD = re.compile(r"^first load.*$", re.MULTILINE)

_PYTEST_NO_TESTS = 5
_PYTEST_SUMMARY = re.compile(
    r"^(?:=+ )?((?:\d+ [a-z]+(?:, )?)+ in [\d.]+s.*?)(?: =+)?$", re.MULTILINE
)
_PYTEST_COUNT = re.compile(r"(\d+) ([a-z]+)")


def _check_format(run: StepRun) -> None:
    run.require(tool("ruff"), "format", "--check", ".")


def _check_lint(run: StepRun) -> None:
    run.require(tool("ruff"), "check", ".")


def _check_types(run: StepRun) -> None:
    run.require(tool("mypy"))


def _check_imports(run: StepRun) -> None:
    run.require(tool("lint-imports"), "--no-logo")


def _check_unit(run: StepRun) -> None:
    _pytest(run, "tests/unit")


def _check_simulation(run: StepRun) -> None:
    _pytest(run, "tests/simulation")


def _check_compat(run: StepRun) -> None:
    program("node")
    _install_typescript_sdk(run, ROOT / "tests" / "compat" / "typescript")
    _pytest(run, "tests/compat")


def _check_web(run: StepRun) -> None:
    npm = program("npm")
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
    node = program("node")
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
    node = program("node")
    if not BUILD_NOTES.exists():
        # The pages were built when nobody kept the notes.
        (BUILT / ".build-id").unlink(missing_ok=True)
    with _WEB_SOURCES:
        run.require(sys.executable, "hatch_build.py")
    status = run.call(node, "scripts/first-load.mjs", BUILT, BUILD_NOTES, cwd=WEB)
    run.summary = "".join(_FIRST_LOAD.findall(run.output_text())[-1:])
    if status != 0:
        raise StepError(f"too much: {run.summary}")
    run.require(node, "scripts/addresses.mjs", BUILT, cwd=WEB)


def _check_browser(run: StepRun) -> None:
    program("node")
    _install_typescript_sdk(run, ROOT / "tests" / "compat" / "typescript")
    with _WEB_SOURCES:
        run.require(sys.executable, "hatch_build.py")
    _pytest(run, "tests/web")


def _install_web_packages(run: StepRun) -> None:
    run.require(sys.executable, "hatch_build.py", "--packages")


def _check_openapi(run: StepRun) -> None:
    tool("schemathesis")
    _pytest(run, "tests/openapi")


def _check_e2e(run: StepRun) -> None:
    _pytest(run, "tests/e2e")


def _check_bench(run: StepRun) -> None:
    if not (ROOT / "bench" / "__main__.py").exists():
        raise CannotRunError("there is no bench/__main__.py")
    run.require(sys.executable, "-m", "bench", "--smoke")
    run.require(sys.executable, "-m", "bench.retention", "--seconds", "5", "--kept", "2")
    run.require(sys.executable, "-m", "bench.scaling", "--smoke")
    run.require(sys.executable, "-m", "bench.growth", "--smoke")
    run.require(sys.executable, "-m", "bench.run_search", "--runs", "2000", "--repetitions", "2")


def _install_typescript_sdk(run: StepRun, folder: Path) -> None:
    """`npm ci`, unless it has already run for this very lock file."""
    lock = folder / "package-lock.json"
    if not lock.exists():
        return
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    mark = folder / "node_modules" / ".stepwell-lock"
    with _TYPESCRIPT_SDK:
        if mark.exists() and mark.read_text() == digest:
            return
        run.require(program("npm"), "ci", "--no-audit", "--no-fund", cwd=folder)
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


# First what takes no time. Then what mostly waits, all of it at once, and beside it what takes most
# of the processors; the short ones fill what is left.
STEPS = (
    Step(name="format", about="ruff format --check", action=_check_format),
    Step(name="lint", about="ruff check", action=_check_lint),
    Step(name="imports", about="rooms import in one direction only", action=_check_imports),
    Step(name="e2e", about="tests/e2e: real processes and kills", action=_check_e2e),
    Step(name="compat", about="tests/compat: unmodified official SDKs", action=_check_compat),
    Step(
        name="browser",
        about="tests/web: the dashboard in a browser, with real apps",
        action=_check_browser,
    ),
    Step(
        name="simulation",
        about="tests/simulation: promises under faults",
        action=_check_simulation,
        is_patient=True,
    ),
    Step(name="unit", about="tests/unit", action=_check_unit, is_patient=True),
    Step(name="vitest", about="web: components and pure logic", action=_check_vitest),
    Step(
        name="openapi",
        about="tests/openapi: a server keeps to what its document says",
        action=_check_openapi,
    ),
    Step(name="packaging", about="build, install and start what users get", action=check_packaging),
    Step(name="bench", about="every benchmark for one iteration", action=_check_bench),
    Step(
        name="web",
        about="web: types, GraphQL, format and lint",
        action=_check_web,
        is_patient=True,
    ),
    Step(name="types", about="mypy, strict, tests included", action=_check_types, is_patient=True),
    Step(name="bundle", about="web: size of the first load, no other hosts", action=_check_bundle),
)
FAST = ("lint", "types", "imports", "web", "vitest", "unit")
