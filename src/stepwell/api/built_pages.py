"""The files of the built dashboard, in memory: about a megabyte and a half, compressed ones included.

Nothing is looked for on the disk by a name that came with a request, so that no path can lead out of
the directory.
"""

import asyncio
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from stepwell.api.responses import Header

__all__ = ["Built", "BuiltPages", "Encoded", "PageFile", "Shell"]

#: Told here and not by the system, whose table may lack a type or have a wrong one.
_MEDIA_TYPES: Final[Mapping[str, bytes]] = {
    ".css": b"text/css; charset=utf-8",
    ".ico": b"image/x-icon",
    ".js": b"text/javascript; charset=utf-8",
    ".json": b"application/json",
    ".map": b"application/json",
    ".md": b"text/plain; charset=utf-8",
    ".mjs": b"text/javascript; charset=utf-8",
    ".png": b"image/png",
    ".svg": b"image/svg+xml",
    ".txt": b"text/plain; charset=utf-8",
    ".webmanifest": b"application/manifest+json",
    ".webp": b"image/webp",
    ".woff": b"font/woff",
    ".woff2": b"font/woff2",
}
#: Endings of files that were compressed at build time, the best one first.
_ENCODINGS: Final[Mapping[str, bytes]] = {".br": b"br", ".gz": b"gzip"}

_INDEX: Final = "index.html"
_BASE: Final = re.compile(rb'(<base\s+href=")[^"]*(")')
_CONFIG: Final = re.compile(rb'(<script\b[^>]*\bid="stepwell-config"[^>]*>)\s*(</script>)')


class Encoded(msgspec.Struct, frozen=True):
    """One form of a file. `encoding` is None if it is not compressed."""

    encoding: bytes | None
    body: bytes


class PageFile(msgspec.Struct, frozen=True):
    """A file that pages ask for.

    Attributes:
        media_type: What it is.
        forms: Compressed ones first; the last one is the file itself.
    """

    media_type: Header
    forms: tuple[Encoded, ...]

    def best_for(self, accept_encoding: str) -> Encoded:
        """The first form that a client with this header `Accept-Encoding` understands."""
        accepted = frozenset(_accepted(accept_encoding))
        return next(
            form for form in self.forms if form.encoding is None or form.encoding in accepted
        )


class Shell(msgspec.Struct, frozen=True):
    """The page in which all pages of the dashboard are shown, cut where something is filled in."""

    head: bytes
    middle: bytes
    tail: bytes

    @classmethod
    def parse(cls, page: bytes) -> "Shell":
        """Cut the page at the address of its base and in its empty configuration.

        Raises:
            ValueError: One of them is missing, or they stand in the wrong order.
        """
        base, config = _BASE.search(page), _CONFIG.search(page)
        if base is None or config is None or config.start() < base.end():
            raise ValueError('index.html lacks <base href="…"> or, after it, "stepwell-config"')
        return cls(
            page[: base.end(1)], page[base.start(2) : config.end(1)], page[config.start(2) :]
        )

    def filled(self, base: bytes, config: bytes) -> bytes:
        """The page; both parts must be free of what HTML gives a meaning there."""
        return b"".join((self.head, base, self.middle, config, self.tail))


class Built(msgspec.Struct, frozen=True):
    """One build: the shell, and other files by their path, such as `assets/main-Ab1.js`."""

    shell: Shell
    files: Mapping[str, PageFile]


class BuiltPages:
    """The newest build in a directory. It is read when it is asked for, and again when it changes."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._built: Built | None = None
        self._stamp: tuple[int, ...] | None = None
        self._reading = asyncio.Lock()

    async def newest(self) -> Built | None:
        """The build, or None if there is none.

        Raises:
            ValueError: It is not of the form that this version knows.
        """
        if self._is_stale():
            async with self._reading:
                if self._is_stale():
                    stamp = self._stamp_now()
                    self._built = await asyncio.to_thread(_read, self._directory)
                    self._stamp = stamp
        return self._built

    def _is_stale(self) -> bool:
        stamp = self._stamp_now()
        # While a build is being replaced there is none for a moment.
        return stamp is not None and stamp != self._stamp

    def _stamp_now(self) -> tuple[int, ...] | None:
        try:
            found = (self._directory / _INDEX).stat()
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_ino, found.st_size)


def _read(directory: Path) -> Built:
    raw = dict(_contents(directory))
    files = {}
    for path, body in raw.items():
        media_type = _MEDIA_TYPES.get(os.path.splitext(path)[1])  # noqa: PTH122 - a text is wanted
        if media_type is None:
            continue
        forms = [
            Encoded(encoding, raw[path + ending])
            for ending, encoding in _ENCODINGS.items()
            if path + ending in raw
        ]
        files[path] = PageFile((b"content-type", media_type), (*forms, Encoded(None, body)))
    return Built(Shell.parse(raw[_INDEX]), files)


def _contents(directory: Path) -> Iterator[tuple[str, bytes]]:
    """All files by their paths; nothing whose name, or folder's name, begins with a dot."""
    for folder, folders, names in os.walk(directory):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(folder, name)
            if not name.startswith(".") and not path.is_symlink():
                yield path.relative_to(directory).as_posix(), path.read_bytes()


def _accepted(accept_encoding: str) -> Iterator[bytes]:
    """The encodings that the header names. One with `q=0` is one that is not wanted."""
    for part in accept_encoding.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        weights = [text[2:].strip() for text in parameters if text.startswith("q=")]
        if not any(weight.strip("0.") == "" for weight in weights):
            yield name.encode("latin-1", "replace")
