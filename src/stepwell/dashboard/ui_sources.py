"""What the built pages are made from, so that one can tell whether they are of this very source.

The build hook loads this file by its path, before the package can be imported: it uses the standard
library only.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

__all__ = ["BUILD_ID", "digest", "is_built"]

#: The file in the folder of built pages that holds the digest of their sources; written last.
BUILD_ID = ".build-id"

_FILES = (
    ".npmrc",
    "index.html",
    "package-lock.json",
    "package.json",
    "schema.graphql",
    "tsconfig.json",
    "vite.config.ts",
)
_FOLDERS = ("public", "src")
# Tests, and modules that the build writes.
_NOT_READ = (".test.", ".gen.")


def digest(web: Path) -> str:
    """SHA-256, in hexadecimal, over the paths and contents of everything the build reads in `web`.

    Times, modes and the place of the checkout do not count, and neither do tests and what the build
    itself derives from the other files.
    """
    total = hashlib.sha256()
    for path in sorted(_sources(web), key=lambda path: path.relative_to(web).as_posix()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(web).as_posix()}\0{content}\n".encode())
    return total.hexdigest()


def is_built(web: Path, built: Path) -> bool:
    """Whether the pages in `built` were made from what is in `web` now."""
    try:
        return (built / BUILD_ID).read_text() == digest(web)
    except FileNotFoundError:
        return False


def _sources(web: Path) -> Iterator[Path]:
    for name in _FILES:
        if (web / name).is_file():
            yield web / name
    for name in _FOLDERS:
        for path in (web / name).rglob("*"):
            if path.is_file() and not any(part in path.name for part in _NOT_READ):
                yield path
