"""The Chromium that the tests use: found on the machine, or installed where one may install."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

__all__ = ["NoBrowser", "find_chromium", "running_browser"]

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_INSTALL_SECONDS_MAX = 300
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Text has the same shapes on every machine.
    "--font-render-hinting=none",
)


class NoBrowser(Exception):
    """There is no Chromium, and none can be installed; the message says what to do."""


def find_chromium() -> str:
    """The path of a Chromium: that of `STEPWELL_CHROMIUM`, one on the path, or Debian's package.

    Raises:
        NoBrowser: There is none.
    """
    chosen = os.environ.get("STEPWELL_CHROMIUM")
    if chosen:
        if not Path(chosen).is_file():
            raise NoBrowser(f"STEPWELL_CHROMIUM names {chosen}, which is not there")
        return chosen
    found = _on_path()
    if found is None and shutil.which("apt-get") and os.geteuid() == 0:
        _install()
        found = _on_path()
    if found is None:
        raise NoBrowser("install Chromium, or let STEPWELL_CHROMIUM name one")
    return found


@contextlib.contextmanager
def running_browser() -> Iterator[Browser]:
    """A Chromium without a window, with a profile of its own that ends with it.

    Raises:
        NoBrowser: There is none.
    """
    path = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def _on_path() -> str | None:
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


def _install() -> None:
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"],
    ):
        done = subprocess.run(
            command,
            env=environ,
            capture_output=True,
            text=True,
            timeout=_INSTALL_SECONDS_MAX,
            check=False,
        )
        if done.returncode:
            raise NoBrowser(f"`{' '.join(command)}` failed: {done.stderr.strip()[-500:]}")
