"""A small built dashboard, of the form that the real build has."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

from stepwell.api import ApiSettings
from stepwell.api.services import DashboardSettings
from tests.unit.api.api_server import DEV, Answer

__all__ = ["INDEX", "built_into", "config_of", "with_dashboard"]

INDEX = """<!doctype html>
<html lang="en"><head><meta charset="utf-8" />
<base href="/" />
<script id="stepwell-config" type="application/json"></script>
<script src="./theme.js"></script>
<script type="module" crossorigin src="./assets/main-Ab1.js"></script>
</head><body><div id="root"></div></body></html>
"""
SCRIPT = b"console.log('a page');\n" * 60


def built_into(directory: Path) -> Path:
    """Write a build into the directory; the directory."""
    texts = {
        "index.html": INDEX.encode(),
        "theme.js": b"document.documentElement.classList.add('dark');",
        "favicon.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "THIRD_PARTY_LICENSES.md": b"# Licences",
        ".build-id": b"0" * 64,
        ".vite/manifest.json": b"{}",
        ".vite/license.md": b"# Licences",
        "assets/main-Ab1.js": SCRIPT,
        "assets/main-Ab1.js.br": b"brotli of the script",
        "assets/main-Ab1.js.gz": gzip.compress(SCRIPT),
        "assets/letters-Cd2.woff2": b"wOF2",
        "assets/unknown.exe": b"MZ",
        "assets/.hidden.js": b"//",
    }
    for name, content in texts.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return directory


def with_dashboard(directory: Path, settings: ApiSettings = DEV, **changes: Any) -> ApiSettings:
    """The settings of a server that serves that directory."""
    shown = ("server_kind", "version", "signing_key", "event_keys", "metrics_token", "base_path")
    given = {name: getattr(settings, name) for name in shown} | changes
    return ApiSettings(**{"dashboard": DashboardSettings(directory=directory), **given})


def config_of(answer: Answer) -> Any:
    """What the page was told."""
    found = re.search(r'<script id="stepwell-config"[^>]*>(.*?)</script>', answer.text, re.DOTALL)
    assert found is not None, answer.text
    return json.loads(found[1])
