"""Small disks, which can be filled without doing harm to others."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_CHUNKS_BYTES = (1 << 20, 4096)


@contextmanager
def small_disk(at: Path, size_mib: int, *, owner: int | None = None) -> Iterator[Path]:
    """A disk of its own, mounted at an empty folder while this lasts.

    Args:
        at: The folder.
        size_mib: Its size.
        owner: The user whom it belongs to; ourselves if not given.
    """
    options = f"size={size_mib}m"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "none", str(at)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a disk takes root")
    try:
        if owner is not None:
            os.chown(at, owner, -1)
        yield at
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """While this lasts, there is no byte left on the disk."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for chunk_bytes in _CHUNKS_BYTES:
            with suppress(OSError):
                while file.write(bytes(chunk_bytes)):
                    pass
    try:
        yield
    finally:
        filler.unlink()
