"""Apps: where functions live and what is known about them."""

import msgspec

from stepwell.core.identity import AppId, EnvironmentId

__all__ = ["App"]


class App(msgspec.Struct, frozen=True):
    """An app, as of its last synchronisation.

    Attributes:
        name: The app's own id; empty for a placeholder whose URL is known but that has never
            registered.
        url: Its SDK endpoint, normalised.
        method: How it is called: "serve" or "connect".
        checksum: Of the registration it last sent; equal means nothing changed.
        error: Why it could not be reached or registered, as a protocol code or text; "" if well.
            Source: SDK protocol, 4.9.
        error_detail: JSON list of configuration problems, if that is the error.
        drained_ms: Since when its functions start no new runs; 0 if they do.
        observations: What its SDK observed of its own features, JSON; "" if it sent nothing.
    """

    id: AppId
    environment_id: EnvironmentId
    name: str
    url: str
    method: str = "serve"
    sdk_language: str = ""
    sdk_version: str = ""
    framework: str = ""
    platform: str = ""
    app_version: str = ""
    checksum: str = ""
    error: str = ""
    error_detail: str = ""
    created_ms: int = 0
    synced_ms: int = 0
    archived_ms: int = 0
    drained_ms: int = 0
    observations: str = ""
