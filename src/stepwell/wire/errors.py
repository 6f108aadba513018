"""The root of every error Stepwell reports.

    StepwellError
    ├── CallerError        the request is wrong; repeating it unchanged cannot help      SW1xxx
    ├── OperationalError   something Stepwell depends on failed; the request may be repeated  SW2xxx
    ├── AppError           an app answered in a way that cannot be used                 SW3xxx
    └── DefectError        a broken invariant: a bug in Stepwell                        SW9xxx

Each concrete class lives in the room that raises it and has a page `docs/errors/<code>.md`.
"""

from typing import ClassVar

__all__ = ["AppError", "CallerError", "DefectError", "OperationalError", "StepwellError"]


class StepwellError(Exception):
    """Base of everything Stepwell reports. Never raised itself; codes are never reused."""

    code: ClassVar[str]
    status: ClassVar[int] = 500


class CallerError(StepwellError):
    """The caller asked for something that cannot be done. Repeating it unchanged cannot help."""

    status = 400


class OperationalError(StepwellError):
    """Something Stepwell depends on failed. The request may be repeated unchanged."""

    status = 503


class AppError(StepwellError):
    """An app could not be reached or answered in a way that cannot be used."""

    status = 502


class DefectError(StepwellError):
    """An invariant does not hold: a bug in Stepwell, worth a report."""
