"""Why a command of operators failed, and what to do next.

CallerError
├── KeyRefused          the server does not take the key                          SW1010
├── KeyExposed          a key would have been sent where others can read it       SW1011
└── RequestRefused      the server says why it does not do it                     SW1012
OperationalError
├── ServerUnreachable   nobody answers, or not in time                            SW2040
└── ServerUnsuitable    what answers is no server, or one that is too old or new  SW2041
"""

from typing import ClassVar

from stepwell import __version__
from stepwell.wire.errors import CallerError, OperationalError

__all__ = [
    "KeyExposed",
    "KeyRefused",
    "RequestRefused",
    "ServerUnreachable",
    "ServerUnsuitable",
]


class KeyRefused(CallerError):
    """The server answered that a key or token is missing or wrong. The message never shows one."""

    code: ClassVar[str] = "SW1010"
    status = 401


class KeyExposed(CallerError):
    """A key was not sent, because it would have gone over the network unencrypted."""

    code: ClassVar[str] = "SW1011"

    def __init__(self, server: str, key: str) -> None:
        super().__init__(
            f"The {key} was not sent: {server} is another machine, and http:// does not encrypt. "
            "Use https://, or --insecure in a network that you trust"
        )


class RequestRefused(CallerError):
    """The server understood what was asked for, and says why it does not do it.

    Attributes:
        reason: As the server says it.
    """

    code: ClassVar[str] = "SW1012"

    def __init__(self, reason: str, *, advice: str = "") -> None:
        super().__init__(f"{reason}. {advice}" if advice else reason)
        self.reason = reason


class ServerUnreachable(OperationalError):
    """Nothing was answered; whether a change was made is unknown if the connection was lost.

    Attributes:
        reason: What happened, without advice.
    """

    code: ClassVar[str] = "SW2040"

    def __init__(self, server: str, reason: str) -> None:
        super().__init__(
            f"{server} {reason}. Start a server with `stepwell dev`, or name another one with "
            "--server or STEPWELL_SERVER"
        )
        self.reason = f"{server} {reason}"


class ServerUnsuitable(OperationalError):
    """Something answers, but not with what this version of the program asks for.

    Attributes:
        reason: What is wrong.
    """

    code: ClassVar[str] = "SW2041"

    def __init__(self, server: str, reason: str, *, version: str = "") -> None:
        versions = f" (server {version}, this program {__version__})" if version else ""
        self.reason = f"{server} {reason}{versions}"
        super().__init__(self.reason)
