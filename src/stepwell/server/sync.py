"""Asking apps to register: once, and again and again.

Source: SDK protocol, 4.1, 4.2 and 4.8 to 4.10.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
import structlog

from stepwell.api.services import ServerKind
from stepwell.core.sync_failures import (
    IN_BAND_UNREADABLE,
    IN_BAND_UNSIGNED,
    INVALID_FUNCTION,
    SDK_VERSION_DENIED,
    SYNC_BLOCKED,
    UNREACHABLE,
)
from stepwell.core.sync_history import SyncCause
from stepwell.drivers.http import FailureKind, HttpClient, HttpFailure, HttpReply, HttpRequest
from stepwell.engine.clock import Clock
from stepwell.engine.registry import Registry
from stepwell.wire import headers
from stepwell.wire.canonical import canonical_json
from stepwell.wire.errors import OperationalError
from stepwell.wire.registration import RegisterInvalid, parse_in_band
from stepwell.wire.sdk_url import normalise_url
from stepwell.wire.signing import SigningKey, sign, verify_signature

__all__ = ["PING_TIMEOUT_S", "Sleep", "Sync", "SyncSettings", "answer_error"]

_log = structlog.get_logger("stepwell.server")

Sleep = Callable[[float], Awaitable[None]]

#: Source: SDK protocol, 4.2.
PING_TIMEOUT_S: Final = 10.0
#: An app registers while it is being pinged; many at once would only wait for each other.
_PINGS_MAX: Final = 8
#: Longer explanations of an app are cut before they are stored.
_ERROR_CHARS_MAX: Final = 500

_MISSING_SERVER_KEY: Final = "missing_server_signing_key"
_UNSUPPORTED_PROTOCOL: Final = "unsupported_protocol"

# What SDKs say with a 400, and what it comes to; the first that is contained counts.
_MESSAGES: Final = (
    ("No functions registered", "no_functions"),
    ("function is invalid", INVALID_FUNCTION),
    ("You didn't specify your workspace's signing key", "missing_signing_key"),
    ("No INNGEST_ENV branch name found", "missing_branch_env_name"),
    # The SDK repeats what it was told by this server, which has stored it already.
    (SYNC_BLOCKED, SDK_VERSION_DENIED),
)
_STATUSES: Final = {
    401: "unauthorized",
    403: "forbidden",
    404: "url_not_found",
    500: "internal_server_error",
}
_PROTOCOL_FAILURES: Final = frozenset(
    {FailureKind.TLS, FailureKind.INVALID_REQUEST, FailureKind.BAD_RESPONSE}
)


class SyncSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How apps are asked.

    Attributes:
        server_kind: What this server says it is: "dev", or "cloud" for a self-hosted one.
        signing_key: What requests are signed with; None leaves them unsigned.
        needs_key: Whether asking without a signing key is useless.
    """

    server_kind: ServerKind
    signing_key: SigningKey | None = None
    needs_key: bool = False


class _Message(msgspec.Struct, frozen=True):
    message: str = ""


