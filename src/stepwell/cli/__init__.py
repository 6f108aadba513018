"""The command line."""

from stepwell.cli.program import main

__all__ = ["main"]
