"""Why a server does not start.

OperationalError
├── SettingInvalid         a setting has a value that cannot be used       SW2010
├── ConfigFileUnreadable   the configuration file cannot be read           SW2011
├── AddressUnavailable     host and port cannot be listened on             SW2012
├── AssertionsDisabled     Python was told to leave out assertions         SW2013
├── SettingUnsupported     a setting asks for what this version has not    SW2014
├── TokenNotShown          nobody would have seen the operator token       SW2017
└── ProcessesEnd           processes end as soon as they are started       SW2019
"""

from pathlib import Path
from typing import ClassVar

from stepwell.wire.errors import OperationalError

__all__ = [
    "AddressUnavailable",
    "AssertionsDisabled",
    "ConfigFileUnreadable",
    "ProcessesEnd",
    "SettingInvalid",
    "SettingUnsupported",
    "TokenNotShown",
]


class SettingInvalid(OperationalError):
    """A setting is missing, or has a value that cannot be used. The message never shows a key.

    Attributes:
        setting: Its name, such as "poll-interval".
    """

    code: ClassVar[str] = "SW2010"

    def __init__(self, setting: str, message: str) -> None:
        super().__init__(message)
        self.setting = setting


class ConfigFileUnreadable(OperationalError):
    """The configuration file that was asked for cannot be read.

    Attributes:
        path: The file.
        reason: What stands in the way.
    """

    code: ClassVar[str] = "SW2011"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"cannot read the configuration file {path}: {reason}")
        self.path = path
        self.reason = reason


class AddressUnavailable(OperationalError):
    """The server cannot listen where it should.

    Attributes:
        host: The address or name that was asked for.
        port: The port that was asked for.
        reason: What the system said.
    """

    code: ClassVar[str] = "SW2012"

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(
            f"cannot listen on {host} port {port} ({reason}); "
            "stop what uses it, or choose another one with --port"
        )
        self.host = host
        self.port = port
        self.reason = reason


class AssertionsDisabled(OperationalError):
    """Python runs with `-O`, which leaves out the assertions that guard stored data."""

    code: ClassVar[str] = "SW2013"

    def __init__(self) -> None:
        super().__init__(
            "Stepwell does not run with disabled assertions, which keep a defect from becoming "
            "wrong data; start Python without -O and without PYTHONOPTIMIZE"
        )


class SettingUnsupported(OperationalError):
    """A setting of the reference server asks for something that this version does not have.

    Attributes:
        setting: Its name, such as "redis-uri".
    """

    code: ClassVar[str] = "SW2014"

    def __init__(self, setting: str, reason: str) -> None:
        super().__init__(f"{setting} is not supported: {reason}")
        self.setting = setting


class TokenNotShown(OperationalError):
    """The first operator token could not be shown, so it was not stored either.

    Attributes:
        reason: What the system said.
    """

    code: ClassVar[str] = "SW2017"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the operator token could not be written to standard output ({reason}); start the "
            "server once where somebody sees it, or choose a token with STEPWELL_OPERATOR_TOKEN"
        )
        self.reason = reason


class ProcessesEnd(OperationalError):
    """All processes of a server end soon after they are started, again and again.

    Attributes:
        reason: How the last one ended.
    """

    code: ClassVar[str] = "SW2019"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"all processes end soon after they are started, the last one with {reason}; the log "
            "has what they said"
        )
        self.reason = reason
