"""The built dashboard: files that the server hands out. Their sources are in `web/`.

The build puts them into `dist/`; an installation from a source tree may do without them.
"""

from pathlib import Path
from typing import Final

__all__ = ["DIRECTORY"]

#: Where the built files are, if they were built: `index.html`, and all that it asks for.
DIRECTORY: Final = Path(__file__).resolve().parent / "dist"
