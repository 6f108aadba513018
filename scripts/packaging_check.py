"""The check of what users install: built, looked into, installed, started and stopped."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urljoin

from step_run import ROOT, StepError, StepRun, program

SERVER_START_SECONDS_MAX = 30.0
SERVER_STOP_SECONDS_MAX = 20.0

# A proxy of the machine must not see requests to its own loopback.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def check_packaging(run: StepRun) -> None:
    """What users install, in an environment that knows nothing of the checkout."""
    uv = program("uv")
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
        [program("git"), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
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
    unwanted = re.compile(
        r"(^|/)(node_modules|__pycache__|\.tanstack|\.build-notes|screenshots|\.dist-\w+)(/|$)"
    )
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
