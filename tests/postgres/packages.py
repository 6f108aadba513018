"""The programs of PostgreSQL, oldest and newest, as npm hands them out: nothing to set up by hand."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

__all__ = ["NEWEST", "OLDEST", "install", "native_folder"]

OLDEST: Final = 14
NEWEST: Final = 18

_FOLDER: Final = Path(__file__).parent
_LOCK: Final = _FOLDER / "package-lock.json"
_PACKAGES: Final = _FOLDER / "node_modules"
_MARK: Final = _PACKAGES / ".stepwell-lock"
_NPM_LIMIT_S: Final = 300


def native_folder(version: int) -> Path:
    """Where `bin`, `lib` and `share` of that major version are; install them first."""
    return _PACKAGES / f"postgres-{version}" / "native"


def install() -> None:
    """`npm ci`, unless it has already run for this very lock file."""
    with _alone():
        digest = hashlib.sha256(_LOCK.read_bytes()).hexdigest()
        if _MARK.exists() and _MARK.read_text() == digest:
            return
        npm = shutil.which("npm")
        assert npm is not None, "the test databases come from npm: install it"
        done = subprocess.run(
            [npm, "ci"],
            cwd=_FOLDER,
            capture_output=True,
            text=True,
            timeout=_NPM_LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        for version in (OLDEST, NEWEST):
            _link_libraries(version)
        _MARK.write_text(digest)


@contextmanager
def _alone() -> Iterator[None]:
    """Several test runs may come at once."""
    file = os.open(_FOLDER / ".install-lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def _link_libraries(version: int) -> None:
    """Packages cannot hold links; theirs says which there should be."""
    package = _PACKAGES / f"postgres-{version}"
    for link in json.loads((package / "native" / "pg-symlinks.json").read_text()):
        target = package / link["target"]
        target.unlink(missing_ok=True)
        target.symlink_to(Path(link["source"]).name)
