"""Pin every dependency: `uv run python scripts/pins.py` writes today's versions into pyproject.toml.

A lock file would record where packages were downloaded from, which differs from place to place. The
pins stand in `[tool.uv]` instead, and are honoured without a lock file.
"""

import re
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
EXPORT = (
    "uv export --upgrade --no-emit-project --no-hashes --no-annotate --no-header "
    "--all-groups --all-extras"
)
BLOCK = re.compile(r"constraint-dependencies = \[\n.*?\n\]\n", re.DOTALL)


def main() -> int:
    """Write the pins; returns the exit status."""
    exported = subprocess.run(EXPORT.split(), capture_output=True, text=True, check=False)
    if exported.returncode:
        print(exported.stderr, file=sys.stderr)
        return exported.returncode
    pins = [line.strip() for line in exported.stdout.splitlines() if "==" in line]
    lines = "".join(f'  "{pin.replace(chr(34), chr(39))}",\n' for pin in pins)
    text = PROJECT.read_text()
    written, count = BLOCK.subn(lambda _: f"constraint-dependencies = [\n{lines}]\n", text, count=1)
    if count != 1:
        print(f"no constraint-dependencies in {PROJECT}", file=sys.stderr)
        return 1
    PROJECT.write_text(written)
    print(f"{len(pins)} packages pinned")
    return 0


if __name__ == "__main__":
    sys.exit(main())