class Sync:
    """Asks apps to register, and notes which of them could not be reached."""

    def __init__(
        self, client: HttpClient, registry: Registry, clock: Clock, *, settings: SyncSettings
    ) -> None:
        self._client = client
        self._registry = registry
        self._clock = clock
        self._settings = settings
        self._told: dict[str, str] = {}
        self._discovered: set[str] = set()

    def note_discovered(self, url: str) -> None:
        """Remember, until the process ends, that the app at a URL was found by looking for apps."""
        self._discovered.add(url)

    def was_discovered(self, url: str) -> bool:
        """Whether the app at a URL was found by looking for apps."""
        return url in self._discovered

    async def ping(
        self, url: str, *, in_band: bool = False, cause: SyncCause = SyncCause.PERSON
    ) -> str:
        """Ask what is at a URL to register.

        An app that can be reached has registered when this returns, because it does so before it
        answers. That it answered does not mean that its registration was accepted; what became of
        it is found with the app in the registry.

        Args:
            url: The SDK endpoint.
            in_band: Take the registration from the answer instead of having the app send it. An
                app that does not allow that registers as usual.
            cause: Why it is asked; decides what is remembered of it.

        Returns:
            Why it could not be reached, which is noted as the error of the apps at that URL; ""
            if it was reached.

        Raises:
            StoreUnavailable: What came of it could not be noted.

        Source: SDK protocol, 4.2, 4.8 and 4.9.
        """
        url = normalise_url(url)
        if self._settings.needs_key and self._settings.signing_key is None:
            error = _MISSING_SERVER_KEY
        else:
            with self._registry.asking(url, cause):
                result = await self._client.fetch(self._request(url, in_band=in_band))
                if isinstance(result, HttpFailure) and result.kind is FailureKind.CLOSED:
                    return UNREACHABLE  # this server is stopping, which says nothing about the app
                error = answer_error(result)
                if not error and in_band:
                    error = await self._take_answer(result)
        if error:
            if self._told.get(url) != error:
                _log.info("sync.failed", url=url, error=error)
            await self._registry.record_error(url, error, cause=cause)
        # One line when something changes, not one a round.
        self._told[url] = error
        return error

    async def poll(self, *, interval_s: float, every_app: bool, sleep: Sleep) -> None:
        """Ping apps now and then after each interval, until cancelled.

        Args:
            interval_s: From the end of one round to the beginning of the next.
            every_app: Whether all are pinged, or only those with an error.
            sleep: Waits for that many seconds.

        Source: SDK protocol, 4.10.
        """
        while True:
            await self.ping_apps(every_app=every_app)
            await sleep(interval_s)

    async def ping_apps(self, *, every_app: bool) -> None:
        """Ping each app that is called by this server, or only those with an error; once."""
        urls = {
            app.url
            for app in self._registry.apps.values()
            if app.method == "serve"
            and app.url
            and not app.archived_ms
            and (every_app or app.error)
        }
        slots = asyncio.Semaphore(_PINGS_MAX)
        async with asyncio.TaskGroup() as pings:
            for url in sorted(urls):
                pings.create_task(self._ping_in_turn(url, slots))

    async def _ping_in_turn(self, url: str, slots: asyncio.Semaphore) -> None:
        async with slots:
            try:
                await self.ping(url, cause=SyncCause.POLL)
            except OperationalError as error:
                # The next round tries again; the store's own trouble is reported where it is.
                _log.warning("sync.not_noted", url=url, reason=str(error))

    def _request(self, url: str, *, in_band: bool) -> HttpRequest:
        settings = self._settings
        body = canonical_json(msgspec.json.encode({"url": url}))
        lines = [
            ("content-type", "application/json"),
            (headers.SERVER_KIND, settings.server_kind),
        ]
        if settings.signing_key is not None:
            now_s = self._clock.now_ms() // 1000
            lines.append((headers.SIGNATURE, sign(body, settings.signing_key, unix_s=now_s)))
        if in_band:
            lines.append((headers.SYNC_KIND, "in_band"))
        return HttpRequest("PUT", url, tuple(lines), body, timeout_s=PING_TIMEOUT_S)

    async def _take_answer(self, result: HttpReply | HttpFailure) -> str:
        """Register what an app answered to an in-band sync; why that failed, or ""."""
        assert isinstance(result, HttpReply)
        if result.headers.get(headers.SYNC_KIND) != "in_band":
            return ""  # it has registered the other way
        key = self._settings.signing_key
        signature = result.headers.get(headers.SIGNATURE)
        now_s = self._clock.now_ms() // 1000
        if key is not None and not verify_signature(signature, result.body, key, now_s=now_s):
            return IN_BAND_UNSIGNED
        try:
            request = parse_in_band(result.body)
        except RegisterInvalid as invalid:
            return f"{IN_BAND_UNREADABLE}: {invalid}"
        platform = result.headers.get(headers.PLATFORM, "")
        registration = await self._registry.register(request, platform=platform)
        if registration.refusal is None:
            return ""
        app = registration.app
        return registration.refusal.message if app is None else app.error


def answer_error(result: HttpReply | HttpFailure) -> str:
    """What an app's answer to a ping says is wrong, as it is stored with the app; "" if nothing.

    Source: SDK protocol, 4.9.
    """
    if isinstance(result, HttpFailure):
        return _UNSUPPORTED_PROTOCOL if result.kind in _PROTOCOL_FAILURES else UNREACHABLE
    if result.status != 400:
        return _STATUSES.get(result.status, "")
    message = _message(result.body)
    if message == "Your signing key is invalid":
        return "invalid_signing_key"
    for part, error in _MESSAGES:
        if part in message:
            return error
    return message[:_ERROR_CHARS_MAX] or "The app answered with status 400"


def _message(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Message).message
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
