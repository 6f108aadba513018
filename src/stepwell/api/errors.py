"""From what went wrong to what the client is told."""

from typing import Final

import msgspec
import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stepwell.api.responses import JSON, Header, encode_json, send_answer
from stepwell.engine.store import StoreUnavailable
from stepwell.wire.errors import CallerError, DefectError, OperationalError, StepwellError

__all__ = [
    "BodyNotDecodable",
    "BodyTooLarge",
    "ClientGone",
    "EncodingNotSupported",
    "ErrorAnswers",
    "Failure",
    "failure_of",
    "send_error",
]

_log = structlog.get_logger("stepwell.api")

#: When a client may try again if what failed does not say.
_RETRY_AFTER_S: Final = 1
_INTERNAL: Final = "Internal server error"


class BodyTooLarge(CallerError):
    """The request's body is larger than the server takes; nothing of it was accepted.

    Attributes:
        bytes_max: The limit, which holds before and after decompression.
    """

    code = "SW1001"
    status = 413

    def __init__(self, bytes_max: int) -> None:
        super().__init__(f"request body is larger than {bytes_max} bytes; send it in parts")
        self.bytes_max = bytes_max


class BodyNotDecodable(CallerError):
    """The request says that its body is compressed, but it cannot be decompressed."""

    code = "SW1002"
    status = 400

    def __init__(self, encoding: str) -> None:
        super().__init__(f"request body is not valid {encoding}")
        self.encoding = encoding


class EncodingNotSupported(CallerError):
    """The request's body is compressed in a way the server does not know."""

    code = "SW1003"
    status = 415

    def __init__(self, encoding: str) -> None:
        super().__init__(f"content encoding {encoding!r} is not supported; use gzip or none")
        self.encoding = encoding


class ClientGone(Exception):
    """The client closed the connection before it had sent its request; nobody needs an answer."""


class Failure(msgspec.Struct, frozen=True):
    """What a client is told about an error, whatever the shape of the answer is."""

    status: int
    message: str
    code: str | None = None
    headers: tuple[Header, ...] = ()


def failure_of(error: Exception) -> Failure:
    """What to tell about an error. Details of unexpected ones go to the log, never to the client."""
    match error:
        case DefectError():
            _log.error("request.defect", code=error.code, exc_info=error)
            return Failure(error.status, _INTERNAL, error.code)
        case OperationalError():
            after_s = error.retry_after_s if isinstance(error, StoreUnavailable) else _RETRY_AFTER_S
            retry_after = (b"retry-after", b"%d" % after_s)
            return Failure(error.status, str(error), error.code, (retry_after,))
        case BodyTooLarge():
            # What is still on its way is not worth reading.
            return Failure(error.status, str(error), error.code, ((b"connection", b"close"),))
        case StepwellError():
            return Failure(error.status, str(error), error.code)
        case _:
            _log.error("request.failed", exc_info=error)
            return Failure(500, _INTERNAL)


async def send_error(
    send: Send,
    status: int,
    message: str,
    *,
    code: str | None = None,
    headers: tuple[Header, ...] = (),
) -> None:
    """Answer with the error object of the v0, v1, registration and invocation routes.

    Source: HTTP APIs, 1.8.
    """
    body: dict[str, str | int | None] = {} if code is None else {"code": code}
    body |= {"error": message, "data": None, "status": status}
    await send_answer(send, status, encode_json(body) + b"\n", headers=(JSON, *headers))


class ErrorAnswers:
    """Turns what an endpoint raises into an answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_started = False

        async def noticing(message: Message) -> None:
            nonlocal is_started
            is_started = True
            await send(message)

        try:
            await self._app(scope, receive, noticing)
        except ClientGone:
            return
        except Exception as error:
            # An answer that is half sent cannot become another one; the connection is cut instead.
            if is_started or scope["type"] != "http":
                raise
            failure = failure_of(error)
            await send_error(
                send,
                failure.status,
                failure.message,
                code=failure.code,
                headers=failure.headers,
            )
